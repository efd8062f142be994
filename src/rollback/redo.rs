//! Redoes an undone action, while nothing later touched its key.

use super::conflict::{describe_conflict, obstacles};
use super::moves::Move;
use super::read_back::{Expected, read_back};
use super::row::{outcome_row, replaced_while_read};
use super::state::{describe_state, location, read_state};
use super::value::{put_memory, value_of};
use crate::model::{
    ActionChange, ActionStatus, Conflict, ConflictBy, Key, KeyKind, KeyState, LedgerEntry, PlanLeave, Seq, SpanId,
    UndoReport,
};
use crate::store::RunLog;
use crate::world::{Put, Value, World, WorldError};

/// The reason why a redo was refused.
enum Refusal {
    Left(String),
    Conflict(ConflictBy),
}

/// Redoes one undone action. The caller holds the lock.
pub async fn redo(log: &RunLog, world: &World, action: Seq) -> UndoReport {
    let mut report = UndoReport::default();
    if let Err(error) = world.check_root() {
        report.left.push(PlanLeave { action, why: format!("failed to {error}") });
        return report;
    }
    let Some((entry, later)) = log.with(|state| {
        let entry = state.ledger.get(action)?.clone();
        Some((entry, obstacles(&state.ledger, action, &std::collections::HashSet::new())))
    }) else {
        report.left.push(PlanLeave { action, why: format!("there is no action {action}") });
        return report;
    };
    if let Some(moved) = Move::of(log, action) {
        return moved.redo(log, world, later.is_empty()).await;
    }
    match try_redo(log, world, &entry, later).await {
        Ok(after) => {
            report.redone.push(action);
            report.read_back = read_back(log, world, &Expected::from([(location(&entry.record.key), after)]));
        }
        Err(Refusal::Left(why)) => report.left.push(PlanLeave { action, why }),
        Err(Refusal::Conflict(by)) => {
            let conflict = Conflict { action, key: entry.record.key.to_string(), by };
            log.append(vec![outcome_row(action, ActionChange::Refused { why: describe_conflict(&conflict) })]);
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
) -> Result<KeyState, Refusal> {
    let action = entry.seq;
    if entry.status != ActionStatus::Undone {
        return Err(Refusal::Left("it is not undone".into()));
    }
    if entry.record.key.kind == KeyKind::Compensation {
        return Err(Refusal::Left("its undo command has run; retry the call to run it again".into()));
    }
    if !later.is_empty() {
        return Err(Refusal::Conflict(ConflictBy::Actions { first: later }));
    }
    let target = if entry.record.key.kind == KeyKind::Memory { None } else { Some(redo_value(log, world, entry)?) };
    let recorded = log.append_durable(vec![outcome_row(action, ActionChange::RedoStarted)]).durable().await;
    recorded.map_err(|error| Refusal::Left(format!("not redone: failed to {error}")))?;
    // Read again: another program or person may have changed it during the commit.
    if target.is_some()
        && let Err(stay) = check_unchanged(log, world, entry)
    {
        log.append(vec![outcome_row(
            action,
            ActionChange::Refused { why: "another program or person changed it just now".into() },
        )]);
        return Err(stay);
    }
    let put = match &target {
        Some(value) => put_in_view(world, entry, value).and_then(|()| {
            world.put(&entry.record.key, value).map_err(|error| match error {
                WorldError::Open { by, .. } => Refusal::Conflict(ConflictBy::Open { program: by }),
                error => Refusal::Left(format!("failed to {error}")),
            })
        }),
        None => redo_memory(log, world, entry).map_err(Refusal::Left),
    };
    if let Err(refusal) = put {
        // A conflict is recorded by the caller.
        if let Refusal::Left(why) = &refusal {
            log.append(vec![outcome_row(action, ActionChange::Refused { why: why.clone() })]);
        }
        return Err(refusal);
    }
    let mut rows = vec![outcome_row(action, ActionChange::Redone)];
    rows.extend(replaced_while_read(world));
    let after = target.map_or_else(|| entry.after.clone(), |value| value.state());
    if after != entry.after {
        // A forced undo replaced a state that another program or person had left, and the redo restored that.
        rows.push(outcome_row(action, ActionChange::Applied { after: after.clone(), kept: false }));
    }
    match log.append_durable(rows).durable().await {
        Ok(_) => Ok(after),
        Err(error) => {
            Err(Refusal::Left(format!("redone, but not recorded (open the run again to record it): failed to {error}")))
        }
    }
}

/// Puts the path where an agent sees it whose overlay lies over the workspace.
fn put_in_view(world: &World, entry: &LedgerEntry, value: &Value) -> Result<(), Refusal> {
    let Some(view) = world.view() else { return Ok(()) };
    let key = &entry.record.key;
    let found = read_state(&view, key).map_err(|error| Refusal::Left(format!("failed to {error}")))?;
    if found != entry.record.old && found != value.state() {
        let found =
            format!("the agent has changed it since, and that is held: {}", describe_state(&found, &entry.record.old));
        return Err(Refusal::Conflict(ConflictBy::Outside { found }));
    }
    let how = Put { irregular: true, open: true, ..Put::default() };
    view.put_as(key, value, how).map_err(|error| Refusal::Left(format!("failed to {error} where the agent sees it")))
}

/// Checks that the key is as the undo left it.
fn check_unchanged(log: &RunLog, world: &World, entry: &LedgerEntry) -> Result<(), Refusal> {
    let key = &entry.record.key;
    let found = read_state(world, key).map_err(|error| Refusal::Left(format!("failed to {error}")))?;
    if found == entry.record.old {
        return Ok(());
    }
    Err(match undone_predecessor(log, entry, key) {
        Some(first) => Refusal::Left(format!("redo {first} first: this action changed what that one left")),
        None => Refusal::Conflict(ConflictBy::Outside { found: describe_state(&found, &entry.record.old) }),
    })
}

/// Returns the value to put, if the key is as the undo left it.
fn redo_value(log: &RunLog, world: &World, entry: &LedgerEntry) -> Result<Value, Refusal> {
    if let Some(first) = undone_folder_above(log, world, entry) {
        return Err(Refusal::Left(format!("redo {first} first: it made the folder this is in")));
    }
    check_unchanged(log, world, entry)?;
    let after = match (&entry.after, entry.kept) {
        (KeyState::File { size, mode, .. }, Some(blob)) => KeyState::File { blob, size: *size, mode: *mode },
        (after, _) => after.clone(),
    };
    value_of(log, &after).map_err(Refusal::Left)
}

/// Returns the undone action that created a folder above, while that folder is missing.
fn undone_folder_above(log: &RunLog, world: &World, entry: &LedgerEntry) -> Option<Seq> {
    let name = &entry.record.key.name;
    let above = name.match_indices('/').map(|(at, _)| Key::directory(&name[..at]));
    let missing = |folder: &Key| matches!(world.peek(folder), Ok(Value::Absent));
    above.filter(missing).find_map(|folder| undone_predecessor(log, entry, &folder))
}

/// Returns the last action at a location before this one, if it is undone.
fn undone_predecessor(log: &RunLog, entry: &LedgerEntry, location: &Key) -> Option<Seq> {
    log.with(|state| {
        let mut before = state.ledger.all_at(location).rev();
        let last = before.find(|found| found.seq < entry.seq && found.status != ActionStatus::NotApplied);
        last.filter(|found| found.status == ActionStatus::Undone).map(|found| found.seq)
    })
}

fn redo_memory(log: &RunLog, world: &World, entry: &LedgerEntry) -> Result<(), String> {
    let name = &entry.record.key.name;
    let counts = |other: &LedgerEntry| other.status == ActionStatus::Applied || other.seq == entry.seq;
    let fold = log.with(|state| state.ledger.memory_if(name, counts));
    put_memory(log, world, name, &fold)
}
