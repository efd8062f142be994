//! The input of a call, as it arrives in pieces of JSON text.

use serde_json::Value as Json;

use crate::wire::parse_arguments;

/// The pieces so far, and whether they are a whole value.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    text: String,
    depth: usize,
    in_text: bool,
    escaped: bool,
    whole: bool,
}

impl Pieces {
    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
        for letter in piece.chars() {
            self.step(letter);
        }
    }

    fn step(&mut self, letter: char) {
        if std::mem::take(&mut self.escaped) {
            return;
        }
        match letter {
            '\\' if self.in_text => self.escaped = true,
            '"' => {
                self.in_text = !self.in_text;
                self.whole |= !self.in_text && self.depth == 0;
            }
            '{' | '[' if !self.in_text => self.depth += 1,
            '}' | ']' if !self.in_text => {
                self.depth = self.depth.saturating_sub(1);
                self.whole |= self.depth == 0;
            }
            _ => {}
        }
    }

    /// True when a value is there whole: what follows belongs to another call.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// True when nothing came.
    pub(super) fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The input: that of the pieces, else that which the block began with. What can't be read stays a text.
    pub(super) fn input(&self, begun: Option<&Json>) -> Option<Json> {
        let begun = begun.filter(|begun| !begun.is_null());
        if self.is_empty() {
            return begun.cloned();
        }
        let pieces = parse_arguments(&Json::String(self.text.clone()));
        let says_something = |input: &Json| input.as_object().is_some_and(|fields| !fields.is_empty());
        match begun.map(parse_arguments) {
            Some(begun) if says_something(&begun) && !says_something(&pieces) => Some(begun),
            _ => Some(pieces),
        }
    }
}
