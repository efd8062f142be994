//! Texts that are looked up again and again while rows are encoded.

use std::collections::HashMap;

use crate::model::TextHash;

/// The last texts that were looked up: models repeat themselves, and the database would have to search all texts.
#[derive(Default)]
pub(super) struct Answers {
    found: HashMap<TextHash, Option<String>>,
    bytes: usize,
}

impl Answers {
    /// The text of a hash, looked up with `look` unless it is known.
    pub(super) fn find(&mut self, hash: TextHash, look: impl FnOnce() -> Option<String>) -> Option<String> {
        const MOST: usize = 4 << 20;
        if let Some(known) = self.found.get(&hash) {
            return known.clone();
        }
        let text = look();
        self.bytes += 64 + text.as_ref().map_or(0, String::len);
        if self.bytes > MOST {
            *self = Self::default();
        } else {
            self.found.insert(hash, text.clone());
        }
        text
    }
}
