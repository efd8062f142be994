//! The net changes of a run: each key as it was before the run's first change of it, compared with the state that the
//! last change left. Undone changes don't count, and neither does content that came back.

use std::collections::BTreeMap;

use super::{ActionHead, ActionStatus, Key, KeyKind, KeyState, Ledger, LedgerEntry, Seq};

/// The kind of a net change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetKind {
    /// The key is new.
    Added,
    /// The key has another state.
    Modified,
    /// The key is gone.
    Deleted,
    /// The path is new, and had another name before.
    Renamed,
}

impl NetKind {
    /// The name used in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
            Self::Renamed => "renamed",
        }
    }
}

/// The net change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetChange {
    /// The key.
    pub key: Key,
    /// The kind of change.
    pub kind: NetKind,
    /// Its name before, when it was renamed.
    pub from: Option<Key>,
    /// The state before the run.
    pub old: KeyState,
    /// The state now.
    pub new: KeyState,
}

impl NetChange {
    /// The size of the file, or of the file that was deleted.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        match self.shown() {
            KeyState::File { size, .. } => Some(*size),
            _ => None,
        }
    }

    /// The state that says what the key is: of something deleted, the one before.
    fn shown(&self) -> &KeyState {
        if self.kind == NetKind::Deleted { &self.old } else { &self.new }
    }
}

/// The changes that some actions left in the world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetWorld {
    /// The net changes, memory first, then paths in the order of their names.
    pub changes: Vec<NetChange>,
    /// Paths that were changed and are as they were before, by name.
    pub as_before: BTreeMap<String, KeyState>,
}

/// The number of net changes, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetCounts {
    /// Files and links that are new.
    pub files_added: usize,
    /// Files and links that have another content, mode or name.
    pub files_changed: usize,
    /// Files and links that are gone.
    pub files_deleted: usize,
    /// Folders that are new or gone, or have another mode.
    pub folders: usize,
    /// Those of them that are new.
    pub folders_added: usize,
    /// Those of them that are gone.
    pub folders_deleted: usize,
    /// Memory keys.
    pub keys: usize,
}

impl NetCounts {
    /// Counts net changes.
    #[must_use]
    pub fn of(changes: &[NetChange]) -> Self {
        let mut counts = Self::default();
        for change in changes {
            if let KeyState::Directory { .. } = change.shown() {
                counts.folders_added += usize::from(change.kind == NetKind::Added);
                counts.folders_deleted += usize::from(change.kind == NetKind::Deleted);
            }
            let count = match (change.key.kind, change.shown(), change.kind) {
                (KeyKind::Memory, ..) => &mut counts.keys,
                (_, KeyState::Directory { .. }, _) => &mut counts.folders,
                (.., NetKind::Added) => &mut counts.files_added,
                (.., NetKind::Deleted) => &mut counts.files_deleted,
                (.., NetKind::Modified | NetKind::Renamed) => &mut counts.files_changed,
            };
            *count += 1;
        }
        counts
    }
}

/// The actions that count at each place, oldest first; paths apart from memory.
type Places<'a> = BTreeMap<(bool, &'a str), Vec<&'a LedgerEntry>>;

impl Ledger {
    /// The net changes of all that is applied and not undone, memory first, then paths in the order of their names.
    #[must_use]
    pub fn net_changes(&self) -> Vec<NetChange> {
        self.net_world().changes
    }

    /// The changes that all that is applied and not undone left in the world.
    #[must_use]
    pub fn net_world(&self) -> NetWorld {
        let undone = self.places_of(&|head: &ActionHead| head.status == ActionStatus::Undone);
        self.net_world_of(ActionHead::is_applied, &undone)
    }

    /// The changes that just these actions left in the world.
    #[must_use]
    pub fn net_world_if(&self, counts: impl Fn(&ActionHead) -> bool) -> NetWorld {
        self.net_world_of(counts, &Places::new())
    }

    fn net_world_of(&self, counts: impl Fn(&ActionHead) -> bool, undone: &Places<'_>) -> NetWorld {
        let places = self.places_of(&counts);
        let mut changes: BTreeMap<(bool, &str), NetChange> = BTreeMap::new();
        let mut as_before = BTreeMap::new();
        for (place, entries) in &places {
            let undone = undone.get(place).map(Vec::as_slice).unwrap_or_default();
            match (self.net_change(entries, undone, &counts), entries.last()) {
                (Some(change), _) => drop(changes.insert(*place, change)),
                (None, Some(last)) if place.0 => drop(as_before.insert(place.1.to_owned(), last.left().clone())),
                (None, _) => {}
            }
        }
        let added: Vec<&str> = changes
            .iter()
            .filter(|((is_path, _), change)| *is_path && change.kind == NetKind::Added)
            .map(|((_, name), _)| *name)
            .collect();
        for name in added {
            let is_deleted = |at: &str| changes.get(&(true, at)).is_some_and(|change| change.kind == NetKind::Deleted);
            let Some(from) = self.origin(&places, name, is_deleted) else { continue };
            let Some(gone) = changes.remove(&(true, from)) else { continue };
            if let Some(change) = changes.get_mut(&(true, name)) {
                change.kind = NetKind::Renamed;
                change.old = gone.old;
                change.from = Some(gone.key);
            }
        }
        NetWorld { changes: changes.into_values().collect(), as_before }
    }

    /// The actions that count, by their place.
    fn places_of(&self, counts: &impl Fn(&ActionHead) -> bool) -> Places<'_> {
        let mut places = Places::new();
        for entry in self.heads().filter(|head| counts(head)).filter_map(|head| self.get(head.seq)) {
            let key = &entry.record.key;
            if !matches!(key.kind, KeyKind::External | KeyKind::Compensation) {
                places.entry((key.kind.is_path(), key.name.as_str())).or_default().push(entry);
            }
        }
        places
    }

    /// The net change of the actions at one place.
    fn net_change(
        &self,
        entries: &[&LedgerEntry],
        undone: &[&LedgerEntry],
        counts: &impl Fn(&ActionHead) -> bool,
    ) -> Option<NetChange> {
        let (first, last) = (entries.first()?, entries.last()?);
        let key = last.record.key.clone();
        let (old, new) = match key.kind {
            // A run starts with an empty memory, and appends are known by their elements only.
            KeyKind::Memory => {
                // An intent on memory without an outcome was not applied.
                let is_done = |entry: &LedgerEntry| entry.status != ActionStatus::Intent;
                let state =
                    self.memory_if(&key.name, |entry| is_done(entry) && self.head(entry.seq).is_some_and(counts));
                (KeyState::Absent, state)
            }
            _ => (state_before(first, undone).clone(), last.left().clone()),
        };
        let kind = match (&old, &new) {
            (old, new) if old == new => return None,
            (KeyState::Absent, _) => NetKind::Added,
            (_, KeyState::Absent) => NetKind::Deleted,
            _ => NetKind::Modified,
        };
        Some(NetChange { key, kind, from: None, old, new })
    }

    /// The deleted path whose content a new path has, over any number of renames.
    fn origin<'a>(&'a self, places: &Places<'a>, name: &'a str, is_deleted: impl Fn(&str) -> bool) -> Option<&'a str> {
        let (mut at, mut before) = (name, Seq(u64::MAX));
        loop {
            let made = places.get(&(true, at))?.iter().rev();
            let made = made.copied().find(|entry| entry.seq < before && entry.record.old == KeyState::Absent)?;
            let removed = self.get(made.renamed?)?;
            let there = places.get(&(true, removed.record.key.name.as_str()))?;
            there.iter().find(|entry| entry.seq == removed.seq)?;
            at = &removed.record.key.name;
            if is_deleted(at) {
                return Some(at);
            }
            before = made.seq.min(removed.seq);
        }
    }
}

/// The state before the first change at a place. Where that change found what an undone one had left, it is the state
/// before that one: a fork drops changes of its parent, and puts the world back by changes of its own.
fn state_before<'a>(first: &'a LedgerEntry, undone: &[&'a LedgerEntry]) -> &'a KeyState {
    let earlier = undone.iter().rev().filter(|entry| entry.seq < first.seq);
    earlier.fold(&first.record.old, |found, entry| if entry.left() == found { &entry.record.old } else { found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ActionChange, ActionEvent, ActionOp, ActionRecord, BlobHash, SpanId, Undoability};

    fn file(content: u8) -> KeyState {
        KeyState::File { blob: BlobHash([content; 16]), size: u64::from(content), mode: 0o644 }
    }

    /// A ledger of changes that were all applied: key, before, after.
    fn ledger(changes: Vec<(Key, KeyState, KeyState)>) -> Ledger {
        let mut ledger = Ledger::default();
        for (seq, (key, old, after)) in (1..).map(Seq).zip(changes) {
            let record = ActionRecord {
                span: SpanId(1),
                tool_span: SpanId(2),
                tool_name: "tama_bash".into(),
                key,
                op: ActionOp::Set,
                old,
                intended: after.clone(),
                undo: Undoability::Undo,
            };
            ledger.record(seq, &record);
            turn(&mut ledger, seq, ActionChange::Applied { after, kept: false });
        }
        ledger
    }

    fn turn(ledger: &mut Ledger, action: Seq, change: ActionChange) {
        ledger.change(Seq(1000), &ActionEvent { action, change });
    }

    fn changes(ledger: &Ledger) -> Vec<String> {
        let from = |change: &NetChange| change.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        let line = |change: &NetChange| format!("{} {}{}", change.kind.name(), change.key, from(change));
        ledger.net_changes().iter().map(line).collect()
    }

    #[test]
    fn only_the_first_and_the_last_state_count() {
        let key = Key::file;
        let all = ledger(vec![
            (key("a"), file(1), file(2)),
            (key("a"), file(2), file(3)),
            (key("back"), file(1), file(2)),
            (key("back"), file(2), file(1)),
            (key("brief"), KeyState::Absent, file(1)),
            (key("brief"), file(1), KeyState::Absent),
            (key("gone"), file(7), file(8)),
            (key("gone"), file(8), KeyState::Absent),
            (Key::directory("out"), KeyState::Absent, KeyState::Directory { mode: 0o755 }),
            (Key { kind: KeyKind::External, name: "make".into() }, KeyState::Unknown, KeyState::Unknown),
        ]);
        assert_eq!(changes(&all), ["modified a", "deleted gone", "added out/"]);
        let net = all.net_changes();
        assert_eq!((net[0].bytes(), net[1].bytes(), net[2].bytes()), (Some(3), Some(7), None));
        let counts =
            NetCounts { files_changed: 1, files_deleted: 1, folders: 1, folders_added: 1, ..NetCounts::default() };
        assert_eq!(NetCounts::of(&net), counts);
    }

    #[test]
    fn an_undone_change_does_not_count() {
        let mut all = ledger(vec![(Key::file("a"), file(1), file(2)), (Key::file("b"), KeyState::Absent, file(1))]);
        turn(&mut all, Seq(1), ActionChange::Undone { forced: false });
        assert_eq!(changes(&all), ["added b"]);
        turn(&mut all, Seq(1), ActionChange::Redone);
        assert_eq!(changes(&all), ["modified a", "added b"]);
    }

    #[test]
    fn changes_that_put_back_what_was_dropped_do_not_count() {
        let key = Key::file;
        let mut all = ledger(vec![
            (key("a"), file(1), file(2)),
            (key("a"), file(2), file(3)),
            (key("b"), KeyState::Absent, file(4)),
            // Of a fork, which drops those above.
            (key("a"), file(3), file(1)),
            (key("b"), file(4), KeyState::Absent),
            (key("b"), KeyState::Absent, file(5)),
        ]);
        (1..=3).for_each(|seq| turn(&mut all, Seq(seq), ActionChange::Undone { forced: false }));
        assert_eq!(changes(&all), ["added b"]);
        assert_eq!(all.net_world().as_before, [("a".to_owned(), file(1))].into());
    }

    #[test]
    fn renames_are_one_change_also_over_several_names() {
        let (key, none) = (Key::file, KeyState::Absent);
        let mut all = ledger(vec![
            (key("a"), file(1), none.clone()),
            (key("b"), none.clone(), file(1)),
            (key("b"), file(1), none.clone()),
            (key("c"), none.clone(), file(1)),
            (key("c"), file(1), file(2)),
            (key("new"), none.clone(), file(1)),
        ]);
        all.rename(Seq(1), Seq(2));
        all.rename(Seq(3), Seq(4));
        assert_eq!(changes(&all), ["renamed c from a", "added new"]);
        assert_eq!(
            NetCounts::of(&all.net_changes()),
            NetCounts { files_added: 1, files_changed: 1, ..NetCounts::default() }
        );
        // Half of it undone: the content is at `b` again.
        turn(&mut all, Seq(5), ActionChange::Undone { forced: false });
        turn(&mut all, Seq(4), ActionChange::Undone { forced: false });
        turn(&mut all, Seq(3), ActionChange::Undone { forced: false });
        assert_eq!(changes(&all), ["renamed b from a", "added new"]);
    }

    #[test]
    fn memory_is_compared_with_an_empty_one() {
        let text = |text: &str| KeyState::Text { text: text.into() };
        let all = ledger(vec![
            (Key::memory("word"), KeyState::Absent, text("one")),
            (Key::memory("word"), text("one"), text("two")),
            (Key::file("word"), KeyState::Absent, file(1)),
        ]);
        assert_eq!(changes(&all), ["added word", "added word"]);
        let counts = NetCounts { files_added: 1, keys: 1, ..NetCounts::default() };
        assert_eq!(NetCounts::of(&all.net_changes()), counts);
    }
}
