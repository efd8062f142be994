//! Sources: the JSON that something was read from, which is written again as it came while nothing was changed.

use serde_json::{Map, Value as Json};

/// The JSON of something with a source: the source itself when it still `says` the same, else `known` fields laid over
/// it. Without a source, the known fields alone.
pub(super) fn keep(
    source: Option<&Json>,
    says_the_same: impl FnOnce(&Json) -> bool,
    known: impl FnOnce() -> Map<String, Json>,
) -> Json {
    match source {
        Some(source) if says_the_same(source) => source.clone(),
        Some(Json::Object(source)) => Json::Object(lay_over(source.clone(), known())),
        _ => Json::Object(known()),
    }
}

/// Lays known fields over an object: a null takes a field out.
pub(super) fn lay_over(mut below: Map<String, Json>, known: Map<String, Json>) -> Map<String, Json> {
    for (name, value) in known {
        if value.is_null() {
            below.shift_remove(&name);
        } else {
            below.insert(name, value);
        }
    }
    below
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_changed_is_written_as_it_came() {
        let source = json!({"text": "a", "cache_control": {"type": "ephemeral"}});
        let known = |text: &str| json!({"text": text}).as_object().cloned().unwrap_or_default();
        assert_eq!(keep(Some(&source), |source| source["text"] == "a", || known("a")), source);
        let changed = keep(Some(&source), |source| source["text"] == "b", || known("b"));
        assert_eq!(changed, json!({"text": "b", "cache_control": {"type": "ephemeral"}}));
        assert_eq!(keep(None, |_| true, || known("c")), json!({"text": "c"}));
    }
}
