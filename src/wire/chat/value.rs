//! Reading fields that may be missing, null, or of another type.

use serde_json::{Map, Value as Json};

/// A field's text, unless it is empty.
pub(super) fn text<'a>(of: &'a Json, name: &str) -> Option<&'a str> {
    of.get(name).and_then(Json::as_str).filter(|text| !text.is_empty())
}

/// A field as a word: a text, or a number's digits.
pub(super) fn word(of: &Json, name: &str) -> Option<String> {
    match of.get(name)? {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A field's count, also when it is written as a text or a fraction.
pub(super) fn count(of: &Json, name: &str) -> Option<u64> {
    let value = of.get(name)?;
    let fraction = || value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    value.as_u64().or_else(|| fraction().filter(|count| *count >= 0.0).map(|count| count as u64))
}

/// The items of a list; one that is not in a list; none for null.
pub(super) fn items(value: Option<&Json>) -> &[Json] {
    match value {
        None | Some(Json::Null) => &[],
        Some(Json::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
    }
}

/// The fields of an object; none for anything else.
pub(super) fn fields(of: &Json) -> impl Iterator<Item = (&String, &Json)> {
    of.as_object().into_iter().flatten()
}

/// An object of one field.
pub(super) fn object(name: &str, value: Json) -> Json {
    Json::Object(Map::from_iter([(name.to_owned(), value)]))
}

/// Adds a piece of a value to what came of it: texts are joined, lists extended, objects merged; else the piece counts.
pub(super) fn join(to: &mut Json, piece: &Json) {
    match (to, piece) {
        (_, Json::Null) => {}
        (Json::String(to), Json::String(piece)) => to.push_str(piece),
        (Json::Array(to), Json::Array(piece)) => to.extend(piece.iter().cloned()),
        (Json::Object(to), Json::Object(piece)) => {
            for (name, value) in piece {
                let is_name = matches!(name.as_str(), "id" | "type" | "index" | "role");
                match to.get_mut(name) {
                    Some(known) if !is_name => join(known, value),
                    _ => drop(to.insert(name.clone(), value.clone())),
                }
            }
        }
        (to, piece) => *to = piece.clone(),
    }
}
