//! Checks an action before its undo: is its key still as the action left it, and if not, who changed it.

use std::collections::HashSet;
use std::sync::Arc;

use super::compensate::compensation_command;
use super::conflict::obstacles;
use super::moves::{Move, MoveFinding};
use super::state::{describe_state, makes_folder, read_present, same_content};
use super::step::{Projection, Step};
use super::value::value_of;
use crate::model::{
    ActionRecord, ActionStatus, BlobHash, Conflict, ConflictBy, Key, KeyKind, KeyState, Ledger, Seq, SpanId,
    Undoability,
};
use crate::store::RunLog;
use crate::world::{Value, World};

/// Result of checking an action.
pub(super) enum Finding {
    /// It can be undone.
    Undo(Box<Step>),
    /// It never changed the world.
    NotApplied,
    /// It stays as it is, and why.
    Leave(String),
    /// Its key changed since.
    Conflict(Conflict),
    /// It must wait for an undo step that opens a folder above it.
    Deferred,
}

struct Facts {
    record: Arc<ActionRecord>,
    status: ActionStatus,
    after: KeyState,
    kept: Option<BlobHash>,
    obstacles: Vec<(Seq, SpanId)>,
}

/// Checks one action, as if the projected steps were done.
pub(super) fn check_action(
    log: &RunLog,
    world: &World,
    action: Seq,
    projection: &mut Projection,
    force: bool,
) -> Finding {
    let Some(facts) = log.with(|state| read_facts(&state.ledger, action, &projection.undone)) else {
        return Finding::Leave(format!("there is no action {action}"));
    };
    match (&facts.record.undo, facts.status) {
        // A retry of a fork undoes memory that the fork has of its parent.
        (Undoability::NoUndo { why }, _) if facts.record.key.kind != KeyKind::Memory => {
            return Finding::Leave(why.clone());
        }
        (_, ActionStatus::Undone) => return Finding::Leave("it is undone already".into()),
        (_, ActionStatus::NotApplied) => return Finding::Leave("it was not done".into()),
        (_, ActionStatus::Held) => return Finding::Leave("it is not applied yet".into()),
        (_, ActionStatus::Intent) if facts.record.key.kind == KeyKind::Memory => return Finding::NotApplied,
        _ => {}
    }
    if facts.record.key.kind == KeyKind::Compensation {
        return check_compensation(action, facts, projection, force);
    }
    if !facts.obstacles.is_empty() && !force {
        let by = ConflictBy::Actions { first: facts.obstacles };
        return Finding::Conflict(Conflict { action, key: facts.record.key.to_string(), by });
    }
    if facts.record.key.kind == KeyKind::Memory {
        return undo_finding(action, facts.record, KeyState::Unknown, None, false);
    }
    if let Some(moved) = Move::of(log, action) {
        let (record, intent) = (facts.record, facts.status == ActionStatus::Intent);
        return match moved.check(world, action, projection) {
            MoveFinding::Undo(present) => undo_finding(action, record, present, None, intent),
            MoveFinding::Leave(why) => Finding::Leave(why),
            MoveFinding::Deferred => Finding::Deferred,
            MoveFinding::Changed(found) => {
                let by = ConflictBy::Outside { found };
                Finding::Conflict(Conflict { action, key: record.key.to_string(), by })
            }
        };
    }
    check_path(log, world, action, facts, projection, force)
}

/// Checks a compensation. It has no readable state: it blocks nothing, and nothing blocks it.
fn check_compensation(action: Seq, facts: Facts, projection: &Projection, force: bool) -> Finding {
    if facts.status == ActionStatus::Intent && !force {
        let why = "it was started, and its outcome is not known; force runs its undo command all the same";
        return Finding::Leave(why.into());
    }
    // Recorded as refused only when it is tried.
    if projection.is_preview
        && let Err(why) = compensation_command(&facts.record, &facts.after)
    {
        return Finding::Leave(format!("its undo command can't run: {why}"));
    }
    undo_finding(action, facts.record, facts.after, None, false)
}

fn check_path(
    log: &RunLog,
    world: &World,
    action: Seq,
    facts: Facts,
    projection: &mut Projection,
    force: bool,
) -> Finding {
    let key = facts.record.key.clone();
    let outside = |found: String| {
        let by = match log.with(|state| permanent_after(&state.ledger, action, &key)) {
            Some((action, span)) => ConflictBy::NoUndo { action, span },
            None => ConflictBy::Outside { found },
        };
        Finding::Conflict(Conflict { action, key: key.to_string(), by })
    };
    let (present, bytes) = match projection.states.get(&key.name) {
        Some(state) => (state.clone(), None),
        None => match read_present(world, &key) {
            Ok(found) => found,
            Err(_) if projection.opens(&key) && !projection.is_preview => return Finding::Deferred,
            Err(_) if projection.opens(&key) => (facts.after.clone(), None),
            Err(error) => return outside(format!("something that can't be read: failed to {error}")),
        },
    };
    let intent = facts.status == ActionStatus::Intent;
    if intent && present == facts.record.old {
        return Finding::NotApplied;
    }
    let left = if intent { &facts.record.intended } else { &facts.after };
    let as_left = if intent { same_content(&present, left) } else { present == *left };
    if !as_left && !force {
        return outside(describe_state(&present, left));
    }
    // An undo reads it at its turn.
    if projection.is_preview
        && let Err(why) = value_of(log, &facts.record.old)
    {
        return Finding::Leave(why);
    }
    if let Some(Value::File { bytes, .. }) = bytes
        && !projection.is_preview
        && let Err(error) = projection.store(log, bytes)
    {
        return Finding::Leave(format!("failed to keep its present content for a redo: failed to {error}"));
    }
    let keep = match &present {
        // The log may say so already.
        KeyState::File { blob, .. } => Some(*blob).filter(|_| facts.kept != Some(*blob)),
        _ => None,
    };
    undo_finding(action, facts.record, present, keep, intent)
}

fn undo_finding(
    action: Seq,
    record: Arc<ActionRecord>,
    present: KeyState,
    keep: Option<BlobHash>,
    lacks_outcome: bool,
) -> Finding {
    Finding::Undo(Box::new(Step { action, record, present, keep, lacks_outcome }))
}

fn read_facts(ledger: &Ledger, action: Seq, gone: &HashSet<Seq>) -> Option<Facts> {
    let entry = ledger.get(action)?;
    Some(Facts {
        record: entry.record.clone(),
        status: entry.status,
        // Memory has no state of its own to compare with.
        after: if entry.record.key.kind == KeyKind::Memory { KeyState::Unknown } else { entry.after.clone() },
        kept: entry.kept,
        obstacles: obstacles(ledger, action, gone),
    })
}

/// Returns the newest later action of the run that can't be undone, at the same location or at a folder above.
fn permanent_after(ledger: &Ledger, action: Seq, key: &Key) -> Option<(Seq, SpanId)> {
    let above = key.name.match_indices('/').map(|(at, _)| Key::directory(&key.name[..at]));
    let places = std::iter::once(key.clone()).chain(above);
    let newest = |location: Key| {
        let mut later = ledger.applied_at(&location).rev().take_while(|later| later.seq > action);
        later.find(|later| !later.is_undoable()).map(|later| (later.seq, later.record.span))
    };
    places.filter_map(newest).max()
}

/// True when one of the actions is applied and must be undone before its span can run again. A created folder may
/// stay: others use it.
pub fn needs_undo(ledger: &Ledger, actions: &[Seq]) -> bool {
    let applied = actions.iter().filter_map(|action| ledger.get(*action)).filter(|entry| entry.is_applied());
    applied.filter(|entry| !makes_folder(&entry.record)).count() > 0
}
