//! After a crash: half-done undos and redos are finished, and intents without an outcome checked against the world.

use std::collections::{HashMap, HashSet};

use super::moves::Move;
use super::row::outcome_row;
use super::state::{read_state, same_content};
use super::value::{put_memory, value_of};
use crate::model::{ActionChange, ActionStatus, KeyKind, KeyState, LedgerEntry, RunState, Seen, Seq};
use crate::store::RunLog;
use crate::world::{Put, World};

/// Gives every action that a killed process left open an outcome, newest first; returns one line per action. The caller
/// holds the lock, and memory is loaded.
pub async fn resolve_interrupted_actions(log: &RunLog, world: &World) -> Vec<String> {
    let open = log.with(interrupted);
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    let mut chains = Chains::of(&open);
    for entry in &open {
        if let Err(error) = world.tidy(&entry.record.key) {
            lines.push(format!("{} {}: failed to {error}", entry.seq, entry.record.key));
        }
        let (change, line) = match entry.status {
            ActionStatus::Intent | ActionStatus::Held => resolve_intent(world, entry, &mut chains),
            ActionStatus::Undone => resolve_redo(world, entry),
            _ => resolve_undo(log, world, entry, &open),
        };
        rows.extend(change.map(|change| outcome_row(entry.seq, change)));
        lines.push(format!("{} {}: {line}", entry.seq, entry.record.key));
    }
    if !rows.is_empty()
        && let Err(error) = log.append_durable(rows).durable().await
    {
        lines.push(format!("the outcomes are not recorded (open the run again to record them): failed to {error}"));
    }
    lines
}

/// Returns the actions that [`resolve_interrupted_actions`] will find undone or never applied; touches and records
/// nothing.
pub fn predict_not_applied(log: &RunLog, world: &World) -> HashSet<Seq> {
    let all = log.with(interrupted);
    let mut open = all.clone();
    let mut chains = Chains::of(&open);
    open.retain(|entry| match entry.status {
        ActionStatus::Intent | ActionStatus::Held => {
            resolve_intent(world, entry, &mut chains).0 == Some(ActionChange::NotApplied)
        }
        ActionStatus::Undone => false,
        _ => undo_can_be_finished(world, entry, &all),
    });
    open.into_iter().map(|entry| entry.seq).collect()
}

/// Lists the actions that a killed process left without an outcome, newest first. What is held for review stays so.
fn interrupted(state: &RunState) -> Vec<LedgerEntry> {
    let is_open = |entry: &LedgerEntry| match entry.status {
        ActionStatus::Intent => true,
        ActionStatus::Held => !state.is_reviewed(entry.record.tool_span),
        _ => false,
    };
    let open = |entry: &LedgerEntry| entry.half_done || is_open(entry);
    state.ledger.entries().iter().rev().filter(|entry| open(entry)).map(Seen::into_owned).collect()
}

fn undo_can_be_finished(world: &World, entry: &LedgerEntry, open: &[LedgerEntry]) -> bool {
    let known =
        |found: KeyState| found == entry.record.old || found == entry.after || is_older_state(entry, &found, open);
    let kind = entry.record.key.kind;
    kind == KeyKind::Memory || kind.is_path() && read_state(world, &entry.record.key).is_ok_and(known)
}

/// True when an undo of many actions had already put the before-image of an older one at the same path.
fn is_older_state(entry: &LedgerEntry, found: &KeyState, open: &[LedgerEntry]) -> bool {
    let mut older = open.iter().filter(|other| other.seq < entry.seq && other.half_done);
    older.any(|other| {
        other.status != ActionStatus::Undone
            && other.record.key.same_place(&entry.record.key)
            && other.record.old == *found
    })
}

type Resolution = (Option<ActionChange>, String);

/// Actions without an outcome that follow each other at one path, such as a folder that is created and then closed.
struct Chains {
    /// The state before the first of them.
    before: HashMap<String, KeyState>,
    /// The state that an older one must have left, once a newer one is known to be applied.
    below: HashMap<String, KeyState>,
}

impl Chains {
    /// `open`: newest first.
    fn of(open: &[LedgerEntry]) -> Self {
        let waits = |entry: &&LedgerEntry| matches!(entry.status, ActionStatus::Intent | ActionStatus::Held);
        // Memory has names of its own.
        let intents = open.iter().filter(waits).filter(|entry| entry.record.key.kind.is_path());
        let before = intents.map(|entry| (entry.record.key.name.clone(), entry.record.old.clone())).collect();
        Self { before, below: HashMap::new() }
    }
}

fn resolve_intent(world: &World, entry: &LedgerEntry, chains: &mut Chains) -> Resolution {
    let record = &entry.record;
    let never = || (Some(ActionChange::NotApplied), "it was recorded, and not done".to_owned());
    match record.key.kind {
        KeyKind::Memory => return never(),
        KeyKind::External | KeyKind::Compensation => {
            return (None, "it was started, and its outcome is not known".into());
        }
        _ => {}
    }
    let known = chains.below.get(&record.key.name);
    let found = match known {
        Some(state) => state.clone(),
        None => match read_state(world, &record.key) {
            Ok(state) => state,
            Err(error) => return (None, format!("its outcome is not known: failed to {error}")),
        },
    };
    let untouched = known.is_none() && chains.before.get(&record.key.name) == Some(&found);
    if untouched || found == record.old {
        never()
    } else if same_content(&found, &record.intended) {
        chains.below.insert(record.key.name.clone(), record.old.clone());
        (Some(ActionChange::Applied { after: found, kept: false }), "it was applied, and is recorded now".into())
    } else {
        let line =
            format!("it is neither as before nor as intended, but {}; check it before you undo it", found.summary());
        (None, line)
    }
}

fn resolve_undo(log: &RunLog, world: &World, entry: &LedgerEntry, open: &[LedgerEntry]) -> Resolution {
    let undone = |line: &str| (Some(ActionChange::Undone { forced: false }), line.to_owned());
    let refused = |why: String| (Some(ActionChange::Refused { why: why.clone() }), why);
    if entry.record.key.kind == KeyKind::Compensation {
        return refused("its undo command was started, and its outcome is not known; the action stays".into());
    }
    if entry.record.key.kind == KeyKind::Memory {
        return match undo_memory(log, world, entry.seq, &entry.record.key.name) {
            Ok(()) => undone("its undo was finished"),
            Err(why) => refused(why),
        };
    }
    let found = match read_state(world, &entry.record.key) {
        Ok(state) => state,
        Err(error) => return refused(format!("its undo stays unfinished: failed to {error}")),
    };
    if found == entry.record.old || is_older_state(entry, &found, open) {
        return undone("it was undone, and is recorded now");
    }
    if found != entry.after {
        return refused(
            "its undo was interrupted, and another program or person changed it since; it stays as it is".into(),
        );
    }
    let put_old = || {
        let old = value_of(log, &entry.record.old)?;
        let irregular = found == KeyState::Unknown;
        let put = world.put_as(&entry.record.key, &old, Put { irregular, ..Put::default() });
        put.map_err(|error| format!("failed to {error}"))
    };
    let put = Move::of(log, entry.seq).map_or_else(put_old, |moved| moved.restore(world, entry.seq));
    match put {
        Ok(()) => undone("its undo was finished"),
        Err(why) => refused(format!("failed to finish its undo: {why}")),
    }
}

/// Removes one action from a memory key; newer ones that are resolved in the same pass are removed already.
fn undo_memory(log: &RunLog, world: &World, action: Seq, name: &str) -> Result<(), String> {
    let counts = |other: &LedgerEntry| {
        other.status == ActionStatus::Applied && other.seq != action && !(other.half_done && other.seq > action)
    };
    let fold = log.with(|state| state.ledger.memory_if(name, counts));
    put_memory(log, world, name, &fold)
}

fn resolve_redo(world: &World, entry: &LedgerEntry) -> Resolution {
    let undone = || {
        let why = "its redo was interrupted; it is still undone".to_owned();
        (Some(ActionChange::Refused { why: why.clone() }), why)
    };
    if entry.record.key.kind == KeyKind::Memory {
        return undone();
    }
    match read_state(world, &entry.record.key) {
        Ok(state) if state == entry.after => (Some(ActionChange::Redone), "it was redone, and is recorded now".into()),
        _ => undone(),
    }
}
