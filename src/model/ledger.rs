//! The ledger: every action of a run with its outcome, and what can be done with it now.

mod heads;
#[cfg(test)]
mod index_tests;
mod pack;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use heads::ActionHead;
use heads::Heads;

use super::packed_pages::PackedPages;
use super::places::{Keyed, Places};
use super::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, BlobHash, Element, Key, KeyKind, KeyState, Seq, SpanId,
    Undoability,
};

/// The status of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionStatus {
    /// Recorded; its effect has no outcome yet (or the process died before one).
    Intent,
    /// Done.
    Applied,
    /// Not done: the effect failed, or a reopening found that it never happened.
    NotApplied,
    /// A command's change that is held beside the workspace: the user looks at it first.
    Held,
    /// Undone.
    Undone,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Its row.
    pub seq: Seq,
    /// The row's content.
    pub record: Arc<ActionRecord>,
    /// Its status.
    pub status: ActionStatus,
    /// Its after-image (for an append: the element).
    pub after: KeyState,
    /// True if an undo or redo was started and has no end: the process died in it.
    pub half_done: bool,
    /// True if an undo of it was refused (a folder that others still used is removed when it is empty).
    pub refused: bool,
    /// The bytes it left, where they are kept.
    pub kept: Option<BlobHash>,
    /// The other half of a rename: the action that made the path that this one removed, or the other way round.
    pub renamed: Option<Seq>,
    /// The last undo or redo of it that changed the world.
    pub turned: Option<Seq>,
}

impl LedgerEntry {
    /// True if it has (or may have) changed the world and was not undone.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        matches!(self.status, ActionStatus::Applied | ActionStatus::Intent)
    }

    /// The row since which it stands as it does: its own, or that of its last undo or redo.
    #[must_use]
    pub fn since(&self) -> Seq {
        self.turned.unwrap_or(self.seq)
    }

    /// The state that it left, or was (or is) meant to leave (for an append: the element).
    #[must_use]
    pub fn left(&self) -> &KeyState {
        match self.status {
            ActionStatus::Applied | ActionStatus::Undone => &self.after,
            ActionStatus::Intent | ActionStatus::NotApplied | ActionStatus::Held => &self.record.intended,
        }
    }

    /// Git's letter for its change: A, M, D, or R for each half of a rename; a space for a call.
    #[must_use]
    pub fn letter(&self) -> char {
        match (self.renamed, self.record.op) {
            (Some(_), _) => 'R',
            (None, ActionOp::External) => ' ',
            (None, ActionOp::Append) if self.record.old == KeyState::Absent => 'A',
            (None, ActionOp::Append) => 'M',
            (None, ActionOp::Set | ActionOp::Delete) => self.record.old.letter_to(self.left()),
        }
    }

    /// Its change, short enough for a list; [`Self::letter`] stands before it.
    #[must_use]
    pub fn change_text(&self) -> String {
        match self.record.op {
            ActionOp::External => match &self.record.undo {
                Undoability::NoUndo { why } => why.clone(),
                Undoability::Undo => self.record.old.summary(),
            },
            ActionOp::Append => format!("+ {}", self.record.intended.summary()),
            ActionOp::Set | ActionOp::Delete => self.record.old.change_to(self.left()),
        }
    }

    /// Checks that a retry can undo it.
    ///
    /// # Errors
    /// With the reason: nothing can undo it, its undo command failed, or nobody knows whether it was done.
    pub fn check_undoable(&self) -> Result<(), String> {
        match (&self.record.undo, self.record.key.kind, self.status) {
            (_, KeyKind::Memory, _) => Ok(()),
            (Undoability::NoUndo { why }, ..) => Err(why.clone()),
            (_, KeyKind::Compensation, ActionStatus::Intent) => Err("whether it was done is not known".into()),
            (_, KeyKind::Compensation, _) if self.refused => Err("its undo command failed".into()),
            _ => Ok(()),
        }
    }

    /// True if a user can undo it.
    #[must_use]
    pub fn is_undoable(&self) -> bool {
        self.record.undo == Undoability::Undo
    }

    /// True if a retry can undo it: memory that a fork has of its parent too, as it is a part of the fork.
    #[must_use]
    pub fn is_undoable_by_retry(&self) -> bool {
        self.is_undoable() || self.record.key.kind == KeyKind::Memory
    }
}

impl Keyed for LedgerEntry {
    fn key(&self) -> &Key {
        &self.record.key
    }
}

/// Says what can be done with an action now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It can be undone now: nothing later depends on its key.
    Free,
    /// A later applied action must be undone first (the newest one is named).
    Blocked {
        /// The action.
        by: Seq,
        /// Its agent's span.
        span: SpanId,
    },
    /// It can't be undone, and why.
    NoUndo(String),
    /// It is undone.
    Undone,
    /// It never changed the world.
    NotApplied,
    /// It is held beside the workspace.
    Held,
}

/// The writer of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The action.
    Action(Seq),
    /// Another program or person, after that action.
    Outside {
        /// The last action of the run before it.
        since: Seq,
    },
    /// Nobody in this run.
    Nobody,
}

/// Every action of a run, by seq.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    heads: Heads,
    entries: PackedPages<LedgerEntry>,
    #[serde(skip)]
    places: Places,
    reads: PackedPages<Read>,
}

/// A read: the tool's span, the key, and the action whose value it saw.
type Read = (SpanId, Key, Option<Seq>);

impl Ledger {
    /// Every action, oldest first.
    #[must_use]
    pub fn entries(&self) -> &PackedPages<LedgerEntry> {
        &self.entries
    }

    /// The heads of every action, oldest first: for lists of many, this is cheaper than the actions.
    pub fn heads(&self) -> impl DoubleEndedIterator<Item = &ActionHead> {
        self.heads.iter()
    }

    /// The heads of the actions after a seq, oldest first.
    pub fn heads_after(&self, seq: Seq) -> impl Iterator<Item = &ActionHead> {
        self.heads.after(seq)
    }

    /// Makes the index of places now, where there is time for it: it goes over all actions.
    pub fn make_index(&self) {
        self.places.make(&self.entries);
    }

    /// Takes the index of places from a later state of the same run, if it has made one: making one goes over all actions.
    pub fn share_index(&mut self, later: &Self) {
        self.places.share(&later.places);
    }

    /// The head of one action.
    #[must_use]
    pub fn head(&self, action: Seq) -> Option<&ActionHead> {
        self.heads.get(action)
    }

    /// One action.
    #[must_use]
    pub fn get(&self, action: Seq) -> Option<&LedgerEntry> {
        self.entries.get(self.heads.index(action)?)
    }

    /// Every read: the tool's span, the key, and the action whose value it saw.
    #[must_use]
    pub fn reads(&self) -> &PackedPages<Read> {
        &self.reads
    }

    /// The actions at one place (all kinds of paths together), oldest first.
    pub fn all_at<'a>(&'a self, key: &Key) -> impl DoubleEndedIterator<Item = &'a LedgerEntry> + use<'a> {
        let mut found: Vec<&LedgerEntry> = self.newest_at(key).collect();
        found.reverse();
        found.into_iter()
    }

    /// The actions at one place, newest first.
    fn newest_at<'a>(&'a self, key: &Key) -> impl Iterator<Item = &'a LedgerEntry> + use<'a> {
        self.places.newest_at(&self.entries, key)
    }

    /// The applied actions at one place, oldest first.
    pub fn applied_at<'a>(&'a self, key: &Key) -> impl DoubleEndedIterator<Item = &'a LedgerEntry> + use<'a> {
        self.all_at(key).filter(|entry| entry.is_applied())
    }

    /// The newest applied action at a place: the one whose value a read sees.
    #[must_use]
    pub fn last_at(&self, key: &Key) -> Option<&LedgerEntry> {
        self.newest_at(key).find(|entry| entry.is_applied())
    }

    /// The state of a key as the record has it: after the newest applied action, or before the first one when none is
    /// applied. `None`: no action was on it.
    #[must_use]
    pub fn recorded_state(&self, key: &Key) -> Option<KeyState> {
        if let Some(entry) = self.last_at(key) {
            return Some(entry.after.clone());
        }
        let first = self.newest_at(key).filter(|entry| entry.status != ActionStatus::NotApplied).last();
        first.map(|entry| entry.record.old.clone())
    }

    /// Finds the writer of the state that an action found.
    #[must_use]
    pub fn writer_before(&self, action: Seq) -> Writer {
        let Some(entry) = self.get(action) else { return Writer::Nobody };
        let key = &entry.record.key;
        let earlier = || self.newest_at(key).skip_while(|at| at.seq >= action);
        if key.kind == KeyKind::Memory {
            return earlier().find(|at| at.is_applied()).map_or(Writer::Nobody, |at| Writer::Action(at.seq));
        }
        // What was undone since may have been in place then: its state tells.
        let left = earlier().find(|at| at.after == entry.record.old && at.status != ActionStatus::NotApplied);
        match (left, earlier().find(|at| at.is_applied())) {
            (Some(found), _) => Writer::Action(found.seq),
            (None, Some(found)) => Writer::Outside { since: found.seq },
            (None, None) => Writer::Nobody,
        }
    }

    /// Finds the action that wrote the key next after an action.
    #[must_use]
    pub fn writer_after(&self, action: Seq) -> Option<Seq> {
        let entry = self.get(action)?;
        self.applied_at(&entry.record.key).find(|at| at.seq > action).map(|at| at.seq)
    }

    /// The applied actions that must be undone before this one, newest first.
    #[must_use]
    pub fn blockers(&self, action: Seq) -> Vec<&LedgerEntry> {
        let Some(at) = self.heads.index(action) else { return Vec::new() };
        let Some(entry) = self.entries.get(at) else { return Vec::new() };
        let key = &entry.record.key;
        if !key.kind.is_path() && !self.has_later(at, key) {
            return Vec::new();
        }
        let mut found: Vec<&LedgerEntry> = self
            .newest_at(key)
            .take_while(|later| later.seq > action)
            .filter(|later| later.is_applied() && later.is_undoable_by_retry())
            .filter(|later| !(entry.record.op == ActionOp::Append && later.record.op == ActionOp::Append))
            .collect();
        if key.kind.is_path() {
            found.extend(self.entangled_paths(action, key));
        }
        found.sort_by_key(|later| std::cmp::Reverse(later.seq));
        found.dedup_by_key(|later| later.seq);
        found
    }

    /// True when an action that stands may have been done at the place of a key after the one at a place of the list: the
    /// heads alone say so, and no action is unpacked.
    fn has_later(&self, at: usize, key: &Key) -> bool {
        let later = self.places.indices(&self.entries, key).take_while(|later| *later > at);
        later.filter_map(|later| self.heads.at(later)).any(ActionHead::is_applied)
    }

    /// The actions on paths inside a folder, by path.
    pub fn inside(&self, folder: &Key) -> impl Iterator<Item = &LedgerEntry> {
        self.places.inside(&self.entries, &folder.name)
    }

    /// Later applied actions on a path above (it was replaced or removed), or, for a folder, on paths inside it: unless
    /// undoing it leaves a folder there.
    fn entangled_paths<'a>(&'a self, action: Seq, key: &'a Key) -> impl Iterator<Item = &'a LedgerEntry> {
        let before = self.get(action).map(|entry| &entry.record.old);
        let stays_folder = matches!(before, Some(KeyState::Directory { .. }));
        let above = key.name.match_indices('/').map(|(at, _)| Key::file(&key.name[..at]));
        let above = above.flat_map(|path| self.newest_at(&path));
        self.inside(key)
            .chain(above)
            .filter(move |later| later.seq > action && later.is_applied() && later.is_undoable())
            .filter(move |later| {
                let makes_folder = matches!(later.record.intended, KeyState::Directory { .. });
                if later.record.key.is_inside(key) { !stays_folder } else { !makes_folder }
            })
    }

    /// Says what can be done with an action now.
    #[must_use]
    pub fn standing(&self, action: Seq) -> Standing {
        let Some(entry) = self.get(action) else { return Standing::NotApplied };
        match (&entry.record.undo, entry.status) {
            (_, ActionStatus::NotApplied) => Standing::NotApplied,
            (_, ActionStatus::Undone) => Standing::Undone,
            (_, ActionStatus::Held) => Standing::Held,
            (Undoability::NoUndo { why }, _) => Standing::NoUndo(why.clone()),
            (Undoability::Undo, _) => match self.blockers(action).first() {
                Some(by) => Standing::Blocked { by: by.seq, span: by.record.span },
                None => Standing::Free,
            },
        }
    }

    /// The state of a memory key: the fold of its applied actions.
    #[must_use]
    pub fn memory(&self, name: &str) -> KeyState {
        // An intent on memory without an outcome was not applied.
        self.memory_if(name, |entry| entry.status == ActionStatus::Applied)
    }

    /// The state that a memory key would have if just these of its actions counted.
    #[must_use]
    pub fn memory_if(&self, name: &str, counts: impl Fn(&LedgerEntry) -> bool) -> KeyState {
        self.all_at(&Key::memory(name))
            .filter(|entry| counts(entry))
            .fold(KeyState::Absent, |state, entry| fold_memory(state, entry.seq, &entry.record))
    }

    /// Every memory key that exists, with its state.
    #[must_use]
    pub fn all_memory(&self) -> BTreeMap<String, KeyState> {
        let mut memory: BTreeMap<String, KeyState> = BTreeMap::new();
        for entry in self.entries.iter() {
            let (key, applied) = (&entry.record.key, entry.status == ActionStatus::Applied);
            if key.kind == KeyKind::Memory && applied {
                let state = memory.remove(&key.name).unwrap_or(KeyState::Absent);
                memory.insert(key.name.clone(), fold_memory(state, entry.seq, &entry.record));
            }
        }
        memory.retain(|_, state| *state != KeyState::Absent);
        memory
    }

    pub(super) fn record(&mut self, seq: Seq, record: &ActionRecord) {
        self.places.add(self.entries.len(), &record.key);
        let (span, tool_span, status) = (record.span, record.tool_span, ActionStatus::Intent);
        self.heads.push(ActionHead { seq, span, tool_span, status, undoable: record.undo == Undoability::Undo });
        self.entries.push(LedgerEntry {
            seq,
            record: Arc::new(record.clone()),
            status,
            after: KeyState::Unknown,
            half_done: false,
            refused: false,
            kept: None,
            renamed: None,
            turned: None,
        });
    }

    /// Folds one change in, which is the row `seq`; returns the entry's status before it.
    pub(super) fn change(&mut self, seq: Seq, event: &ActionEvent) -> Option<ActionStatus> {
        let at = self.heads.index(event.action)?;
        let entry = self.entries.get_mut(at)?;
        let before = entry.status;
        match &event.change {
            ActionChange::Applied { after, kept } => {
                entry.status = ActionStatus::Applied;
                entry.after = after.clone();
                if let (true, KeyState::File { blob, .. }) = (*kept, after) {
                    entry.kept = Some(*blob);
                }
            }
            ActionChange::Failed { .. } | ActionChange::NotApplied | ActionChange::Discarded { .. } => {
                entry.status = ActionStatus::NotApplied;
            }
            ActionChange::Held => entry.status = ActionStatus::Held,
            ActionChange::UndoStarted | ActionChange::RedoStarted => entry.half_done = true,
            ActionChange::Compensated { .. } => {}
            ActionChange::Undone { .. } => {
                entry.status = ActionStatus::Undone;
                entry.half_done = false;
                entry.refused = false;
                entry.turned = Some(seq);
            }
            ActionChange::Redone => {
                entry.status = ActionStatus::Applied;
                entry.half_done = false;
                entry.refused = false;
                entry.turned = Some(seq);
            }
            ActionChange::Refused { .. } => {
                entry.half_done = false;
                entry.refused = true;
            }
        }
        self.heads.set_status(at, entry.status);
        Some(before)
    }

    fn get_mut(&mut self, action: Seq) -> Option<&mut LedgerEntry> {
        self.entries.get_mut(self.heads.index(action)?)
    }

    /// True if its parts fit each other.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        self.heads.len() == self.entries.len()
    }

    /// Packs the actions that did not change since an earlier copy, the one at `unchanged`.
    pub(super) fn settle(&mut self, earlier: &mut [&mut Self], unchanged: usize) {
        let (mut entries, mut reads): (Vec<_>, Vec<_>) =
            earlier.iter_mut().map(|copy| (&mut copy.entries, &mut copy.reads)).unzip();
        self.entries.settle(&mut entries, unchanged);
        self.reads.settle(&mut reads, unchanged);
    }

    pub(super) fn keep(&mut self, action: Seq, blob: BlobHash) {
        if let Some(entry) = self.get_mut(action) {
            entry.kept = Some(blob);
        }
    }

    pub(super) fn rename(&mut self, from: Seq, to: Seq) {
        for (one, other) in [(from, to), (to, from)] {
            if let Some(entry) = self.get_mut(one) {
                entry.renamed = Some(other);
            }
        }
    }

    pub(super) fn read(&mut self, span: SpanId, key: &Key, action: Option<Seq>) {
        self.reads.push((span, key.clone(), action));
    }
}

/// The state that one action leaves on a memory key.
fn fold_memory(state: KeyState, seq: Seq, record: &ActionRecord) -> KeyState {
    match (record.op, &record.intended) {
        (ActionOp::Append, KeyState::Text { text }) => state.with_element(Element { by: seq, text: text.clone() }),
        (ActionOp::Delete, _) => KeyState::Absent,
        (_, intended) => intended.clone(),
    }
}

impl KeyState {
    /// The memory state after an append: a text becomes the list's first element.
    #[must_use]
    pub fn with_element(self, element: Element) -> Self {
        match self {
            Self::List { mut elements } => {
                elements.push(element);
                Self::List { elements }
            }
            Self::Text { text } => Self::List { elements: vec![Element { by: Seq(0), text }, element] },
            _ => Self::List { elements: vec![element] },
        }
    }
}
