//! Fields of JSON, read tolerantly: `null` is as if absent.

use serde_json::{Map, Value as Json};

use crate::wire::fields;

/// A text that is there and not empty.
pub(super) fn text<'a>(json: &'a Json, name: &str) -> Option<&'a str> {
    json.get(name).and_then(Json::as_str).filter(|text| !text.is_empty())
}

/// A value that is there and not null.
pub(super) fn given<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    json.get(name).filter(|value| !value.is_null())
}

/// A count: a number, or the text of one.
pub(super) fn count(json: &Json, name: &str) -> Option<u64> {
    fields::count(given(json, name)?)
}

/// The fields of an object literal.
pub(super) fn fields(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The type of a block or event.
pub(super) fn kind(json: &Json) -> &str {
    text(json, "type").unwrap_or_default()
}

/// True for a value that says nothing: null, false, zero, or empty.
pub(super) fn is_nothing(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Bool(yes) => !yes,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        Json::Array(list) => list.is_empty(),
    }
}
