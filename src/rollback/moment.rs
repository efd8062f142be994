//! The workspace at the moment before some spans ran: what their retry would put back, for a fork that can't undo.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::state::read_state;
use super::value::value_of;
use crate::model::{ActionOp, ActionStatus, Key, KeyKind, KeyState, LedgerEntry, RunState, Seq, SpanId};
use crate::store::RunLog;
use crate::world::{Change, World};

/// A path that is not as it was at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The path.
    pub key: Key,
    /// Its state at the moment.
    pub then: KeyState,
    /// Its state now.
    pub now: KeyState,
    /// True when it is as the run left it. Else another program or person changed it since.
    pub is_own: bool,
}

/// The state that each path of a run had before the spans of a set ran. Paths that the run never changed are not in it.
#[must_use]
pub fn paths_before(state: &RunState, set: &BTreeSet<SpanId>) -> BTreeMap<String, (Key, KeyState)> {
    let mut places: BTreeMap<&str, Vec<&LedgerEntry>> = BTreeMap::new();
    let entries: Vec<LedgerEntry> =
        state.ledger.heads().filter_map(|head| state.ledger.get(head.seq).cloned()).collect();
    for entry in entries.iter().filter(|entry| entry.record.key.kind.is_path()) {
        if !matches!(entry.status, ActionStatus::NotApplied | ActionStatus::Held) {
            places.entry(&entry.record.key.name).or_default().push(entry);
        }
    }
    let then = places.into_iter().filter_map(|(name, entries)| {
        let (key, then) = state_before(&entries, set)?;
        Some((name.to_owned(), (key, then)))
    });
    then.collect()
}

/// The state at one path: that of the last change that stays, or that before the changes that don't.
fn state_before(entries: &[&LedgerEntry], set: &BTreeSet<SpanId>) -> Option<(Key, KeyState)> {
    let applied: Vec<&&LedgerEntry> = entries.iter().filter(|entry| entry.is_applied()).collect();
    let stays = |entry: &&&LedgerEntry| !set.contains(&entry.record.tool_span);
    let last = applied.iter().rposition(stays);
    let later = applied.get(last.map_or(0, |at| at + 1));
    let found = match (later, last.and_then(|at| applied.get(at)), entries.first()) {
        (Some(taken), ..) => (taken.record.key.clone(), taken.record.old.clone()),
        (None, Some(kept), _) => (kept.record.key.clone(), kept.left().clone()),
        (None, None, Some(undone)) => (undone.record.key.clone(), undone.record.old.clone()),
        (None, None, None) => return None,
    };
    Some(found)
}

/// The paths that are not as they were before the spans of a set ran.
#[must_use]
pub fn moved_since(state: &RunState, world: &World, set: &BTreeSet<SpanId>) -> Vec<Moved> {
    let differs = |(key, then): (Key, KeyState)| {
        let now = read_state(world, &key).unwrap_or(KeyState::Unknown);
        let is_own = state.ledger.recorded_state(&key).is_some_and(|recorded| recorded == now);
        // The state of a file that was left out of capture is not known.
        (now != then && then != KeyState::Unknown).then_some(Moved { key, then, now, is_own })
    };
    paths_before(state, set).into_values().filter_map(differs).collect()
}

/// The changes that put paths back, in an order in which they can be made: what goes away first, the deepest of it
/// first; then what comes, the topmost first.
///
/// # Errors
/// With the path whose content is not kept.
pub fn changes_back(log: &RunLog, world: &World, moved: &[Moved]) -> Result<Vec<Change>, String> {
    let depth = |found: &&Moved| found.key.name.matches('/').count();
    let (mut gone, mut back): (Vec<&Moved>, Vec<&Moved>) =
        moved.iter().partition(|found| found.then == KeyState::Absent);
    let goes: BTreeSet<&str> = gone.iter().map(|found| found.key.name.as_str()).collect();
    // A folder stays in which others have made something since.
    gone.retain(|found| !matches!(found.now, KeyState::Directory { .. }) || goes_whole(world, &found.key.name, &goes));
    gone.sort_by_key(|found| std::cmp::Reverse(depth(found)));
    back.sort_by_key(depth);
    let change = |found: &Moved, state: &KeyState, op: ActionOp| {
        let new = value_of(log, state).map_err(|why| format!("{}: {why}", found.key))?;
        let kind = match if *state == KeyState::Absent { &found.now } else { state } {
            KeyState::Directory { .. } => KeyKind::Directory,
            KeyState::Symlink { .. } => KeyKind::Symlink,
            _ => KeyKind::File,
        };
        Ok::<_, String>(Change { key: Key { kind, name: found.key.name.clone() }, op, new })
    };
    let mut changes = Vec::new();
    for found in gone {
        changes.push(change(found, &KeyState::Absent, ActionOp::Delete)?);
    }
    for found in back {
        let is_other = !matches!(
            (&found.now, &found.then),
            (KeyState::Absent, _)
                | (KeyState::File { .. }, KeyState::File { .. })
                | (KeyState::Directory { .. }, KeyState::Directory { .. })
        );
        if is_other {
            changes.push(change(found, &KeyState::Absent, ActionOp::Delete)?);
        }
        changes.push(change(found, &found.then, ActionOp::Set)?);
    }
    Ok(changes)
}

/// True when everything in a folder goes away.
fn goes_whole(world: &World, name: &str, goes: &BTreeSet<&str>) -> bool {
    let Ok(entries) = fs::read_dir(world.root().join(name)) else { return false };
    entries.flatten().all(|entry| {
        let inside = entry.file_name().into_string().map(|own| format!("{name}/{own}"));
        inside.is_ok_and(|inside| goes.contains(inside.as_str()))
    })
}

/// The applied actions of a set on paths and memory: what a fork at it no longer has.
#[must_use]
pub fn actions_to_drop(state: &RunState, set: &BTreeSet<SpanId>) -> Vec<Seq> {
    let heads = state.ledger.heads().filter(|head| head.is_applied() && set.contains(&head.tool_span));
    let inside = heads.filter(|head| {
        state
            .ledger
            .get(head.seq)
            .is_some_and(|entry| entry.record.key.kind.is_path() || entry.record.key.kind == KeyKind::Memory)
    });
    inside.map(|head| head.seq).collect()
}
