//! Which reads saw something of what a retry undoes.

use std::collections::{HashMap, HashSet};

use crate::model::{ActionOp, Key, KeyKind, KeyState, LedgerEntry, RunState, Seq, SpanId};
use crate::world::path::ROOT;

/// The actions that a retry undoes, by what a read says that it saw.
pub(super) struct Undone {
    actions: HashSet<Seq>,
    /// Of each memory key: from an undone append to the next action that no longer has its element.
    appended: HashMap<String, Vec<(Seq, Seq)>>,
    /// Of each folder: the actions that added or removed a name in it.
    listed: HashMap<String, Vec<Seq>>,
}

impl Undone {
    /// Takes the applied actions of a retry's set.
    pub(super) fn of<'a>(state: &RunState, actions: impl Iterator<Item = &'a LedgerEntry>) -> Self {
        let mut undone = Self { actions: HashSet::new(), appended: HashMap::new(), listed: HashMap::new() };
        for entry in actions.filter(|entry| entry.is_undoable_by_retry()) {
            undone.actions.insert(entry.seq);
            let key = &entry.record.key;
            if key.kind == KeyKind::Memory && entry.record.op == ActionOp::Append {
                undone.appended.entry(key.name.clone()).or_default().push((entry.seq, end_of_list(state, entry)));
            }
            if changes_names(entry) {
                let folder = key.name.rsplit_once('/').map_or(ROOT, |(folder, _)| folder);
                undone.listed.entry(folder.to_owned()).or_default().push(entry.seq);
            }
        }
        undone
    }

    /// True if a read saw one of them. `seen`: the newest action at the key, when it was read.
    pub(super) fn was_seen(&self, state: &RunState, span: SpanId, key: &Key, seen: Option<Seq>) -> bool {
        if seen.is_some_and(|seen| self.actions.contains(&seen)) {
            return true;
        }
        match (key.kind, seen) {
            // The list has the elements of older appends too.
            (KeyKind::Memory, Some(seen)) => {
                let lists = self.appended.get(&key.name).into_iter().flatten();
                lists.into_iter().any(|(from, to)| (*from..*to).contains(&seen))
            }
            (KeyKind::Directory, _) => {
                let ended = state.trace.get(span).and_then(|found| found.ended);
                let mut changed = self.listed.get(&key.name).into_iter().flatten();
                changed.any(|action| ended.is_none_or(|ended| *action < ended))
            }
            _ => false,
        }
    }
}

/// The next action at a list that is no append.
fn end_of_list(state: &RunState, append: &LedgerEntry) -> Seq {
    let later = state.ledger.applied_at(&append.record.key).filter(|other| other.seq > append.seq);
    let mut ends = later.filter(|other| other.record.op != ActionOp::Append);
    ends.next().map_or(Seq(u64::MAX), |other| other.seq)
}

/// True if the folder around a path lists another name since.
fn changes_names(entry: &LedgerEntry) -> bool {
    let gone = entry.record.op == ActionOp::Delete;
    entry.record.key.kind.is_path() && (gone || entry.record.old == KeyState::Absent)
}
