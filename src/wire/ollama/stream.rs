//! An answer from its lines; an answer that was not streamed is one line.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::{call, message, stop};
use crate::wire::decoder::Assemble;
use crate::wire::error_body;
use crate::wire::fields::{count, field, text};
use crate::wire::{Answer, Part, PartKind, Piece, Stop, Usage, parse_arguments};

pub(in crate::wire) fn assemble() -> Box<dyn Assemble> {
    Box::new(Stream::default())
}

/// An answer as far as it came.
#[derive(Debug, Default)]
pub(super) struct Stream {
    answer: Answer,
    word: Option<String>,
    done: bool,
    /// Fields of messages without a neutral form.
    others: Map<String, Json>,
    /// Lines so far.
    lines: usize,
    /// Where calls are, by their id.
    by_id: HashMap<String, Place>,
    /// Where calls are, by their index as it is written.
    by_index: HashMap<String, Place>,
    last_call: Option<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    line: usize,
    part: usize,
}

impl Assemble for Stream {
    fn event(&mut self, _: &str, json: Json, heard: &mut dyn FnMut(Piece<'_>)) {
        self.take(&json, heard);
    }

    fn answer(self: Box<Self>) -> Answer {
        self.finish()
    }
}

impl Stream {
    /// Takes a line.
    pub(super) fn take(&mut self, line: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        self.lines += 1;
        if self.answer.fault.is_none() {
            self.answer.fault = error_body::read_error(line);
        }
        if !text(line, "model").is_empty() {
            self.answer.model = Some(text(line, "model").to_owned());
        }
        if let Some(message) = field(line, "message") {
            self.message(message, heard);
        } else if let Some(response) = field(line, "response") {
            self.say(PartKind::Text, message::content(Some(response)), heard);
        }
        self.done |= field(line, "done") == Some(&Json::Bool(true));
        if !text(line, "done_reason").is_empty() {
            self.word = Some(text(line, "done_reason").to_owned());
        }
        self.count(line);
    }

    /// The answer, as far as it came.
    pub(super) fn finish(mut self) -> Answer {
        let pieces = self.answer.parts.iter_mut().filter(|part| matches!(part.kind, PartKind::Call(_)));
        for part in pieces {
            if let Some(source) = part.source.take() {
                *part = call::read(&source);
            }
        }
        if !self.others.is_empty() {
            self.answer.parts.push(Part::read(PartKind::Other, Json::Object(self.others)));
        }
        let has_calls = self.answer.calls().next().is_some();
        self.answer.stop = self.word.map(|word| Stop { kind: stop::meaning(&word, has_calls), word });
        self.answer.whole = self.done && self.answer.fault.is_none();
        self.answer
    }

    fn message(&mut self, message: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        self.say(PartKind::Reasoning, message::content(field(message, "thinking")), heard);
        self.say(PartKind::Text, message::content(field(message, "content")), heard);
        for call in message::calls(message).iter().filter(|call| call.is_object()) {
            self.call(call);
        }
        for (name, value) in message::others(message).unwrap_or_default() {
            match (self.others.get_mut(&name), value) {
                (Some(Json::Array(values)), Json::Array(more)) => values.extend(more),
                (_, value) => {
                    self.others.insert(name, value);
                }
            }
        }
    }

    fn say(&mut self, kind: fn(String) -> PartKind, piece: String, heard: &mut dyn FnMut(Piece<'_>)) {
        if piece.is_empty() {
            return;
        }
        let kind = kind(piece);
        match &kind {
            PartKind::Reasoning(text) => heard(Piece::Reasoning(text)),
            PartKind::Text(text) => heard(Piece::Text(text)),
            _ => {}
        }
        match (self.answer.parts.last_mut().map(|part| &mut part.kind), &kind) {
            (Some(PartKind::Text(text)), PartKind::Text(more))
            | (Some(PartKind::Reasoning(text)), PartKind::Reasoning(more)) => text.push_str(more),
            _ => self.answer.parts.push(Part::new(kind)),
        }
    }

    /// A call comes whole; one without a name, or with the name of one that is not whole yet, is a piece of that one.
    fn call(&mut self, json: &Json) {
        let function = call::function(json);
        let (id, name) = (text(json, "id"), text(function, "name"));
        let index = field(function, "index").or_else(|| field(json, "index")).map(Json::to_string);
        let known = self.by_id.get(id);
        let known = known.or_else(|| index.as_ref().and_then(|index| self.by_index.get(index))).copied();
        let before = known.or(self.last_call.filter(|_| name.is_empty()));
        if let Some(place) = before
            && let Some(part) = self.answer.parts.get_mut(place.part)
            && (name.is_empty() || (place.line != self.lines && is_begun(part, name)))
            && add_arguments(part, json)
        {
            return;
        }
        let part = call::read(json);
        let place = Place { line: self.lines, part: self.answer.parts.len() };
        if !id.is_empty() {
            let before = *self.by_id.entry(id.to_owned()).or_insert(place);
            let same = |before: &Part| before.source.as_ref() == Some(json);
            if before.line != self.lines && self.answer.parts.get(before.part).is_some_and(same) {
                return;
            }
        }
        if let Some(index) = index {
            self.by_index.insert(index, place);
        }
        self.last_call = Some(place);
        self.answer.parts.push(part);
    }

    /// The last counts count.
    fn count(&mut self, line: &Json) {
        let count_of = |name| field(line, name).and_then(count);
        let (input, output) = (count_of("prompt_eval_count"), count_of("eval_count"));
        if input.is_some() || output.is_some() {
            let known = self.answer.usage.unwrap_or_default();
            let (input, output) = (input.unwrap_or(known.input), output.unwrap_or(known.output));
            self.answer.usage = Some(Usage { input, output, cached: 0, reasoning: 0 });
        }
    }
}

/// True for a call of this name whose arguments are the beginning of a text.
fn is_begun(part: &Part, name: &str) -> bool {
    let Some(function) = part.source.as_ref().map(call::function) else { return false };
    let Some(Json::String(begun)) = field(function, "arguments") else { return false };
    let may_be_whole = begun.trim_end().ends_with(['}', '"']);
    text(function, "name") == name && (!may_be_whole || parse_arguments(&function["arguments"]).is_string())
}

/// Adds arguments to a call that has none, or the beginning of a text of them; false: they are none of that call.
fn add_arguments(part: &mut Part, json: &Json) -> bool {
    let Some(source) = part.source.as_mut() else { return false };
    if text(source, "id").is_empty() && !text(json, "id").is_empty() {
        source["id"] = text(json, "id").into();
    }
    let Some(more) = field(call::function(json), "arguments") else { return true };
    let before = if field(source, "function").is_some_and(Json::is_object) { &mut source["function"] } else { source };
    match (before.get_mut("arguments"), more) {
        (Some(Json::String(text)), Json::String(more)) => text.push_str(more),
        (None | Some(Json::Null), more) => before["arguments"] = more.clone(),
        (Some(Json::String(text)), more) if text.is_empty() => before["arguments"] = more.clone(),
        (Some(Json::Object(fields)), more) if fields.is_empty() => before["arguments"] = more.clone(),
        _ => return false,
    }
    true
}
