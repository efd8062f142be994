//! Settings as JSON.

use serde_json::Value as Json;

/// Lays settings over others, object by object.
pub(super) fn lay_over(below: Json, above: Json) -> Json {
    match (below, above) {
        (Json::Object(mut below), Json::Object(above)) => {
            for (name, value) in above {
                let had = below.get_mut(&name).map(Json::take).unwrap_or_default();
                below.insert(name, lay_over(had, value));
            }
            Json::Object(below)
        }
        (_, above) => above,
    }
}
