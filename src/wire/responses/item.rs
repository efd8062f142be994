//! One item: its type, its texts, its neutral form.

use serde_json::Value as Json;

use crate::wire::{Call, PartKind, ToolResult, parse_arguments};

/// A text field; empty when it is not there or no text.
pub(super) fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// A field that names something: a text, or a number as text; empty when it is not there.
pub(super) fn name_of(json: &Json, name: &str) -> String {
    match json.get(name) {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// The type of an item, also of one that does not say it.
pub(super) fn item_type(item: &Json) -> &str {
    let has = |name: &str| item.get(name).is_some_and(|value| !value.is_null());
    match text(item, "type") {
        "" if has("role") => "message",
        "" if has("call_id") && has("output") => "function_call_output",
        "" if has("call_id") || has("arguments") => "function_call",
        "" if has("summary") || has("encrypted_content") => "reasoning",
        "" if has("content") => "message",
        given => given,
    }
}

/// The field that holds what a call gives to its tool.
pub(super) fn arguments_field(item_type: &str) -> Option<&'static str> {
    match item_type {
        "function_call" => Some("arguments"),
        "custom_tool_call" => Some("input"),
        _ => None,
    }
}

/// The neutral form of an item.
pub(super) fn read_item(item: &Json) -> PartKind {
    match item_type(item) {
        "message" => message_text(item).map_or(PartKind::Other, PartKind::Text),
        "reasoning" => PartKind::Reasoning(reasoning_text(item)),
        "function_call_output" | "custom_tool_call_output" => PartKind::Result(ToolResult {
            id: name_of(item, "call_id"),
            name: text(item, "name").to_owned(),
            text: output_text(item.get("output").unwrap_or(&Json::Null)),
            error: false,
        }),
        other => match arguments_field(other) {
            Some(field) => PartKind::Call(read_call(item, field)),
            None => PartKind::Other,
        },
    }
}

fn read_call(item: &Json, field: &str) -> Call {
    let call_id = name_of(item, "call_id");
    Call {
        id: if call_id.is_empty() { name_of(item, "id") } else { call_id },
        name: text(item, "name").to_owned(),
        args: parse_arguments(item.get(field).unwrap_or(&Json::Null)),
    }
}

/// The text of a message; `None` when it holds other things only.
fn message_text(item: &Json) -> Option<String> {
    match item.get("content") {
        Some(Json::Array(parts)) => {
            let texts: Vec<&str> = parts.iter().filter_map(part_text).collect();
            if texts.is_empty() && !parts.is_empty() { None } else { Some(texts.concat()) }
        }
        Some(Json::String(text)) => Some(text.clone()),
        Some(part @ Json::Object(_)) => part_text(part).map(str::to_owned),
        _ => Some(String::new()),
    }
}

/// The text of a part of a content; `None` when it is something else.
pub(super) fn part_text(part: &Json) -> Option<&str> {
    match text(part, "type") {
        "output_text" | "input_text" | "text" | "summary_text" | "reasoning_text" | "" => {
            part.as_str().or_else(|| part.get("text").and_then(Json::as_str))
        }
        "refusal" => part.get("refusal").and_then(Json::as_str),
        _ => None,
    }
}

/// The texts in a content, in order.
pub(super) fn content_texts(content: Option<&Json>) -> Vec<&str> {
    match content {
        Some(Json::Array(parts)) => parts.iter().filter_map(part_text).collect(),
        Some(Json::String(text)) => vec![text],
        Some(part @ Json::Object(_)) => part_text(part).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The shown text of reasoning: its summary, and its text where a server sends that.
fn reasoning_text(item: &Json) -> String {
    let mut texts = content_texts(item.get("summary"));
    texts.extend(content_texts(item.get("content")));
    texts.retain(|text| !text.is_empty());
    texts.join("\n\n")
}

fn output_text(output: &Json) -> String {
    match output {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(_) => content_texts(Some(output)).join("\n"),
        other => part_text(other).map_or_else(|| other.to_string(), str::to_owned),
    }
}

/// The refusal in a message; empty when there is none.
pub(super) fn refusal(item: &Json) -> String {
    let parts = item.get("content").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    parts.iter().filter(|part| text(part, "type") == "refusal").filter_map(part_text).collect()
}
