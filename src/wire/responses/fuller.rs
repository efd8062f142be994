//! Which of the things that a server said about an item says the most.

use serde_json::{Map, Value as Json};

use super::item::content_texts;
use crate::wire::parse_arguments;

/// The arguments, of all that were given whole, of their pieces, and of those of the item's begin: first an object with
/// fields, then any object, then any text.
pub(super) fn best_arguments(mut all: Vec<Json>, pieces: &str, begun: Option<&Json>) -> Json {
    all.push(pieces.into());
    if let Some(Json::String(begun)) = begun
        && !pieces.is_empty()
    {
        all.push(format!("{begun}{pieces}").into());
    }
    all.extend(begun.cloned());
    all.retain(|one| !one.is_null() && one.as_str() != Some(""));
    let has_fields = |one: &&Json| parse_arguments(one).as_object().is_some_and(|fields| !fields.is_empty());
    let found = all.iter().find(has_fields).or_else(|| all.iter().find(|one| parse_arguments(one).is_object()));
    found.or(all.first()).cloned().unwrap_or_else(|| "".into())
}

/// Lays the fields that say something over an object.
pub(super) fn lay_over(below: &mut Map<String, Json>, over: &Json) {
    for (name, value) in over.as_object().into_iter().flatten() {
        if !value.is_null() || !below.contains_key(name) {
            below.insert(name.clone(), value.clone());
        }
    }
}

/// The content with the most text, then with the most parts; the first of equals.
pub(super) fn fullest<'a>(contents: impl Iterator<Item = &'a Json>) -> Option<&'a Json> {
    let size = |content: &Json| {
        let length: usize = content_texts(Some(content)).iter().map(|text| text.len()).sum();
        (length, content.as_array().map_or(0, Vec::len))
    };
    let mut best: Option<(&Json, (usize, usize))> = None;
    for content in contents {
        let size = size(content);
        if best.is_none_or(|(_, largest)| size > largest) {
            best = Some((content, size));
        }
    }
    best.map(|(content, _)| content)
}
