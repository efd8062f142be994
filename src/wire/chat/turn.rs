//! A message, read: the parts of a turn.

use serde_json::{Map, Value as Json};

use super::value::{fields, items, object, text, word};
use super::{details, tool_call};
use crate::wire::{Part, PartKind, Role, ToolResult, Turn};

/// Fields that are no part of what is said.
const NO_PARTS: [&str; 5] = ["role", "name", "tool_call_id", "type", "index"];

/// Reads a message of a request.
pub(in crate::wire) fn read_turn(message: &Json) -> Turn {
    let role = role(message);
    let parts = match role {
        Role::Tool => vec![Part::read(PartKind::Result(result(message)), message.clone())],
        _ => read_parts(message, tool_call::read_history),
    };
    Turn { role, parts, source: Some(message.clone()) }
}

fn role(message: &Json) -> Role {
    match message.get("role").and_then(Json::as_str) {
        Some("system" | "developer") => Role::System,
        Some("assistant" | "model") => Role::Assistant,
        Some("tool" | "function") => Role::Tool,
        _ => Role::User,
    }
}

fn result(message: &Json) -> ToolResult {
    let text = match message.get("content") {
        Some(Json::String(text)) => text.clone(),
        content => items(content).iter().filter_map(|item| item.as_str().or_else(|| text(item, "text"))).collect(),
    };
    ToolResult {
        id: word(message, "tool_call_id").unwrap_or_default(),
        name: word(message, "name").unwrap_or_default(),
        text,
        error: false,
    }
}

/// Reads the parts of a message: reasoning, content, calls, then the fields without a neutral form.
pub(super) fn read_parts(message: &Json, read_call: fn(&Json) -> Part) -> Vec<Part> {
    let mut parts: Vec<Part> = reasoning(message).into_iter().collect();
    match message.get("content") {
        Some(Json::String(text)) if text.is_empty() => {}
        Some(Json::String(text)) => parts.push(Part::read(PartKind::Text(text.clone()), Json::from(text.as_str()))),
        content => parts.extend(items(content).iter().map(read_item)),
    }
    parts.extend(items(message.get("tool_calls")).iter().filter(|call| call.is_object()).map(read_call));
    parts.extend(message.get("function_call").filter(|call| call.is_object()).map(read_call));
    parts.extend(other_fields(message).map(|(name, value)| Part::read(PartKind::Other, object(name, value.clone()))));
    parts
}

/// An item of a list of content.
pub(super) fn read_item(item: &Json) -> Part {
    let kind = match (item.get("type").and_then(Json::as_str), item) {
        (_, Json::String(text)) => PartKind::Text(text.clone()),
        (Some("thinking" | "reasoning"), _) => PartKind::Reasoning(details::thinking_text(item)),
        (Some("text" | "output_text" | "input_text") | None, _) => match item.get("text").and_then(Json::as_str) {
            Some(text) => PartKind::Text(text.to_owned()),
            None => PartKind::Other,
        },
        _ => PartKind::Other,
    };
    Part::read(kind, item.clone())
}

/// All fields of reasoning as one part: they say the same.
fn reasoning(message: &Json) -> Option<Part> {
    let held = |name: &&str| message.get(*name).is_some_and(|value| details::holds_reasoning(name, value));
    let mut names: Vec<&str> = details::FIELDS.into_iter().filter(held).collect();
    let shows = |name: &&str| !details::visible_text(&message[*name]).is_empty();
    if let Some(first) = names.iter().position(shows) {
        names[..=first].rotate_right(1);
    }
    let says = |name: &&str| !matches!(&message[*name], Json::String(text) if text.is_empty());
    let source: Map<String, Json> =
        names.into_iter().filter(says).map(|name| (name.to_owned(), message[name].clone())).collect();
    let source = Json::Object(source);
    if source.as_object().is_none_or(|fields| fields.values().all(|value| value == &Json::Array(Vec::new()))) {
        return None;
    }
    Some(Part::read(PartKind::Reasoning(visible_text(&source)), source))
}

/// The text of reasoning that its source shows.
pub(super) fn visible_text(source: &Json) -> String {
    if source.get("type").is_some() {
        return details::thinking_text(source);
    }
    fields(source).map(|(_, value)| details::visible_text(value)).find(|text| !text.is_empty()).unwrap_or_default()
}

/// Fields of a message that say something and have no neutral form.
pub(super) fn other_fields(message: &Json) -> impl Iterator<Item = (&String, &Json)> {
    fields(message).filter(|(name, value)| {
        let known = NO_PARTS.contains(&name.as_str()) || matches!(name.as_str(), "tool_calls" | "function_call");
        let is_content = *name == "content" && !matches!(value, Json::Number(_) | Json::Bool(_));
        let empty = match value {
            Json::Null => true,
            Json::String(text) => text.is_empty(),
            Json::Array(items) => items.is_empty(),
            Json::Object(fields) => fields.is_empty(),
            _ => false,
        };
        !known && !is_content && !empty && !details::holds_reasoning(name, value)
    })
}
