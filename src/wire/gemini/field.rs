//! Fields of the dialect's JSON.

use serde_json::{Map, Value as Json};

use crate::wire::fields;
use crate::wire::keep::lay_over;

/// A field in either spelling; null is as if absent.
pub(super) fn field<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    fields::field(json, name).or_else(|| snake(name).and_then(|name| fields::field(json, &name)))
}

/// The text of a field; empty when there is none.
pub(super) fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    field(json, name).and_then(Json::as_str).unwrap_or_default()
}

/// A count, in whatever way it is written.
pub(super) fn count(json: &Json, name: &str) -> Option<u64> {
    fields::count(field(json, name)?)
}

/// Lays known fields over an object that may spell them otherwise.
pub(super) fn lay(below: Option<&Json>, known: Map<String, Json>) -> Map<String, Json> {
    let Some(Json::Object(below)) = below else { return lay_over(Map::new(), known) };
    let mut below = below.clone();
    for name in known.keys().filter_map(|name| snake(name)) {
        below.shift_remove(&name);
    }
    lay_over(below, known)
}

/// The other spelling, where there is one.
fn snake(name: &str) -> Option<String> {
    name.contains(|letter: char| letter.is_ascii_uppercase()).then(|| {
        let mut snake = String::with_capacity(name.len() + 4);
        for letter in name.chars() {
            if letter.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        snake
    })
}
