//! An answer from its events; an answer that was not streamed is one event.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::field::{count, field, text};
use super::partial::Partial;
use super::{part, stop};
use crate::wire::decoder::Assemble;
use crate::wire::error_body;
use crate::wire::{Answer, Part, PartKind, Piece, Stop, StopKind, Usage};

pub(in crate::wire) fn assemble() -> Box<dyn Assemble> {
    Box::new(Stream::default())
}

/// An answer as far as it came.
#[derive(Debug, Default)]
pub(super) struct Stream {
    answer: Answer,
    /// The candidate that is read, by its index; others are not.
    candidate: Option<Json>,
    finish: Option<String>,
    blocked: Option<String>,
    /// Events so far.
    events: usize,
    /// Where the calls with an id are: the event, and the part.
    calls: HashMap<String, (usize, usize)>,
    /// The call whose arguments still come.
    partial: Option<Partial>,
}

impl Assemble for Stream {
    fn event(&mut self, _: &str, json: Json, heard: &mut dyn FnMut(Piece<'_>)) {
        match json {
            Json::Array(events) => events.iter().for_each(|event| self.take(event, heard)),
            event => self.take(&event, heard),
        }
    }

    fn answer(self: Box<Self>) -> Answer {
        self.finish()
    }
}

impl Stream {
    /// Takes an event.
    pub(super) fn take(&mut self, event: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        self.events += 1;
        if self.answer.fault.is_none() {
            self.answer.fault = error_body::read_error(event);
        }
        for (name, into) in [("responseId", &mut self.answer.id), ("modelVersion", &mut self.answer.model)] {
            let told = text(event, name);
            if !told.is_empty() {
                *into = Some(told.to_owned());
            }
        }
        if let Some(usage) = field(event, "usageMetadata") {
            self.count(usage);
        }
        if let Some(feedback) = field(event, "promptFeedback") {
            self.blocked = field(feedback, "blockReason").and_then(stop::read_word).or_else(|| self.blocked.take());
            self.explain(text(feedback, "blockReasonMessage"));
        }
        if let Some(candidate) = self.choose(event) {
            for part in field(candidate, "content").map(part::list).unwrap_or_default() {
                self.part(part, heard);
            }
            self.finish = field(candidate, "finishReason").and_then(stop::read_word).or_else(|| self.finish.take());
            self.explain(text(candidate, "finishMessage"));
        }
    }

    /// The answer, as far as it came.
    pub(super) fn finish(mut self) -> Answer {
        self.close_call();
        let has_calls = self.answer.calls().next().is_some();
        self.answer.stop = match (self.finish, self.blocked) {
            (Some(word), _) => Some(Stop { kind: stop::meaning(&word, has_calls), word }),
            (None, Some(word)) if self.candidate.is_none() => Some(Stop { kind: StopKind::Filtered, word }),
            (None, _) => None,
        };
        self.answer.whole = self.answer.stop.is_some() && self.answer.fault.is_none();
        self.answer
    }

    /// The candidate of an event that belongs to the answer.
    fn choose<'a>(&mut self, event: &'a Json) -> Option<&'a Json> {
        let candidates = match field(event, "candidates")? {
            Json::Array(candidates) => candidates.as_slice(),
            one => std::slice::from_ref(one),
        };
        let index = |candidate: &Json| field(candidate, "index").cloned().unwrap_or_else(|| Json::from(0));
        let objects = || candidates.iter().filter(|candidate| candidate.is_object());
        let ours = self.candidate.clone().or_else(|| objects().map(index).next())?;
        let found = objects().find(|candidate| index(candidate) == ours);
        self.candidate = Some(ours);
        found
    }

    fn explain(&mut self, message: &str) {
        if !message.is_empty() {
            self.answer.stop_message = Some(message.to_owned());
        }
    }

    /// Counts are of the whole answer so far: the last one counts.
    fn count(&mut self, told: &Json) {
        let known = self.answer.usage.unwrap_or_default();
        let sum = |names: [&str; 2]| match names.map(|name| count(told, name)) {
            [None, None] => None,
            [one, other] => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
        };
        let input = sum(["promptTokenCount", "toolUsePromptTokenCount"]);
        let output = sum(["candidatesTokenCount", "thoughtsTokenCount"]);
        let cached = count(told, "cachedContentTokenCount");
        if input.is_none() && output.is_none() && cached.is_none() {
            return;
        }
        self.answer.usage = Some(Usage {
            input: input.unwrap_or(known.input),
            output: output.unwrap_or(known.output),
            cached: cached.unwrap_or(known.cached),
            reasoning: count(told, "thoughtsTokenCount").unwrap_or(known.reasoning),
        });
    }

    fn part(&mut self, json: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        if self.continues_call(json) {
            return;
        }
        let Some(part) = part::read(json) else { return };
        match &part.kind {
            PartKind::Text(text) | PartKind::Reasoning(text)
                if text.is_empty() && part.source.as_ref().is_none_or(part::is_plain) =>
            {
                return;
            }
            PartKind::Text(text) => heard(Piece::Text(text)),
            PartKind::Reasoning(text) => heard(Piece::Reasoning(text)),
            PartKind::Call(_) if self.is_repeated(&part) => return,
            _ => {}
        }
        if !self.joins(&part) {
            self.answer.parts.push(part);
        }
    }

    /// Joins a text to the one before it, when neither has anything else that has to go back.
    fn joins(&mut self, part: &Part) -> bool {
        let Some(last) = self.answer.parts.last_mut() else { return false };
        let plain = |part: &Part| part.source.as_ref().is_none_or(part::is_plain);
        if !plain(last) || !plain(part) {
            return false;
        }
        match (&mut last.kind, &part.kind) {
            (PartKind::Text(text), PartKind::Text(more)) | (PartKind::Reasoning(text), PartKind::Reasoning(more)) => {
                text.push_str(more);
                if let Some(Json::String(text)) = last.source.as_mut().and_then(|source| source.get_mut("text")) {
                    text.push_str(more);
                }
                true
            }
            _ => false,
        }
    }

    /// True for a call that an earlier event sent already: the same id, name and arguments.
    fn is_repeated(&mut self, part: &Part) -> bool {
        let PartKind::Call(call) = &part.kind else { return false };
        if call.id.is_empty() {
            return false;
        }
        let here = (self.events, self.answer.parts.len());
        let (event, at) = *self.calls.entry(call.id.clone()).or_insert(here);
        event != self.events && self.answer.parts.get(at).is_some_and(|before| before.kind == part.kind)
    }

    /// Takes a piece of a call's arguments.
    fn continues_call(&mut self, json: &Json) -> bool {
        let Some(call) = field(json, "functionCall") else { return false };
        if let Some(partial) = &mut self.partial
            && text(call, "name").is_empty()
        {
            if !partial.take(call) {
                self.close_call();
            }
            return true;
        }
        self.close_call();
        self.partial = Partial::begins(json, self.answer.parts.len());
        // The end of a call that never began.
        self.partial.is_none() && call.as_object().is_some_and(serde_json::Map::is_empty)
    }

    fn close_call(&mut self) {
        if let Some(partial) = self.partial.take() {
            partial.put(&mut self.answer.parts);
        }
    }
}
