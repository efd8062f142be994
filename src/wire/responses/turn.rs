//! A turn of the model: the list of its output items.

use serde_json::Value as Json;

use super::answer::read_part;
use super::item::{item_type, text};
use super::part::{Use, write_items};
use crate::wire::{Answer, Part, Role, Turn};

/// The turn that goes back with the next request.
pub(in crate::wire) fn echo(answer: &Answer) -> Json {
    let mut items = write_items(&answer.parts, Use::Echo);
    items.retain(|item| !is_empty_message(item));
    Json::Array(items)
}

/// True for a message that holds nothing at all.
fn is_empty_message(item: &Json) -> bool {
    item_type(item) == "message"
        && match item.get("content") {
            Some(Json::Array(parts)) => parts.is_empty(),
            Some(Json::String(text)) => text.is_empty(),
            Some(Json::Object(_)) => false,
            _ => true,
        }
}

/// Reads a turn of the model.
pub(in crate::wire) fn read_turn(turn: &Json) -> Turn {
    let items = match turn {
        Json::Array(items) => items.clone(),
        Json::Object(fields) => match fields.get("output") {
            Some(Json::Array(items)) if text(turn, "type").is_empty() => items.clone(),
            _ => vec![turn.clone()],
        },
        Json::String(_) => vec![turn.clone()],
        _ => Vec::new(),
    };
    read_items(Role::Assistant, items)
}

/// The role of the speaker of an item.
pub(super) fn role_of(item: &Json) -> Role {
    let kind = item_type(item);
    match text(item, "role") {
        "user" => Role::User,
        "system" | "developer" => Role::System,
        "tool" => Role::Tool,
        "" if kind.ends_with("_output") => Role::Tool,
        "" if kind == "mcp_approval_response" => Role::User,
        _ => Role::Assistant,
    }
}

/// The items of one turn.
pub(super) fn read_items(role: Role, items: Vec<Json>) -> Turn {
    let parts = items.iter().flat_map(|item| match role {
        Role::User | Role::System if item_type(item) == "message" => read_content(item.get("content")),
        _ => read_part(item).into_iter().collect(),
    });
    Turn { role, parts: parts.collect(), source: Some(Json::Array(items)) }
}

/// The parts of a content.
fn read_content(content: Option<&Json>) -> Vec<Part> {
    use crate::wire::PartKind::{Other, Text};
    let read = |part: &Json| {
        let kind = super::item::part_text(part).map_or(Other, |text| Text(text.to_owned()));
        Part::read(kind, part.clone())
    };
    match content {
        Some(Json::Array(parts)) => parts.iter().filter(|part| !part.is_null()).map(read).collect(),
        Some(Json::Null) | None => Vec::new(),
        Some(part) => vec![read(part)],
    }
}
