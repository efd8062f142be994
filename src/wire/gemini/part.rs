//! The parts of a content, read and written.

use serde_json::{Map, Value as Json, json};

use super::field::{field, lay, text};
use crate::wire::json::{read_written_arguments, written_arguments};
use crate::wire::{Call, Part, PartKind, ToolResult};

/// Reads a part; `None`: it is none.
pub(super) fn read(part: &Json) -> Option<Part> {
    match part {
        Json::String(text) => Some(Part::new(PartKind::Text(text.clone()))),
        Json::Object(_) => Some(Part::read(kind(part), part.clone())),
        _ => None,
    }
}

/// The parts of a content: a list, one part, or a text.
pub(super) fn list(content: &Json) -> Vec<&Json> {
    match field(content, "parts").unwrap_or(content) {
        Json::Array(parts) => parts.iter().collect(),
        text @ Json::String(_) => vec![text],
        Json::Object(_) => field(content, "parts").or(field(content, "text").map(|_| content)).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn kind(part: &Json) -> PartKind {
    let object = |name| field(part, name).filter(|value| value.is_object());
    if let Some(call) = object("functionCall") {
        return PartKind::Call(read_call(call));
    }
    if let Some(response) = object("functionResponse") {
        return PartKind::Result(read_result(response));
    }
    match field(part, "text").and_then(Json::as_str) {
        Some(text) if field(part, "thought") == Some(&Json::Bool(true)) => PartKind::Reasoning(text.to_owned()),
        Some(text) => PartKind::Text(text.to_owned()),
        None => PartKind::Other,
    }
}

fn read_call(call: &Json) -> Call {
    let args = read_written_arguments(field(call, "args").unwrap_or(&Json::Null));
    Call { id: text(call, "id").to_owned(), name: text(call, "name").to_owned(), args }
}

fn read_result(response: &Json) -> ToolResult {
    let (text_of, error) = match field(response, "response") {
        Some(Json::Object(fields)) if fields.len() == 1 => match fields.iter().next() {
            Some((name, Json::String(text))) if matches!(name.as_str(), "result" | "output" | "content") => {
                (text.clone(), false)
            }
            Some((name, Json::String(text))) if name == "error" => (text.clone(), true),
            _ => (Json::Object(fields.clone()).to_string(), false),
        },
        Some(Json::String(text)) => (text.clone(), false),
        Some(other) => (other.to_string(), false),
        None => (String::new(), false),
    };
    ToolResult { id: text(response, "id").to_owned(), name: text(response, "name").to_owned(), text: text_of, error }
}

/// Writes a part; `None`: there is nothing to write.
pub(super) fn write(part: &Part) -> Option<Json> {
    let source = part.source.as_ref().filter(|source| source.is_object());
    if let Some(source) = source
        && says(source, &part.kind)
    {
        return (!is_empty(source)).then(|| source.clone());
    }
    let known = match &part.kind {
        PartKind::Other => return source.cloned(),
        PartKind::Text(text) | PartKind::Reasoning(text) if text.is_empty() && source.is_none_or(is_plain) => {
            return None;
        }
        PartKind::Text(text) => json!({"text": text, "thought": null}),
        PartKind::Reasoning(text) => json!({"text": text, "thought": true}),
        PartKind::Call(call) => json!({"functionCall": write_call(call, source)}),
        PartKind::Result(result) => json!({"functionResponse": write_result(result, source)}),
    };
    let mut fields = Map::new();
    for name in ["text", "thought", "functionCall", "functionResponse"] {
        fields.insert(name.to_owned(), known.get(name).cloned().unwrap_or_default());
    }
    Some(Json::Object(lay(source, fields)))
}

/// True when a source says the same, and is well-formed.
fn says(source: &Json, said: &PartKind) -> bool {
    match (kind(source), said) {
        (PartKind::Call(mut call), PartKind::Call(said)) => {
            let given = field(source, "functionCall");
            // An id that the server did not give is not written: see `turn`.
            if call.id.is_empty() {
                call.id.clone_from(&said.id);
            }
            call == *said
                && name(&call.name) == call.name
                && given.and_then(|call| field(call, "args")).is_some_and(Json::is_object)
        }
        (PartKind::Result(result), PartKind::Result(said)) => {
            let given = field(source, "functionResponse").and_then(|given| field(given, "response"));
            result == *said && given.is_some_and(Json::is_object)
        }
        (kind, said) => kind == *said,
    }
}

fn write_call(call: &Call, source: Option<&Json>) -> Json {
    let mut known = Map::new();
    known.insert("name".into(), name(&call.name).into());
    known.insert("args".into(), written_arguments(&call.args));
    for name in ["partialArgs", "willContinue"] {
        known.insert(name.into(), Json::Null);
    }
    let source = source.and_then(|part| field(part, "functionCall"));
    let server_gave_none = source.is_some_and(|call| text(call, "id").is_empty());
    if !call.id.is_empty() && !server_gave_none {
        known.insert("id".into(), call.id.as_str().into());
    }
    Json::Object(lay(source, known))
}

fn write_result(result: &ToolResult, source: Option<&Json>) -> Json {
    let source = source.and_then(|part| field(part, "functionResponse"));
    let mut known = Map::new();
    known.insert("id".into(), if result.id.is_empty() { Json::Null } else { result.id.as_str().into() });
    known.insert("name".into(), name(&result.name).into());
    let said = source.map(read_result);
    let same = said.is_some_and(|said| said.text == result.text && said.error == result.error);
    if !same || !source.and_then(|source| field(source, "response")).is_some_and(Json::is_object) {
        let field = if result.error { "error" } else { "result" };
        known.insert("response".into(), json!({field: result.text}));
    }
    Json::Object(lay(source, known))
}

/// A name of a function that the service takes.
pub(super) fn name(given: &str) -> String {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | ':' | '-');
    let mut name: String = given.chars().map(|letter| if allowed(letter) { letter } else { '_' }).take(128).collect();
    match name.chars().next() {
        None => "unnamed".clone_into(&mut name),
        Some(first) if !first.is_ascii_alphabetic() && first != '_' => {
            name.insert(0, '_');
            name.truncate(128);
        }
        Some(_) => {}
    }
    name
}

/// True when a part has a text, or says that it is a thought, and nothing else.
pub(super) fn is_plain(part: &Json) -> bool {
    let known = |name: &str| matches!(name, "text" | "thought");
    part.as_object().is_some_and(|fields| fields.iter().all(|(name, value)| known(name) || value.is_null()))
}

/// True for a plain part without text, which the service refuses.
pub(super) fn is_empty(part: &Json) -> bool {
    is_plain(part) && text(part, "text").is_empty()
}
