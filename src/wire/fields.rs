//! Fields of JSON objects; null is as if absent.

use serde_json::Value as Json;

/// A field.
pub(super) fn field<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    json.get(name).filter(|value| !value.is_null())
}

/// The text of a field; empty when there is none.
pub(super) fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    field(json, name).and_then(Json::as_str).unwrap_or_default()
}

/// A count, in whatever way it is written.
pub(super) fn count(value: &Json) -> Option<u64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Saturates.
    let whole = |number: f64| (number >= 0.0).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(whole)).or_else(|| value.as_str()?.trim().parse().ok())
}
