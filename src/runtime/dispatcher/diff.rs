//! What an action changed, when somebody looks at it.

use std::os::unix::ffi::OsStringExt;

use super::super::diff::{LARGEST_TEXT, Side, compare};
use super::{Dispatcher, Means};
use crate::model::{
    ActionDiff, ActionOp, ActionStatus, BlobHash, DiffSides, Element, KeyKind, KeyState, LedgerEntry, Seq, Update,
};
use crate::store::RunLog;
use crate::world::Value;

/// Larger files are not read only to see whether somebody changed them.
const LARGEST_LOOKED_AT: u64 = 16_000_000;

/// What is known of an action before anything is read.
struct Facts {
    entry: LedgerEntry,
    /// The other half of a rename.
    other: Option<LedgerEntry>,
    /// A later action of the run is applied on its key.
    written_later: bool,
}

impl Dispatcher {
    /// Answers with what an action changed.
    pub(super) fn diff(&self, action: Seq, sides: DiffSides) -> Result<(), String> {
        let facts = self.log.with(|state| {
            let entry = state.ledger.get(action)?.clone();
            let other = entry.renamed.and_then(|other| state.ledger.get(other)).cloned();
            Some(Facts { entry, other, written_later: state.ledger.writer_after(action).is_some() })
        });
        let facts = facts.ok_or_else(|| format!("there is no action {action}"))?;
        let look = Look { log: self.log.clone(), means: self.means.clone(), facts };
        let sink = self.sink.clone();
        // Reading files must not hold up the run.
        tokio::task::spawn_blocking(move || sink.send(Update::Diff(look.diff(sides))));
        Ok(())
    }
}

/// Reads what is needed for one diff.
struct Look {
    log: RunLog,
    means: std::sync::Arc<Means>,
    facts: Facts,
}

impl Look {
    fn diff(&self, sides: DiffSides) -> ActionDiff {
        let entry = &self.facts.entry;
        let present = self.present(sides);
        let mut notes = Vec::new();
        let (old, new) = match sides {
            DiffSides::Action => (entry.record.old.clone(), entry.left().clone()),
            DiffSides::Present => (whole_left(entry), present.as_ref().map_or(KeyState::Unknown, Value::state)),
        };
        match sides {
            DiffSides::Action => self.note_status(&mut notes),
            DiffSides::Present if present.is_none() => notes.push("what is there now could not be read".into()),
            DiffSides::Present => {}
        }
        let change = match entry.record.op {
            ActionOp::Append if sides == DiffSides::Action => format!("{} → one element more", old.in_words()),
            _ => old.change_in_words(&new),
        };
        let (old, new) = match sides {
            // Of an append only the element is its own.
            DiffSides::Action if entry.record.op == ActionOp::Append => (KeyState::Absent, new),
            DiffSides::Action => self.across_rename(old, new, &mut notes),
            DiffSides::Present => (old, new),
        };
        let (old, new) = (self.side(old, present.as_ref()), self.side(new, present.as_ref()));
        let body = compare(&old, &new, &self.means.masker, &mut notes);
        ActionDiff { action: entry.seq, sides, change, notes, body, outside: self.is_changed_outside(present.as_ref()) }
    }

    fn note_status(&self, notes: &mut Vec<String>) {
        match self.facts.entry.status {
            ActionStatus::Intent => notes.push("no outcome is on record; this is what it was meant to leave".into()),
            ActionStatus::NotApplied => notes.push("it was never done; this is what it was meant to leave".into()),
            ActionStatus::Held => notes.push("it has not landed; this is what it would leave".into()),
            ActionStatus::Applied | ActionStatus::Undone => {}
        }
    }

    /// The states whose content a rename makes worth comparing: what was moved before, and after.
    fn across_rename(&self, old: KeyState, new: KeyState, notes: &mut Vec<String>) -> (KeyState, KeyState) {
        let Some(other) = &self.facts.other else { return (old, new) };
        let here = &self.facts.entry.record.key;
        let there = &other.record.key;
        let (from, to) = if new == KeyState::Absent { (here, there) } else { (there, here) };
        notes.push(format!("renamed from {from} to {to}; the other half is {}, each can be undone alone", other.seq));
        match (&old, &new) {
            (_, KeyState::Absent) => (old, other.left().clone()),
            (KeyState::Absent, _) => (other.record.old.clone(), new),
            _ => {
                notes.push(format!("it took the place of what was at {to}"));
                (old, new)
            }
        }
    }

    /// What is there now, as far as it is worth being read.
    fn present(&self, sides: DiffSides) -> Option<Value> {
        let key = &self.facts.entry.record.key;
        match key.kind {
            KeyKind::External | KeyKind::Compensation => return None,
            KeyKind::Memory if sides == DiffSides::Action => return None,
            KeyKind::Memory => {}
            KeyKind::File | KeyKind::Directory | KeyKind::Symlink => {
                let path = crate::model::name_to_bytes(&key.name);
                let path = self.means.world.root().join(std::ffi::OsString::from_vec(path));
                if std::fs::symlink_metadata(path).is_ok_and(|found| found.len() > LARGEST_LOOKED_AT) {
                    return None;
                }
            }
        }
        self.means.world.peek(key).ok()
    }

    /// A state with its bytes: those kept under its hash, or those that are still there.
    fn side(&self, state: KeyState, present: Option<&Value>) -> Side {
        let bytes = match &state {
            KeyState::File { blob, size, .. } if *size <= LARGEST_TEXT => {
                self.log.recorder().blob(*blob).ok().or_else(|| still_there(*blob, present))
            }
            _ => None,
        };
        Side { state, bytes }
    }

    fn is_changed_outside(&self, present: Option<&Value>) -> bool {
        let entry = &self.facts.entry;
        let can_tell = entry.record.key.kind.is_path()
            && entry.status == ActionStatus::Applied
            && !self.facts.written_later
            && entry.after != KeyState::Unknown;
        can_tell && present.is_some_and(|found| found.state() != entry.after)
    }
}

/// The state of the whole key that an action left: of an append, the list with its element.
fn whole_left(entry: &LedgerEntry) -> KeyState {
    match entry.left() {
        KeyState::Text { text } if entry.record.op == ActionOp::Append => {
            entry.record.old.clone().with_element(Element { by: entry.seq, text: text.clone() })
        }
        state => state.clone(),
    }
}

fn still_there(blob: BlobHash, present: Option<&Value>) -> Option<Vec<u8>> {
    match present {
        Some(Value::File { bytes, .. }) if crate::store::hash_blob(bytes) == blob => Some(bytes.clone()),
        _ => None,
    }
}
