//! Hashes of requests: what the journal compares before it answers.
//!
//! The neutral form is the request as pattern code makes it: model, options, tools, system prompt, then the messages,
//! chained one by one, so that a growing conversation shares its prefix. No endpoint, key, time-out, stream flag, call
//! id or state of a provider is part of it.

use std::borrow::Cow;

use serde::Serialize;

use crate::model::{LlmRequest, Message, TextHash, ToolCall};
use crate::store::{Incompatible, hash_text};

/// The way in which a run's requests are hashed. A run keeps the one that it began with, so that what is recorded
/// answers as long as there is a program that knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashVersion(u32);

impl HashVersion {
    /// The version of new runs.
    pub const CURRENT: Self = Self(1);

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
        if self == Self::CURRENT { Ok(()) } else { Err(Incompatible::Hash { found: self.0 }) }
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
