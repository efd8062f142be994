//! Changes of a block: their kinds, and how each is made.

use serde_json::{Map, Value as Json};

use super::fields::{given, kind};

/// The kind of a change and its value; kinds that are missing are guessed.
pub(super) fn change_of(delta: &Json) -> (&str, Option<&Json>) {
    const FIELDS: [(&str, &str); 5] = [
        ("text_delta", "text"),
        ("thinking_delta", "thinking"),
        ("signature_delta", "signature"),
        ("input_json_delta", "partial_json"),
        ("citations_delta", "citation"),
    ];
    if delta.is_string() {
        return ("text_delta", Some(delta));
    }
    match kind(delta) {
        "" => FIELDS.iter().find_map(|(change, field)| Some((*change, Some(given(delta, field)?)))),
        kind => FIELDS.iter().find(|(change, _)| *change == kind).map(|(change, field)| (*change, given(delta, field))),
    }
    .unwrap_or((kind(delta), None))
}

pub(super) fn append(json: &mut Map<String, Json>, field: &str, piece: &str) {
    match json.get_mut(field) {
        Some(Json::String(text)) => text.push_str(piece),
        _ => drop(json.insert(field.to_owned(), piece.into())),
    }
}

pub(super) fn push(json: &mut Map<String, Json>, field: &str, value: Option<&Json>) {
    let Some(value) = value else { return };
    match json.get_mut(field) {
        Some(Json::Array(list)) => list.push(value.clone()),
        _ => drop(json.insert(field.to_owned(), vec![value.clone()].into())),
    }
}

/// A signature comes once, in pieces, or again as a whole.
pub(super) fn sign(json: &mut Map<String, Json>, signature: &str) {
    match json.get("signature").and_then(Json::as_str) {
        Some(before) if !before.is_empty() && !signature.starts_with(before) => append(json, "signature", signature),
        _ => drop(json.insert("signature".to_owned(), signature.into())),
    }
}

/// Takes the fields of a change that nobody knows.
pub(super) fn merge(json: &mut Map<String, Json>, delta: &Json) {
    let Json::Object(fields) = delta else { return };
    for (name, value) in fields.iter().filter(|(name, _)| *name != "type") {
        match (json.get_mut(name), value) {
            (Some(Json::String(text)), Json::String(piece)) => text.push_str(piece),
            (Some(Json::Array(list)), Json::Array(more)) => list.extend(more.iter().cloned()),
            (Some(_), Json::Null) => {}
            _ => drop(json.insert(name.clone(), value.clone())),
        }
    }
}
