//! Held changes by their path, so that those that depend on one another are found without comparing each with each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::{HeldChoice, KeyState, Ledger, LedgerEntry, Seq};

/// The held changes of a run by path.
pub(super) struct HeldIndex<'l> {
    ledger: &'l Ledger,
    held: &'l BTreeSet<Seq>,
    by_path: BTreeMap<&'l str, Vec<&'l LedgerEntry>>,
}

impl<'l> HeldIndex<'l> {
    pub fn new(ledger: &'l Ledger, held: &'l BTreeSet<Seq>) -> Self {
        let mut by_path: BTreeMap<&str, Vec<&LedgerEntry>> = BTreeMap::new();
        for entry in held.iter().filter_map(|seq| ledger.get(*seq)) {
            by_path.entry(&entry.record.key.name).or_default().push(entry);
        }
        Self { ledger, held, by_path }
    }

    /// The held changes that a decision on one of them can draw in: those at its path, at a folder above it, below it, and
    /// the other half of its rename.
    pub fn near(&self, change: &LedgerEntry, choice: HeldChoice) -> impl Iterator<Item = &'l LedgerEntry> {
        let path = change.record.key.name.as_str();
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        let mut near: Vec<&LedgerEntry> =
            above.chain([path]).filter_map(|path| self.by_path.get(path)).flatten().copied().collect();
        // Only a folder that goes needs what is below it.
        let is_folder = |state: &KeyState| matches!(state, KeyState::Directory { .. });
        let leaves_folder = is_folder(&change.record.old) && !is_folder(&change.record.intended);
        if choice == HeldChoice::Discard || leaves_folder {
            let folder = format!("{path}/");
            let below = self.by_path.range::<str, _>((Bound::Included(folder.as_str()), Bound::Unbounded));
            near.extend(below.take_while(|(path, _)| path.starts_with(&folder)).flat_map(|(_, entries)| entries));
        }
        let half = change.renamed.filter(|half| self.held.contains(half));
        near.extend(half.and_then(|half| self.ledger.get(half)));
        near.into_iter()
    }
}
