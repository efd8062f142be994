//! The held changes of a run, as JSON and as a few words.

use serde_json::{Value as Json, json};

use super::run_name::RunName;
use crate::app::text::plural;
use crate::model::{KeyState, LedgerEntry, RunState, Seq, Undoability};
use crate::rollback::CHANGED_MEANWHILE;

/// Formats the held changes of a run, a list of objects.
pub(super) fn held_json(state: &RunState) -> Json {
    let held = state.all_held();
    Json::Array(state.ledger.changes(&held).filter_map(|seq| held_change(state, seq)).collect())
}

/// Formats one change that is, or was, held.
pub(super) fn held_change(state: &RunState, seq: Seq) -> Option<Json> {
    let entry = state.ledger.get(seq)?;
    let from = entry.renamed.and_then(|other| state.ledger.get(other)).map(|from| from.record.key.name.clone());
    let why = match &entry.record.undo {
        Undoability::NoUndo { why } => Some(why),
        Undoability::Undo => None,
    };
    Some(json!({
        "seq": seq,
        "op": op(entry),
        "path": entry.record.key.name,
        "from": from,
        "kind": entry.record.key.kind,
        "span": entry.record.tool_span.to_string(),
        "can_be_applied": why.is_none_or(|why| why != CHANGED_MEANWHILE),
        "can_be_undone": why.is_none(),
        "why": why,
    }))
}

fn op(entry: &LedgerEntry) -> &'static str {
    match (&entry.record.old, &entry.record.intended) {
        _ if entry.renamed.is_some() => "renamed",
        (_, KeyState::Absent) => "deleted",
        (KeyState::Absent, _) => "added",
        _ => "changed",
    }
}

/// Says how many changes are held, and how to decide on them; nothing when none is.
pub(super) fn held_parts(state: &RunState, run: &RunName) -> Vec<String> {
    let held = state.ledger.changes(&state.all_held()).count();
    if held == 0 {
        return Vec::new();
    }
    vec![
        format!("{} held", plural(held, "change")),
        format!("apply: {}", run.command("apply")),
        format!("discard: {}", run.command("discard")),
    ]
}
