//! Redoing an undone action, while nothing later touched its key.

use super::certify::{Expected, certify};
use super::check::{describe, obstacles, place, value_of};
use super::undo::{event, put_fold, why_refused};
use crate::model::{
    ActionChange, ActionStatus, Conflict, ConflictBy, Key, KeyKind, KeyState, LedgerEntry, PlanLeave, Seq, SpanId,
    UndoReport,
};
use crate::store::RunLog;
use crate::world::{Value, World};

/// What came of trying.
enum Stay {
    Left(String),
    Conflict(ConflictBy),
}

/// Redoes one undone action. The caller holds the lock.
pub async fn redo(log: &RunLog, world: &World, action: Seq) -> UndoReport {
    let mut report = UndoReport::default();
    let Some((entry, later)) = log.with(|state| {
        let entry = state.ledger.get(action)?.clone();
        Some((entry, obstacles(&state.ledger, action, &std::collections::HashSet::new())))
    }) else {
        report.left.push(PlanLeave { action, why: format!("there is no action {action}") });
        return report;
    };
    match try_redo(log, world, &entry, later).await {
        Ok(after) => {
            report.redone.push(action);
            report.certificate = certify(log, world, &Expected::from([(place(&entry.record.key), after)]));
        }
        Err(Stay::Left(why)) => report.left.push(PlanLeave { action, why }),
        Err(Stay::Conflict(by)) => {
            let conflict = Conflict { action, key: entry.record.key.to_string(), by };
            log.append(vec![event(action, ActionChange::Refused { why: why_refused(&conflict) })]);
            report.conflict = Some(conflict);
        }
    }
    report
}

async fn try_redo(
    log: &RunLog,
    world: &World,
    entry: &LedgerEntry,
    later: Vec<(Seq, SpanId)>,
) -> Result<KeyState, Stay> {
    let action = entry.seq;
    if entry.status != ActionStatus::Undone {
        return Err(Stay::Left("it is not undone".into()));
    }
    if entry.record.key.kind == KeyKind::Compensation {
        return Err(Stay::Left("it was made up for outside; run it again by a retry".into()));
    }
    if !later.is_empty() {
        return Err(Stay::Conflict(ConflictBy::Actions { first: later }));
    }
    let target = if entry.record.key.kind == KeyKind::Memory { None } else { Some(target(log, world, entry)?) };
    let recorded = log.append_durable(vec![event(action, ActionChange::RedoStarted)]).durable().await;
    recorded.map_err(|error| Stay::Left(format!("not redone: failed to {error}")))?;
    // Read again: recording took a moment, and someone outside may have used it.
    if target.is_some()
        && let Err(stay) = is_as_undone(log, world, entry)
    {
        log.append(vec![event(action, ActionChange::Refused { why: "someone else changed it just now".into() })]);
        return Err(stay);
    }
    let put = match &target {
        Some(value) => world.put(&entry.record.key, value).map_err(|error| format!("failed to {error}")),
        None => put_memory(log, world, entry),
    };
    if let Err(why) = put {
        log.append(vec![event(action, ActionChange::Refused { why: why.clone() })]);
        return Err(Stay::Left(why));
    }
    let mut rows = vec![event(action, ActionChange::Redone)];
    let after = target.map_or_else(|| entry.after.clone(), |value| value.state());
    if after != entry.after {
        // An undo was forced over what someone else had made of it, and that is what is back now.
        rows.push(event(action, ActionChange::Applied { after: after.clone() }));
    }
    match log.append_durable(rows).durable().await {
        Ok(_) => Ok(after),
        Err(error) => Err(Stay::Left(format!("done, but not on record: failed to {error}"))),
    }
}

/// Whether the key is as the undo left it.
fn is_as_undone(log: &RunLog, world: &World, entry: &LedgerEntry) -> Result<(), Stay> {
    let key = &entry.record.key;
    let found = world.peek(key).map_err(|error| Stay::Left(format!("failed to {error}")))?.state();
    if found == entry.record.old {
        return Ok(());
    }
    Err(match last_before(log, entry, key) {
        Some(first) => Stay::Left(format!("redo {first} first: it stood on what that left")),
        None => Stay::Conflict(ConflictBy::Outside { found: describe(&found, &entry.record.old) }),
    })
}

/// What to put, if the key is as the undo left it.
fn target(log: &RunLog, world: &World, entry: &LedgerEntry) -> Result<Value, Stay> {
    if let Some(first) = missing_folder(log, world, entry) {
        return Err(Stay::Left(format!("redo {first} first: it made the folder this is in")));
    }
    is_as_undone(log, world, entry)?;
    let after = match (&entry.after, entry.kept) {
        (KeyState::File { size, mode, .. }, Some(blob)) => KeyState::File { blob, size: *size, mode: *mode },
        (after, _) => after.clone(),
    };
    value_of(log, &after).map_err(Stay::Left)
}

/// The undone action that made a folder above, while that is missing.
fn missing_folder(log: &RunLog, world: &World, entry: &LedgerEntry) -> Option<Seq> {
    let name = &entry.record.key.name;
    let above = name.match_indices('/').map(|(at, _)| Key::directory(&name[..at]));
    let missing = |folder: &Key| matches!(world.peek(folder), Ok(Value::Absent));
    above.filter(missing).find_map(|folder| last_before(log, entry, &folder))
}

/// The last action at a place before this one, if it is undone.
fn last_before(log: &RunLog, entry: &LedgerEntry, place: &Key) -> Option<Seq> {
    log.with(|state| {
        let mut before = state.ledger.all_at(place).rev();
        let last = before.find(|found| found.seq < entry.seq && found.status != ActionStatus::NotApplied);
        last.filter(|found| found.status == ActionStatus::Undone).map(|found| found.seq)
    })
}

fn put_memory(log: &RunLog, world: &World, entry: &LedgerEntry) -> Result<(), String> {
    let name = &entry.record.key.name;
    let counts = |other: &LedgerEntry| other.status == ActionStatus::Applied || other.seq == entry.seq;
    let fold = log.with(|state| state.ledger.memory_if(name, counts));
    put_fold(log, world, name, &fold)
}
