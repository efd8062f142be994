//! One block of a message, read and written.

use serde_json::{Map, Value as Json, json};

use super::fields::{fields, given, kind, text};
use crate::wire::keep::keep;
use crate::wire::{Call, Part, PartKind, ToolResult, parse_arguments, written_arguments};

/// Reads a block.
pub(super) fn read_block(block: Json) -> Part {
    let field = |name: &str| text(&block, name).unwrap_or_default().to_owned();
    let kind = match kind(&block) {
        "text" => PartKind::Text(field("text")),
        "thinking" => PartKind::Reasoning(field("thinking")),
        "redacted_thinking" => PartKind::Reasoning(String::new()),
        "tool_use" => PartKind::Call(Call { id: field("id"), name: field("name"), args: arguments(&block) }),
        "tool_result" => PartKind::Result(read_result(&block)),
        "" => match block.as_str().or_else(|| text(&block, "text")) {
            Some(text) => PartKind::Text(text.to_owned()),
            None => PartKind::Other,
        },
        _ => PartKind::Other,
    };
    Part::read(kind, block)
}

/// Reads the content of a message: a text or blocks.
pub(super) fn read_content(content: Option<&Json>) -> Vec<Part> {
    match content {
        Some(Json::String(text)) if text.is_empty() => Vec::new(),
        Some(Json::String(text)) => vec![Part::new(PartKind::Text(text.clone()))],
        Some(Json::Array(blocks)) => blocks.iter().filter(|block| !block.is_null()).cloned().map(read_block).collect(),
        Some(block @ Json::Object(_)) => vec![read_block(block.clone())],
        _ => Vec::new(),
    }
}

fn read_result(block: &Json) -> ToolResult {
    ToolResult {
        id: text(block, "tool_use_id").unwrap_or_default().to_owned(),
        name: String::new(),
        text: given(block, "content").map(result_text).unwrap_or_default(),
        error: given(block, "is_error").and_then(Json::as_bool).unwrap_or_default(),
    }
}

/// The text of a result: a text, or that of its text blocks.
fn result_text(content: &Json) -> String {
    match content {
        Json::String(text) => text.clone(),
        Json::Array(blocks) => {
            let texts: Vec<&str> = blocks.iter().filter_map(|block| block.as_str().or(text(block, "text"))).collect();
            texts.join("\n")
        }
        other => text(other, "text").map_or_else(|| other.to_string(), str::to_owned),
    }
}

fn arguments(block: &Json) -> Json {
    parse_arguments(block.get("input").unwrap_or(&Json::Null))
}

/// Writes a block to go to a model; `None` when the dialect can't have it.
pub(super) fn write_block(part: &Part) -> Option<Json> {
    let source = |kinds: &[&str]| part.source.as_ref().filter(|source| kinds.contains(&kind(source)));
    match &part.kind {
        // The API refuses blocks without a visible letter.
        PartKind::Text(said) if said.trim().is_empty() => None,
        PartKind::Text(said) => Some(write_text(said, source(&["text"]))),
        // It is signed: as it came, or not at all.
        PartKind::Reasoning(_) => source(&["thinking", "redacted_thinking"]).cloned(),
        PartKind::Call(call) => Some(write_call(call, source(&["tool_use"]))),
        PartKind::Result(result) => Some(write_result(result, source(&["tool_result"]))),
        PartKind::Other => part.source.as_ref().filter(|source| !kind(source).is_empty()).map(with_object_input),
    }
}

fn write_text(said: &str, source: Option<&Json>) -> Json {
    let mut known = fields(json!({"type": "text", "text": said}));
    if source.is_some() {
        // Citations point into the text as it was.
        known.insert("citations".into(), Json::Null);
    }
    keep(source, |source| text(source, "text") == Some(said), || known)
}

fn write_call(call: &Call, source: Option<&Json>) -> Json {
    let says_the_same = |source: &Json| {
        let same = |name: &str, value: &str| text(source, name).unwrap_or_default() == value;
        same("id", &call.id) && same("name", &call.name) && source.get("input") == Some(&call.args)
    };
    let known = || {
        let input = object_of(&call.args);
        fields(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input}))
    };
    keep(source, |source| call.args.is_object() && says_the_same(source), known)
}

/// Arguments as the object that the dialect demands.
pub(super) fn object_of(args: &Json) -> Json {
    written_arguments(&parse_arguments(args))
}

/// A server's own tool has an input too.
fn with_object_input(block: &Json) -> Json {
    let mut block = block.clone();
    if let Some(input) = block.get_mut("input").filter(|input| !input.is_object()) {
        *input = object_of(input);
    }
    block
}

fn write_result(result: &ToolResult, source: Option<&Json>) -> Json {
    let before = source.map(read_result);
    let same_text = before.as_ref().is_some_and(|before| before.text == result.text);
    let known = || {
        let mut known = Map::new();
        known.insert("type".into(), "tool_result".into());
        known.insert("tool_use_id".into(), result.id.as_str().into());
        if !same_text && !result.text.is_empty() {
            known.insert("content".into(), result.text.as_str().into());
        } else if !same_text && source.is_some() {
            known.insert("content".into(), Json::Null);
        }
        if result.error || source.is_some_and(|source| source.get("is_error").is_some()) {
            known.insert("is_error".into(), result.error.into());
        }
        known
    };
    let mut written = keep(source, |_| same_text && before.as_ref().is_some_and(|before| before == result), known);
    clean_result(&mut written, result.error);
    written
}

/// Inside of a result, too, there may be no empty texts, and an error has to say something.
fn clean_result(block: &mut Json, error: bool) {
    if let Some(Json::Array(content)) = block.get_mut("content") {
        content
            .retain(|block| kind(block) != "text" || text(block, "text").is_some_and(|text| !text.trim().is_empty()));
    }
    let empty = match block.get("content") {
        None | Some(Json::Null) => true,
        Some(Json::String(text)) => text.trim().is_empty(),
        Some(Json::Array(list)) => list.is_empty(),
        Some(_) => false,
    };
    if error && empty {
        block["content"] = "failed without a message".into();
    }
}
