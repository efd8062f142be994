//! Messages: one content, one thinking, a list of calls. Whatever else a message has is one part more.

use serde_json::{Map, Value as Json};

use super::call;
use crate::wire::fields::field;
use crate::wire::keep::lay_over;
use crate::wire::{Part, PartKind};

/// The fields that have a neutral form.
const KNOWN: [&str; 7] = ["role", "content", "thinking", "tool_calls", "tool_name", "name", "tool_call_id"];

/// Reads the parts of a message.
pub(super) fn read(message: &Json) -> Vec<Part> {
    let mut parts = Vec::new();
    let thinking = content(field(message, "thinking"));
    if !thinking.is_empty() {
        parts.push(Part::new(PartKind::Reasoning(thinking)));
    }
    let text = content(field(message, "content"));
    if !text.is_empty() {
        parts.push(Part::new(PartKind::Text(text)));
    }
    parts.extend(calls(message).iter().filter(|call| call.is_object()).map(call::read));
    parts.extend(others(message).map(|others| Part::read(PartKind::Other, Json::Object(others))));
    parts
}

/// A text, or the texts of a list of parts.
pub(super) fn content(content: Option<&Json>) -> String {
    match content {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Array(parts)) => {
            parts.iter().filter_map(|part| part.as_str().or_else(|| field(part, "text")?.as_str())).collect()
        }
        _ => String::new(),
    }
}

/// The calls of a message.
pub(super) fn calls(message: &Json) -> &[Json] {
    match field(message, "tool_calls") {
        Some(Json::Array(calls)) => calls,
        Some(call @ Json::Object(_)) => std::slice::from_ref(call),
        _ => &[],
    }
}

/// The fields without a neutral form, such as images.
pub(super) fn others(message: &Json) -> Option<Map<String, Json>> {
    let fields = message.as_object()?.iter();
    let others: Map<String, Json> = fields
        .filter(|(name, value)| !KNOWN.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (!others.is_empty()).then_some(others)
}

/// Writes a message; `between` stands between its texts.
pub(super) fn write(role: &str, parts: &[&Part], between: &str, source: Option<&Json>) -> Json {
    let source = source.and_then(Json::as_object).cloned().unwrap_or_default();
    let mut known = Map::new();
    let texts = |of: fn(&PartKind) -> Option<&String>| -> Vec<&str> {
        parts.iter().filter_map(|part| of(&part.kind)).map(String::as_str).collect()
    };
    let content = texts(|kind| if let PartKind::Text(text) = kind { Some(text) } else { None }).join(between);
    let thinking = texts(|kind| if let PartKind::Reasoning(text) = kind { Some(text) } else { None }).concat();
    let mut calls = Vec::new();
    for part in parts {
        match (&part.kind, &part.source) {
            (PartKind::Call(call), source) => calls.push(call::write(call, source.as_ref())),
            (PartKind::Other, Some(Json::Object(others))) => known.extend(others.clone()),
            _ => {}
        }
    }
    known.insert("role".into(), role.into());
    if source.get("content").is_none_or(|given| self::content(Some(given)) != content) {
        known.insert("content".into(), content.into());
    }
    known.insert("thinking".into(), if thinking.is_empty() { Json::Null } else { thinking.into() });
    known.insert("tool_calls".into(), if calls.is_empty() { Json::Null } else { calls.into() });
    // What is no part any more was taken out.
    let gone = source.keys().filter(|name| !KNOWN.contains(&name.as_str()) && !known.contains_key(*name)).cloned();
    let gone: Map<String, Json> = gone.map(|name| (name, Json::Null)).collect();
    Json::Object(lay_over(lay_over(source, gone), known))
}
