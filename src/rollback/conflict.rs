//! Conflicts: the actions that must be undone first, and the line that says who changed a key.

use std::collections::{BTreeMap, HashSet};

use super::state::makes_folder;
use crate::model::{Conflict, ConflictBy, Ledger, Seq, SpanId};

/// Lists every action that must be undone first, and those that block these in turn, newest first.
pub(super) fn obstacles(ledger: &Ledger, action: Seq, gone: &HashSet<Seq>) -> Vec<(Seq, SpanId)> {
    let mut found = BTreeMap::new();
    let mut open = vec![action];
    while let Some(at) = open.pop() {
        let Some(entry) = ledger.get(at) else { continue };
        for later in ledger.blockers(at) {
            // Actions inside a folder don't block its undo: the folder then stays until it is empty.
            let inside = makes_folder(&entry.record) && later.record.key.is_inside(&entry.record.key);
            if !inside && !gone.contains(&later.seq) && found.insert(later.seq, later.record.span).is_none() {
                open.push(later.seq);
            }
        }
    }
    found.into_iter().rev().collect()
}

/// Describes a conflict in one line, for the log.
pub(crate) fn describe_conflict(conflict: &Conflict) -> String {
    match &conflict.by {
        ConflictBy::Actions { first } => {
            let first: Vec<String> = first.iter().map(|(action, span)| format!("{action} in {span}")).collect();
            format!("{} was changed later by {}", conflict.key, first.join(", "))
        }
        ConflictBy::NoUndo { action, span } => {
            format!("{} was changed later by {action} in {span}, which can't be undone", conflict.key)
        }
        ConflictBy::Outside { found } => {
            format!("{} was changed by another program or person: found {found}", conflict.key)
        }
        ConflictBy::Open { program } => {
            format!("{} is open in {program}, which would lose what it writes: close it there", conflict.key)
        }
    }
}
