//! Held actions at one path, each on top of the one before it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Key, KeyState, LedgerEntry, RunState, Seq, Undoability};

/// Chosen held actions at one path, which are made as one change.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// The actions, oldest first.
    pub actions: Vec<Seq>,
    /// The key in the state that they leave, or (when they remove it) found.
    pub key: Key,
    /// The state before the first.
    pub old: KeyState,
    /// The state after the last.
    pub new: KeyState,
    /// Its place among the others when it is applied.
    at: Seq,
    /// Why its bytes are not kept, if so.
    pub left_out: Option<String>,
    /// True when the agent changed the path again, and that is not among the chosen.
    pub is_covered: bool,
    /// True when it begins with the oldest held action of the path.
    pub is_from_the_first: bool,
}

/// Groups chosen held actions by path, in the order in which they are applied.
pub(super) fn chains(state: &RunState, chosen: &BTreeSet<Seq>) -> Vec<Chain> {
    let held: BTreeSet<Seq> = state.held.values().flatten().copied().collect();
    let mut by_path: BTreeMap<&str, Vec<&LedgerEntry>> = BTreeMap::new();
    let entries: Vec<&LedgerEntry> = held.iter().filter_map(|action| state.ledger.get(*action)).collect();
    for entry in &entries {
        by_path.entry(&entry.record.key.name).or_default().push(entry);
    }
    let mut chains: Vec<Chain> = by_path.into_values().filter_map(|all| chain(&all, chosen)).collect();
    chains.sort_by_key(|chain| chain.at);
    chains
}

/// `all`: the held actions at a path, oldest first.
fn chain(all: &[&LedgerEntry], chosen: &BTreeSet<Seq>) -> Option<Chain> {
    let taken: Vec<&LedgerEntry> = all.iter().copied().filter(|entry| chosen.contains(&entry.seq)).collect();
    let (first, last) = (taken.first()?, taken.last()?);
    let (old, new) = (first.record.old.clone(), last.record.intended.clone());
    let is_folder = |state: &KeyState| matches!(state, KeyState::Directory { .. });
    // A folder is made before what is in it, whatever its permissions became later.
    let makes = taken.iter().find(|entry| is_folder(&entry.record.intended)).filter(|_| is_folder(&new));
    let at = if is_folder(&old) { last.seq } else { makes.map_or(last.seq, |entry| entry.seq) };
    let left_out = taken.iter().rev().find_map(|entry| match &entry.record.undo {
        Undoability::NoUndo { why } => Some(why.clone()),
        Undoability::Undo => None,
    });
    let key = if new == KeyState::Absent { first.record.key.clone() } else { last.record.key.clone() };
    Some(Chain {
        actions: taken.iter().map(|entry| entry.seq).collect(),
        key,
        old,
        new,
        at,
        left_out,
        is_covered: all.last().is_some_and(|newest| newest.seq != last.seq),
        is_from_the_first: all.first().is_some_and(|oldest| oldest.seq == first.seq),
    })
}
