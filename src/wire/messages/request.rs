//! Reads a request.

use serde_json::Value as Json;

use super::block::read_content;
use super::fields::{count, given, text};
use super::tools::read_tool;
use super::turn::read_message;
use crate::wire::{Request, Role, Turn, Unreadable};

/// Reads a request.
pub(in crate::wire) fn read_request(body: &Json) -> Result<Request, Unreadable> {
    let messages = body.get("messages").and_then(Json::as_array);
    let messages = messages.ok_or_else(|| Unreadable("a request has a list of `messages`".into()))?;
    if let Some(at) = messages.iter().position(|message| !message.is_object()) {
        return Err(Unreadable(format!("`messages[{at}]` is not an object")));
    }
    let mut turns: Vec<Turn> = given(body, "system").and_then(read_system).into_iter().collect();
    turns.extend(messages.iter().map(read_message));
    Ok(Request {
        model: text(body, "model").unwrap_or_default().to_owned(),
        turns,
        tools: given(body, "tools").and_then(Json::as_array).into_iter().flatten().map(read_tool).collect(),
        temperature: given(body, "temperature").and_then(Json::as_f64),
        max_tokens: count(body, "max_tokens"),
        stream: given(body, "stream").and_then(Json::as_bool).unwrap_or_default(),
        source: Some(body.clone()),
    })
}

/// Reads the field `system`: a text or blocks.
pub(super) fn read_system(system: &Json) -> Option<Turn> {
    let parts = read_content(Some(system));
    (!parts.is_empty()).then(|| Turn { role: Role::System, parts, source: Some(system.clone()) })
}
