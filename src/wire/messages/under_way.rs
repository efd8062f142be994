//! Blocks under way: started, continued and stopped by events whose indexes may be wrong.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::block::read_block;
use super::change::{append, change_of, merge, push, sign};
use super::fields::{is_nothing, kind, text};
use super::pieces::Pieces;
use crate::wire::{Part, Piece};

/// A block that is not complete yet.
#[derive(Debug)]
struct Block {
    index: Option<String>,
    json: Map<String, Json>,
    pieces: Pieces,
    open: bool,
    /// True when something was added to what it began with.
    continued: bool,
}

/// The blocks of an answer, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    list: Vec<Block>,
    by_index: HashMap<String, usize>,
    /// The last one that takes input.
    last_tool: Option<usize>,
}

impl Blocks {
    /// A block begins.
    pub(super) fn start(&mut self, index: Option<String>, block: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        let Json::Object(fields) = block else { return };
        let mut json = fields.clone();
        if kind(block).is_empty() {
            json.insert("type".into(), guess(block).into());
        }
        let same = index.as_ref().map_or(self.list.len().checked_sub(1), |index| self.by_index.get(index).copied());
        if let Some(begun) = same.and_then(|at| self.list.get_mut(at)).filter(|begun| begun.is_the_same(&json)) {
            begun.fill(json);
            return;
        }
        if let Some(text) = json.get("text").and_then(Json::as_str).filter(|_| is(&json, "text")) {
            hear(heard, Piece::Text(text));
        }
        if let Some(text) = json.get("thinking").and_then(Json::as_str).filter(|_| is(&json, "thinking")) {
            hear(heard, Piece::Reasoning(text));
        }
        self.add(index, json);
    }

    fn add(&mut self, index: Option<String>, json: Map<String, Json>) -> usize {
        let at = self.list.len();
        let block = Block { index, json, pieces: Pieces::default(), open: true, continued: false };
        if block.takes("input_json_delta") {
            self.last_tool = Some(at);
        }
        if let Some(index) = &block.index {
            self.by_index.insert(index.clone(), at);
        }
        self.list.push(block);
        at
    }

    /// A block goes on.
    pub(super) fn delta(&mut self, index: Option<String>, delta: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        let (change, value) = change_of(delta);
        let said = value.and_then(Json::as_str).unwrap_or_default();
        // Imitators sign blocks of all kinds.
        let signed =
            || index.as_ref().filter(|_| change == "signature_delta").and_then(|index| self.by_index.get(index));
        let at = self.locate(index.as_deref(), change).or_else(|| signed().copied());
        let Some(at) = at.or_else(|| self.begin(index, change, said)) else { return };
        let Some(block) = self.list.get_mut(at) else { return };
        block.continued = true;
        match change {
            "text_delta" => {
                append(&mut block.json, "text", said);
                hear(heard, Piece::Text(said));
            }
            "thinking_delta" => {
                append(&mut block.json, "thinking", said);
                hear(heard, Piece::Reasoning(said));
            }
            "signature_delta" => sign(&mut block.json, said),
            "input_json_delta" => match value {
                Some(Json::String(piece)) => block.pieces.push(piece),
                Some(whole) if !whole.is_null() => block.pieces.push(&whole.to_string()),
                _ => {}
            },
            "citations_delta" => push(&mut block.json, "citations", value),
            _ => merge(&mut block.json, delta),
        }
    }

    /// The block that a change belongs to: by index, else by position.
    fn locate(&self, index: Option<&str>, change: &str) -> Option<usize> {
        let takes = |at: &usize| self.list.get(*at).is_some_and(|block| block.takes(change));
        let goes_on = |at: &usize| self.list.get(*at).is_some_and(|block| block.open && !block.pieces.is_whole());
        let indexed = index.and_then(|index| self.by_index.get(index).copied()).filter(takes);
        let last = self.list.len().checked_sub(1).filter(takes);
        let no_index = |at: &usize| index.is_none() || self.list.get(*at).is_some_and(|block| block.index.is_none());
        indexed
            .filter(goes_on)
            .or_else(|| self.last_tool.filter(|at| change == "input_json_delta" && goes_on(at)))
            .or_else(|| last.filter(|at| no_index(at) && goes_on(at)))
            .or(indexed)
            .or_else(|| last.filter(no_index))
    }

    /// A change to a block that was never started begins it.
    fn begin(&mut self, index: Option<String>, change: &str, said: &str) -> Option<usize> {
        let kind = match change {
            "text_delta" | "citations_delta" => "text",
            "thinking_delta" | "signature_delta" => "thinking",
            "input_json_delta" if !said.trim().is_empty() => "tool_use",
            _ => return None,
        };
        Some(self.add(index, Map::from_iter([("type".to_owned(), kind.into())])))
    }

    /// A block ends.
    pub(super) fn stop(&mut self, index: Option<&str>, block: Option<&Json>) {
        let indexed = index.and_then(|index| self.by_index.get(index).copied());
        let open = |at: &usize| self.list.get(*at).is_some_and(|block| block.open);
        let last = || self.list.len().checked_sub(1).filter(open);
        let Some(at) = indexed.filter(open).or_else(last) else { return };
        if let Some(stopped) = self.list.get_mut(at) {
            stopped.open = false;
            if let Some(Json::Object(block)) = block.filter(|block| kind(block) == kind_of(&stopped.json)) {
                stopped.fill(block.clone());
            }
        }
    }

    /// True before the first block.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The parts, as far as they came.
    pub(super) fn parts(self) -> Vec<Part> {
        self.list.into_iter().map(Block::finish).collect()
    }
}

impl Block {
    /// True when a change of a kind can be meant for this block.
    fn takes(&self, change: &str) -> bool {
        let kind = kind_of(&self.json);
        match change {
            "text_delta" | "citations_delta" => kind == "text",
            "thinking_delta" | "signature_delta" => kind == "thinking",
            "input_json_delta" => !matches!(kind, "text" | "thinking" | "redacted_thinking"),
            _ => true,
        }
    }

    /// True when a start repeats this block, and is not another one with the same index.
    fn is_the_same(&self, json: &Map<String, Json>) -> bool {
        if !self.open || kind_of(&self.json) != kind_of(json) {
            return false;
        }
        let id = |json: &Map<String, Json>| json.get("id").and_then(Json::as_str).unwrap_or_default().to_owned();
        match (id(&self.json), id(json)) {
            (own, other) if own.is_empty() && other.is_empty() => {
                !self.continued && self.json == *json && matches!(kind_of(json), "text" | "thinking")
            }
            (own, other) => {
                let differs = |name: &str| match (self.json.get(name), json.get(name)) {
                    (Some(own), Some(other)) => own != other && !is_nothing(own) && !is_nothing(other),
                    _ => false,
                };
                own == other && !self.pieces.is_whole() && !differs("name") && !differs("input")
            }
        }
    }

    /// Takes fields that are not there yet.
    fn fill(&mut self, json: Map<String, Json>) {
        for (name, value) in json {
            let has = self.json.get(&name).is_some_and(|own| !is_nothing(own));
            if !has && !is_nothing(&value) {
                self.json.insert(name, value);
            }
        }
    }

    fn finish(self) -> Part {
        let mut json = self.json;
        if let Some(input) = self.pieces.input(json.get("input")) {
            json.insert("input".into(), input);
        } else if is(&json, "tool_use") {
            json.insert("input".into(), Json::Object(Map::new()));
        }
        read_block(Json::Object(json))
    }
}

/// The type of a block that does not say it.
fn guess(block: &Json) -> &'static str {
    if text(block, "name").is_some() {
        "tool_use"
    } else if block.get("thinking").is_some() {
        "thinking"
    } else {
        "text"
    }
}

fn kind_of(json: &Map<String, Json>) -> &str {
    json.get("type").and_then(Json::as_str).unwrap_or_default()
}

fn is(json: &Map<String, Json>, kind: &str) -> bool {
    kind_of(json) == kind
}

fn hear(heard: &mut dyn FnMut(Piece<'_>), piece: Piece<'_>) {
    if !matches!(piece, Piece::Text("") | Piece::Reasoning("")) {
        heard(piece);
    }
}
