//! The parts of a message that arrives in deltas.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::calls::Calls;
use super::value::{fields, items, join, object, text};
use super::{details, tool_call, turn};
use crate::wire::{Part, PartKind, Piece};

/// The parts so far, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Parts {
    begun: Vec<Begun>,
    calls: Calls,
    /// Where the last part of the content is, that of the reasoning, and fields of the message.
    content: Option<usize>,
    reasoning: Option<usize>,
    fields: HashMap<String, usize>,
    /// Bytes of text.
    text_length: usize,
}

/// A part as far as it came.
#[derive(Debug)]
enum Begun {
    /// Text, with further fields of its items.
    Text(String, Map<String, Json>),
    /// Fields of a message that hold reasoning, and the name of the one that is shown.
    Reasoning(Map<String, Json>, Option<String>),
    /// An item of a list of content.
    Item(Json),
    /// A field of the message.
    Field(String, Json),
    Call(usize),
}

impl Parts {
    /// Takes a delta.
    pub(super) fn delta(&mut self, delta: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        self.reasoning(delta, heard);
        match delta.get("content") {
            Some(Json::String(piece)) => self.text(piece, None, heard),
            content => items(content).iter().for_each(|item| self.item(item, heard)),
        }
        for calls in [items(delta.get("tool_calls")), items(delta.get("function_call"))] {
            let known = self.calls.len();
            self.calls.push(calls);
            self.begun.extend((known..self.calls.len()).map(Begun::Call));
        }
        for (name, value) in turn::other_fields(delta) {
            self.field(name, value);
        }
    }

    /// Takes a whole message: in place of deltas, or after them.
    pub(super) fn message(&mut self, message: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        if self.begun.is_empty() {
            return self.delta(message, heard);
        }
        let known = self.calls.len();
        self.calls.push_whole(items(message.get("tool_calls")));
        self.begun.extend((known..self.calls.len()).map(Begun::Call));
        if self.reasoning.is_none() {
            self.reasoning(message, heard);
        }
        let Some(content) = text(message, "content") else { return };
        let may_repeat = content.len() >= self.text_length;
        let came: String = self.begun.iter().filter(|_| may_repeat).filter_map(Begun::text).collect();
        // All that came, with more or not; else a piece.
        self.text(content.strip_prefix(&came).unwrap_or(content), None, heard);
    }

    /// Takes a piece of text; `item` is the item of content that holds it.
    pub(super) fn text(&mut self, piece: &str, item: Option<&Json>, heard: &mut dyn FnMut(Piece<'_>)) {
        if piece.is_empty() {
            return;
        }
        heard(Piece::Text(piece));
        self.text_length += piece.len();
        let beside = item.into_iter().flat_map(fields).filter(|(name, _)| *name != "type" && *name != "text");
        let more = beside.map(|(name, value)| (name.clone(), value.clone()));
        if let Some(Begun::Text(text, beside)) = self.content.and_then(|at| self.begun.get_mut(at)) {
            text.push_str(piece);
            beside.extend(more);
        } else {
            let begun = Begun::Text(piece.to_owned(), more.collect());
            self.begin_content(begun);
        }
    }

    fn item(&mut self, item: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        let part = turn::read_item(item);
        match part.kind {
            PartKind::Text(piece) => return self.text(&piece, Some(item), heard),
            PartKind::Reasoning(piece) if !piece.is_empty() => heard(Piece::Reasoning(&piece)),
            _ => {}
        }
        let thinks = item.get("thinking").is_some();
        match self.content.and_then(|at| self.begun.get_mut(at)) {
            Some(Begun::Item(Json::Object(block))) if thinks && block.get("type") == item.get("type") => {
                details::join_thinking(block, item);
            }
            _ => self.begin_content(Begun::Item(item.clone())),
        }
    }

    fn begin_content(&mut self, begun: Begun) {
        self.content = Some(self.begun.len());
        self.begun.push(begun);
    }

    fn reasoning(&mut self, delta: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        for name in details::FIELDS {
            let Some(value) = delta.get(name).filter(|value| details::holds_reasoning(name, value)) else { continue };
            if matches!(value, Json::String(text) if text.is_empty()) || *value == Json::Array(Vec::new()) {
                continue;
            }
            let at = *self.reasoning.get_or_insert(self.begun.len());
            if at == self.begun.len() {
                self.begun.push(Begun::Reasoning(Map::new(), None));
            }
            let Some(Begun::Reasoning(known, shown)) = self.begun.get_mut(at) else { continue };
            let piece = details::visible_text(value);
            if !piece.is_empty() && *shown.get_or_insert_with(|| name.to_owned()) == name {
                heard(Piece::Reasoning(&piece));
            }
            match (known.entry(name).or_insert_with(|| details::empty(name)), value) {
                (Json::Array(blocks), Json::Array(pieces)) => details::join_blocks(blocks, pieces),
                (known, value) => join(known, value),
            }
        }
    }

    fn field(&mut self, name: &str, value: &Json) {
        let known = self.fields.get(name).and_then(|at| self.begun.get_mut(*at));
        if let Some(Begun::Field(_, known)) = known {
            join(known, value);
        } else {
            self.fields.insert(name.to_owned(), self.begun.len());
            self.begun.push(Begun::Field(name.to_owned(), value.clone()));
        }
    }

    /// The refusal, if there is one.
    pub(super) fn refusal(&self) -> Option<String> {
        match self.fields.get("refusal").and_then(|at| self.begun.get(*at)) {
            Some(Begun::Field(_, Json::String(text))) => Some(text.clone()),
            _ => None,
        }
    }

    /// The parts.
    pub(super) fn finish(self) -> Vec<Part> {
        let mut calls = self.calls.finish();
        let part = |begun: Begun| match begun {
            Begun::Text(text, beside) => Some(text_part(text, beside)),
            Begun::Reasoning(fields, shown) => Some(reasoning_part(fields, shown)),
            Begun::Item(item) => Some(turn::read_item(&item)),
            Begun::Field(name, value) => Some(Part::read(PartKind::Other, object(&name, value))),
            Begun::Call(slot) => calls.get_mut(slot).and_then(Option::take).map(|call| tool_call::read(&call)),
        };
        self.begun.into_iter().filter_map(part).collect()
    }
}

impl Begun {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text, _) = self { Some(text) } else { None }
    }
}

fn text_part(text: String, beside: Map<String, Json>) -> Part {
    let source = if beside.is_empty() {
        Json::from(text.as_str())
    } else {
        let mut item = Map::from_iter([("type".into(), "text".into()), ("text".into(), Json::from(text.as_str()))]);
        item.extend(beside);
        Json::Object(item)
    };
    Part::read(PartKind::Text(text), source)
}

/// The field that was shown is the first of the source.
fn reasoning_part(mut fields: Map<String, Json>, shown: Option<String>) -> Part {
    let mut source = Map::new();
    if let Some((name, value)) = shown.and_then(|name| fields.shift_remove_entry(&name)) {
        source.insert(name, value);
    }
    source.extend(fields);
    let source = Json::Object(source);
    Part::read(PartKind::Reasoning(turn::visible_text(&source)), source)
}
