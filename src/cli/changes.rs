//! The net changes of a run as JSON.

use serde_json::{Value as Json, json};

use crate::model::{KeyKind, NetChange, RunState};

/// Formats a run's net changes, a list of objects.
pub(super) fn changes_json(state: &RunState) -> Json {
    Json::Array(state.ledger.net_changes().iter().map(change_json).collect())
}

/// Formats a net change.
pub(super) fn change_json(change: &NetChange) -> Json {
    let name = if change.key.kind == KeyKind::Memory { "key" } else { "path" };
    let mut shown = json!({ name: change.key.name, "kind": change.key.kind, "change": change.kind.name() });
    if let Some(shown) = shown.as_object_mut() {
        let from = change.from.as_ref().map(|from| ("from", json!(from.name)));
        let bytes = change.bytes().map(|bytes| ("bytes", json!(bytes)));
        shown.extend(from.into_iter().chain(bytes).map(|(name, value)| (name.to_owned(), value)));
    }
    shown
}
