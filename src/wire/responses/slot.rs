//! One item of a stream while it grows.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::find::LOOKED_AT;
use super::fuller::{best_arguments, fullest, lay_over};
use super::item::{arguments_field, item_type, read_item, text};
use crate::wire::{PartKind, Piece};

/// Where a text of an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In the summary of reasoning.
    Summary,
    /// In the content.
    Content,
}

/// A text of an item while it grows.
#[derive(Debug, Default)]
struct Segment {
    /// Its pieces.
    text: String,
    /// The part as the server sent it.
    part: Map<String, Json>,
}

/// One item of a stream.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Its type.
    pub(super) kind: String,
    /// True when it was only begun by a piece: its own event may still come.
    pub(super) unannounced: bool,
    /// True when its end came.
    pub(super) ended: bool,
    /// The index that the server gave it.
    pub(super) index: Option<i64>,
    /// As it began.
    begun: Map<String, Json>,
    /// As it ended.
    end: Map<String, Json>,
    segments: BTreeMap<(Place, i64, &'static str), Segment>,
    /// Pieces of its arguments.
    pieces: String,
    /// Its arguments, given whole between its begin and its end.
    given: Vec<Json>,
    heard: String,
}

impl Slot {
    /// An item of which nothing but its index is known.
    pub(super) fn at(index: Option<i64>) -> Self {
        Self { index, ..Self::default() }
    }

    /// Takes the item as it begins.
    pub(super) fn begin(&mut self, item: &Json) {
        item_type(item).clone_into(&mut self.kind);
        self.unannounced = false;
        lay_over(&mut self.begun, item);
    }

    /// Takes the item as it ends.
    pub(super) fn end(&mut self, item: &Json) {
        item_type(item).clone_into(&mut self.kind);
        self.ended = true;
        lay_over(&mut self.end, item);
    }

    /// A field that names it, in its newest form.
    pub(super) fn name_of(&self, name: &str) -> &str {
        let named = [&self.end, &self.begun].into_iter().filter_map(|item| item.get(name)?.as_str());
        named.into_iter().find(|named| !named.is_empty()).unwrap_or_default()
    }

    /// Takes a field that an event names besides the item.
    pub(super) fn learn(&mut self, event: &Json, name: &str) {
        let named = text(event, name);
        if !named.is_empty() && self.name_of(name).is_empty() {
            self.begun.insert(name.to_owned(), named.into());
        }
    }

    /// True when pieces of it came.
    pub(super) fn has_pieces(&self) -> bool {
        !self.pieces.is_empty() || !self.segments.is_empty()
    }

    /// Takes a piece of a text.
    pub(super) fn add_text(
        &mut self,
        place: (Place, Option<i64>, &'static str),
        piece: &str,
        heard: &mut dyn FnMut(Piece<'_>),
    ) {
        let key = self.segment(place);
        let segment = self.segments.entry(key).or_default();
        let first = segment.text.is_empty();
        segment.text.push_str(piece);
        if self.ended || piece.is_empty() {
            return;
        }
        if self.kind != "reasoning" {
            heard(Piece::Text(piece));
        } else if first && !self.heard.is_empty() {
            self.heard.push_str("\n\n");
            heard(Piece::Reasoning(&format!("\n\n{piece}")));
        } else {
            heard(Piece::Reasoning(piece));
        }
        self.heard.push_str(piece);
    }

    /// Takes a text that is whole: what its pieces lack is added.
    pub(super) fn whole_text(
        &mut self,
        place: (Place, Option<i64>, &'static str),
        whole: &str,
        heard: &mut dyn FnMut(Piece<'_>),
    ) {
        let key = self.segment(place);
        let segment = self.segments.entry(key).or_default();
        if let Some(rest) = whole.strip_prefix(segment.text.as_str()) {
            let rest = rest.to_owned();
            self.add_text((key.0, Some(key.1), key.2), &rest, heard);
        } else if whole.len() > segment.text.len() {
            whole.clone_into(&mut segment.text);
        }
    }

    /// Takes a part of its content or its summary as the server tells it.
    pub(super) fn add_part(&mut self, place: (Place, Option<i64>, &'static str), part: &Json) {
        let key = self.segment(place);
        lay_over(&mut self.segments.entry(key).or_default().part, part);
    }

    /// Takes an annotation of a text.
    pub(super) fn annotate(&mut self, place: (Place, Option<i64>, &'static str), annotation: &Json) {
        let key = self.segment(place);
        let part = &mut self.segments.entry(key).or_default().part;
        match part.get_mut("annotations") {
            Some(Json::Array(list)) => list.push(annotation.clone()),
            _ => drop(part.insert("annotations".into(), Json::Array(vec![annotation.clone()]))),
        }
    }

    /// Without an index, a text is the last one of its kind.
    fn segment(&self, (place, index, kind): (Place, Option<i64>, &'static str)) -> (Place, i64, &'static str) {
        let last =
            || self.segments.keys().rev().take(LOOKED_AT).find(|key| key.0 == place && key.2 == kind).map(|key| key.1);
        (place, index.or_else(last).unwrap_or(0), kind)
    }

    /// True while arguments may be added: after they were given whole, more are those of another call.
    pub(super) fn takes_arguments(&self, whole: Option<&Json>) -> bool {
        self.given.last().is_none_or(|given| whole == Some(given))
    }

    /// Takes a piece of its arguments.
    pub(super) fn add_arguments(&mut self, piece: &Json) {
        match piece {
            Json::String(piece) => self.pieces.push_str(piece),
            Json::Null => {}
            whole => self.whole_arguments(whole),
        }
    }

    /// Takes its arguments, given whole.
    pub(super) fn whole_arguments(&mut self, whole: &Json) {
        if !whole.is_null() && self.given.last() != Some(whole) {
            self.given.push(whole.clone());
        }
    }

    /// Tells what of an item's text was not heard yet.
    pub(super) fn hear(&mut self, item: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        let (shown, reasoning) = match read_item(item) {
            PartKind::Text(text) => (text, false),
            PartKind::Reasoning(text) => (text, true),
            _ => return,
        };
        if let Some(rest) = shown.strip_prefix(self.heard.as_str()).filter(|rest| !rest.is_empty()) {
            heard(if reasoning { Piece::Reasoning(rest) } else { Piece::Text(rest) });
            self.heard = shown;
        }
    }

    /// The item as far as it came; `last` is what the response says about it in the end.
    pub(super) fn item(&self, last: Option<&Json>) -> Json {
        let mut item = self.begun.clone();
        item.entry("type").or_insert_with(|| self.kind.as_str().into());
        let end = Json::Object(self.end.clone());
        let empty = Json::Null;
        let layers = [last.unwrap_or(&empty), &end];
        for layer in layers.iter().rev() {
            lay_over(&mut item, layer);
        }
        for (place, name) in [(Place::Summary, "summary"), (Place::Content, "content")] {
            let built = self.build_content(place);
            let given = layers.iter().filter_map(|layer| layer.get(name));
            let begun = self.begun.get(name);
            if let Some(fullest) = fullest(given.chain(built.as_ref()).chain(begun)) {
                item.insert(name.to_owned(), fullest.clone());
            }
        }
        if let Some(name) = arguments_field(&self.kind) {
            let given = layers.iter().filter_map(|layer| layer.get(name)).cloned();
            let all = given.chain(self.given.iter().rev().cloned());
            item.insert(name.to_owned(), best_arguments(all.collect(), &self.pieces, self.begun.get(name)));
        }
        let goes_on = item.get("status").is_some_and(|status| status == "in_progress") || self.kind == "reasoning";
        if !self.ended && last.is_none() && goes_on {
            item.insert("status".into(), "incomplete".into());
        }
        Json::Object(item)
    }

    /// Builds a content of the pieces.
    fn build_content(&self, place: Place) -> Option<Json> {
        let parts = self.segments.iter().filter(|(key, _)| key.0 == place).map(|((_, _, kind), segment)| {
            let mut part = segment.part.clone();
            part.entry("type").or_insert_with(|| (*kind).into());
            if *kind == "output_text" {
                part.entry("annotations").or_insert_with(|| Json::Array(Vec::new()));
            }
            let name = if *kind == "refusal" { "refusal" } else { "text" };
            let given = part.get(name).and_then(Json::as_str).unwrap_or_default();
            if given.len() < segment.text.len() || given.is_empty() && *kind != OTHER {
                part.insert(name.to_owned(), segment.text.as_str().into());
            }
            Json::Object(part)
        });
        let parts: Vec<Json> = parts.collect();
        (!parts.is_empty()).then_some(Json::Array(parts))
    }
}

/// The kind of a part that holds no text known here.
pub(super) const OTHER: &str = "";
