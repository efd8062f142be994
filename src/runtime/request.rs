//! Hashes of requests: what the journal compares before it answers.
//!
//! The neutral form is the request as pattern code makes it: model, options, tools, system prompt, then the messages,
//! chained one by one, so that a growing conversation shares its prefix. No endpoint, key, time-out, stream flag or
//! call id is part of it.

use serde::Serialize;

use crate::model::{LlmRequest, TextHash, ToolCall};
use crate::store::hash_text;

/// The hash of a model call.
#[must_use]
pub fn llm_hash(request: &LlmRequest) -> TextHash {
    let head = (&request.model, &request.options, &request.tools, &request.system);
    request.messages.chain(hash_text(&json(&head)), |before, message| hash_text(&format!("{before}{}", json(message))))
}

/// The hash of a tool call.
#[must_use]
pub fn tool_hash(call: &ToolCall) -> TextHash {
    hash_text(&json(call))
}

/// A value as JSON text. The types of `model` have no map with non-text keys, so this doesn't fail.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
