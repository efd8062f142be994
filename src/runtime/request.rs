//! Hashes of requests: what the journal compares before it answers.
//!
//! The neutral form is the request as pattern code makes it: model, options, tools, system prompt, then the messages,
//! chained one by one, so that a growing conversation shares its prefix. No endpoint, key, time-out, stream flag, call
//! id or state of a provider is part of it.

use std::borrow::Cow;

use serde::Serialize;

use super::wording::Wording;
use crate::effects::tools::keep_both_ends;
use crate::model::{LlmRequest, Message, TextHash, ToolCall};
use crate::store::{Incompatible, hash_text};

/// Characters of a tool's result that the model gets; tama's bound.
const RESULT_LIMIT: usize = 12_000;

/// The way in which a run's requests are made and hashed. A run keeps the one that it began with, so that what is recorded
/// answers as long as there is a program that knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashVersion(u32);

impl HashVersion {
    /// The version of new runs. In version 1 a long result of a tool lost its end; in version 2 the words around inputs
    /// and prompts were other ones than tama's. The hash itself is the same.
    pub const CURRENT: Self = Self(3);
    /// The first version.
    const FIRST: Self = Self(1);
    /// The first version with tama's words.
    const TAMAS_WORDS: Self = Self(3);

    /// A version as a run stores it.
    #[must_use]
    pub fn stored(number: u32) -> Self {
        Self(number)
    }

    /// The number that a run stores.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// Checks that this program knows it.
    ///
    /// # Errors
    /// When it doesn't; the run can then be looked at and undone, but neither retried nor verified.
    pub fn check(self) -> Result<(), Incompatible> {
        let is_known = (Self::FIRST.0..=Self::CURRENT.0).contains(&self.0);
        if is_known { Ok(()) } else { Err(Incompatible::Hash { found: self.0 }) }
    }

    /// Returns the words around inputs and prompts.
    pub(super) fn wording(self) -> Wording {
        if self.0 >= Self::TAMAS_WORDS.0 { Wording::Tama } else { Wording::Earlier }
    }

    /// Shortens a tool's result to what the model gets.
    #[must_use]
    pub fn shorten(self, result: String) -> String {
        if self != Self::FIRST {
            return keep_both_ends(&result, RESULT_LIMIT);
        }
        match result.char_indices().nth(RESULT_LIMIT) {
            Some((cut, _)) => format!("{}\n[cut: {} more characters]", &result[..cut], result[cut..].chars().count()),
            None => result,
        }
    }

    /// The hash of a model call.
    #[must_use]
    pub fn llm(self, request: &LlmRequest) -> TextHash {
        let head = (&request.model, &request.options, &request.tools, &request.system);
        request.messages.chain(hash_text(&json(&head)), |before, message| {
            hash_text(&format!("{before}{}", json(&neutral(message))))
        })
    }

    /// The hash of a tool call.
    #[must_use]
    pub fn tool(self, call: &ToolCall) -> TextHash {
        hash_text(&json(call))
    }

    /// The hash of a question to a person.
    #[must_use]
    pub fn human(self, channel: &str, question: &str) -> TextHash {
        hash_text(&json(&("human", channel, question)))
    }
}

impl Default for HashVersion {
    fn default() -> Self {
        Self::CURRENT
    }
}

/// A message without what only its provider understands.
fn neutral(message: &Message) -> Cow<'_, Message> {
    match message {
        Message::Assistant { text, calls, state: Some(_) } => {
            Cow::Owned(Message::Assistant { text: text.clone(), calls: calls.clone(), state: None })
        }
        other => Cow::Borrowed(other),
    }
}

/// A value as JSON text. The types of `model` have no map with non-text keys, so this doesn't fail.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_result_keeps_its_end_since_version_2() {
        let long = format!("{}\n[exit code 1]", "x".repeat(RESULT_LIMIT));
        let first = HashVersion::stored(1).shorten(long.clone());
        assert!(first.ends_with("x\n[cut: 14 more characters]"), "stored runs are verified with what they sent");
        let now = HashVersion::CURRENT.shorten(long);
        assert!(now.starts_with("[exit code 1]\nxxx") && now.ends_with("xxx\n[exit code 1]"));
        assert!([1, 2].iter().all(|known| HashVersion::stored(*known).check().is_ok()));
        assert!(HashVersion::stored(0).check().is_err() && HashVersion::stored(4).check().is_err());
        assert_eq!(HashVersion::CURRENT.shorten("short".into()), "short");
    }
}
