//! The diff of an action, read when the user opens it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use super::super::diff::{LARGEST_TEXT, Side, compare};
use super::super::refusal::NoAction;
use super::inspector::Inspector;
use crate::effects::Masker;
use crate::model::{
    ActionDiff, ActionOp, ActionStatus, BlobHash, DiffSides, Element, Key, KeyKind, KeyState, LedgerEntry, Seq, Update,
    name_to_bytes,
};
use crate::store::{RunLog, hash_blob};
use crate::world::{Value, World};

/// Files above this size are not read just to find out if another program changed them.
const LARGEST_LOOKED_AT: u64 = 16_000_000;

/// The facts about an action that need no file to be read.
struct Facts {
    entry: LedgerEntry,
    /// The other half of a rename.
    other: Option<LedgerEntry>,
    /// True if a later action of the run is applied on its key.
    written_later: bool,
}

impl Inspector {
    /// Sends the diff of an action to the screen.
    ///
    /// # Errors
    /// When there is no such action.
    pub(super) fn diff(&self, action: Seq, sides: DiffSides) -> Result<(), NoAction> {
        let facts = facts(self.log(), action).ok_or(NoAction(action))?;
        let (world, masker) = (self.services().world.clone(), self.services().masker.clone());
        let look = Look { log: self.log().clone(), world, masker, facts };
        self.answer(move || Update::Diff(look.diff(sides)));
        Ok(())
    }
}

fn facts(log: &RunLog, action: Seq) -> Option<Facts> {
    log.with(|state| {
        let entry = state.ledger.get(action)?.clone();
        let other = entry.renamed.and_then(|other| state.ledger.get(other)).cloned();
        Some(Facts { entry, other, written_later: state.ledger.writer_after(action).is_some() })
    })
}

/// Builds one diff; reads files and blobs.
struct Look {
    log: RunLog,
    world: Arc<World>,
    masker: Arc<Masker>,
    facts: Facts,
}

impl Look {
    fn diff(&self, sides: DiffSides) -> ActionDiff {
        let entry = &self.facts.entry;
        let present = self.present(&entry.record.key, sides);
        let mut notes = Vec::new();
        let (old, new) = match sides {
            DiffSides::Action => (entry.record.old.clone(), entry.left().clone()),
            DiffSides::Present => (whole_left(entry), present.as_ref().map_or(KeyState::Unknown, Value::state)),
            DiffSides::Content => (KeyState::Absent, whole_left(entry)),
        };
        match sides {
            DiffSides::Action | DiffSides::Content => self.note_status(&mut notes),
            DiffSides::Present if present.is_none() => notes.push("the present content can't be read".into()),
            DiffSides::Present => {}
        }
        let change = match entry.record.op {
            _ if sides == DiffSides::Content => new.describe(),
            ActionOp::Append if sides == DiffSides::Action => old.describe_change(&whole_left(entry)),
            _ => old.describe_change(&new),
        };
        let (old, new) = match sides {
            // An append changes its own element only.
            DiffSides::Action if entry.record.op == ActionOp::Append => (KeyState::Absent, new),
            DiffSides::Action => self.across_rename(old, new, &mut notes),
            DiffSides::Present | DiffSides::Content => (old, new),
        };
        // The moved content may be at either path of the rename.
        let there = self.facts.other.as_ref().and_then(|other| self.present(&other.record.key, sides));
        let places = [present.as_ref(), there.as_ref()];
        let (mut old, new) = (self.side(old, places), self.side(new, places));
        if sides == DiffSides::Present && old.bytes.is_none() && is_short_file(&old.state) {
            // The after-image is lost: another program overwrote it, and it was not kept.
            notes.push(
                "the content after it is not kept; this compares the content before it with the present one".into(),
            );
            old = self.side(entry.record.old.clone(), places);
        }
        let body = compare(&old, &new, &self.masker, &mut notes);
        ActionDiff { action: entry.seq, sides, change, notes, body, outside: self.is_changed_outside(present.as_ref()) }
    }

    fn note_status(&self, notes: &mut Vec<String>) {
        match self.facts.entry.status {
            ActionStatus::Intent => notes.push("its outcome is not recorded; this is the intended content".into()),
            ActionStatus::NotApplied => notes.push("it was not done; this is the intended content".into()),
            ActionStatus::Held => notes.push("its changes are held; this is the intended content".into()),
            ActionStatus::Applied | ActionStatus::Undone => {}
        }
    }

    /// Returns the two states to compare: of a rename, the content at the old path before and at the new path after.
    fn across_rename(&self, old: KeyState, new: KeyState, notes: &mut Vec<String>) -> (KeyState, KeyState) {
        let Some(other) = &self.facts.other else { return (old, new) };
        let here = &self.facts.entry.record.key;
        let there = &other.record.key;
        let (from, to) = if new == KeyState::Absent { (here, there) } else { (there, here) };
        notes.push(format!(
            "renamed from {from} to {to}; the other half is {}, and each can be undone alone",
            other.seq
        ));
        match (&old, &new) {
            (_, KeyState::Absent) => (old, other.left().clone()),
            (KeyState::Absent, _) => (other.record.old.clone(), new),
            _ => {
                notes.push(format!("it replaced what was at {to}"));
                (old, new)
            }
        }
    }

    /// Reads the present value of a key; `None` where it can't be read, or is not needed.
    fn present(&self, key: &Key, sides: DiffSides) -> Option<Value> {
        match key.kind {
            KeyKind::External | KeyKind::Compensation => return None,
            KeyKind::Memory if sides != DiffSides::Present => return None,
            KeyKind::Memory => {}
            KeyKind::File | KeyKind::Directory | KeyKind::Symlink => {
                let path = name_to_bytes(&key.name);
                let path = self.world.root().join(OsString::from_vec(path));
                if std::fs::symlink_metadata(path).is_ok_and(|found| found.len() > LARGEST_LOOKED_AT) {
                    return None;
                }
            }
        }
        self.world.peek(key).ok()
    }

    /// Adds the bytes to a state: those of its blob, or those at a path if they have the same hash.
    fn side(&self, state: KeyState, places: [Option<&Value>; 2]) -> Side {
        let bytes = match &state {
            KeyState::File { blob, size, .. } if *size <= LARGEST_TEXT => {
                self.log.recorder().blob(*blob).ok().or_else(|| still_there(*blob, places))
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

fn is_short_file(state: &KeyState) -> bool {
    matches!(state, KeyState::File { size, .. } if *size <= LARGEST_TEXT)
}

/// The after-image of the whole key: of an append, the list with the new element.
fn whole_left(entry: &LedgerEntry) -> KeyState {
    match entry.left() {
        KeyState::Text { text } if entry.record.op == ActionOp::Append => {
            entry.record.old.clone().with_element(Element { by: entry.seq, text: text.clone() })
        }
        state => state.clone(),
    }
}

fn still_there(blob: BlobHash, places: [Option<&Value>; 2]) -> Option<Vec<u8>> {
    places.into_iter().flatten().find_map(|found| match found {
        Value::File { bytes, .. } if hash_blob(bytes) == blob => Some(bytes.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::model::{ActionChange, ActionEvent, DiffBody, RunState, SpanId, TraceBody};
    use crate::rollback::{NoCompensator, Origin, perform, undo};
    use crate::store::Volatile;
    use crate::world::Change;

    struct Bench {
        log: RunLog,
        world: Arc<World>,
        folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let world = Arc::new(World::open(folder.path(), None).unwrap());
            let recorder = Arc::new(Volatile::new(Box::new(|_| {})));
            let log = RunLog::new(recorder, RunState::default(), Seq(0), std::collections::HashSet::new());
            log.append(vec![TraceBody::RunStarted {
                run: crate::model::RunId("test".into()),
                name: "test".into(),
                entrypoint: "main".into(),
                task: crate::store::hash_text(""),
                pipeline: crate::store::hash_text(""),
                workspace: world.root().display().to_string(),
                provenance: crate::model::Provenance::default(),
                hash: 1,
            }]);
            Self { log, world, folder }
        }

        async fn act(&self, key: Key, op: ActionOp, new: Value) -> Seq {
            let origin = Origin { span: SpanId(1), tool_span: SpanId(2), tool_name: "tool".into() };
            perform(&self.log, &self.world, &origin, vec![Change { key, op, new }]).await.unwrap()[0]
        }

        async fn write(&self, path: &str, text: &str) -> Seq {
            let new = Value::File { bytes: text.into(), mode: None };
            self.act(Key::file(path), ActionOp::Set, new).await
        }

        fn diff(&self, action: Seq, sides: DiffSides) -> ActionDiff {
            let (log, world, masker) = (self.log.clone(), self.world.clone(), Arc::default());
            let facts = facts(&self.log, action).unwrap();
            Look { log, world, masker, facts }.diff(sides)
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.folder.path().join(name)
        }
    }

    /// The lines of a diff, each with its sign.
    fn lines(diff: &ActionDiff) -> Vec<String> {
        let DiffBody::Lines { hunks, .. } = &diff.body else { return vec![format!("{:?}", diff.body)] };
        let sign = |side| match side {
            crate::model::LineIn::Both => ' ',
            crate::model::LineIn::Old => '-',
            crate::model::LineIn::New => '+',
        };
        let lines = hunks.iter().flat_map(|hunk| &hunk.lines);
        lines.map(|line| format!("{}{}", sign(line.side), line.text)).collect()
    }

    #[tokio::test]
    async fn what_a_write_left_is_read_from_the_world_or_from_the_next_ones_old_state() {
        let bench = Bench::new();
        let first = bench.write("a.txt", "one\n").await;
        assert_eq!(lines(&bench.diff(first, DiffSides::Action)), ["+one"]);
        let second = bench.write("a.txt", "one\ntwo\n").await;
        for action in [first, second] {
            assert!(!bench.diff(action, DiffSides::Action).outside);
        }
        assert_eq!(lines(&bench.diff(first, DiffSides::Action)), ["+one"]);
        assert_eq!(lines(&bench.diff(second, DiffSides::Action)), [" one", "+two"]);
        undo(&bench.log, &bench.world, &NoCompensator, second, false).await;
        assert_eq!(lines(&bench.diff(second, DiffSides::Action)), [" one", "+two"]);
    }

    #[tokio::test]
    async fn someone_outside_is_seen_and_what_is_there_is_shown() {
        let bench = Bench::new();
        fs::write(bench.path("a.txt"), "old\n").unwrap();
        let action = bench.write("a.txt", "new\n").await;
        fs::write(bench.path("a.txt"), "theirs\n").unwrap();
        let diff = bench.diff(action, DiffSides::Action);
        assert!(diff.outside);
        assert!(lines(&diff)[0].contains("the bytes it left are not kept"), "{diff:?}");
        let now = bench.diff(action, DiffSides::Present);
        assert_eq!(lines(&now), ["-old", "+theirs"]);
        assert!(now.notes[0].contains("not kept"), "{now:?}");
        assert_eq!(now.change, "4 B → 7 B · rw-r--r--");
    }

    #[tokio::test]
    async fn the_whole_content_that_an_action_left_is_shown_even_after_later_ones() {
        let bench = Bench::new();
        let first = bench.write("a.txt", "one\n").await;
        let second = bench.write("a.txt", "one\ntwo\n").await;
        let content = |action| bench.diff(action, DiffSides::Content);
        assert_eq!(lines(&content(second)), ["+one", "+two"]);
        assert_eq!(lines(&content(first)), ["+one"]);
        assert!(content(first).change.starts_with("file · "), "{:?}", content(first));
        let text = |text: &str| Value::Text(text.into());
        bench.act(Key::memory("facts"), ActionOp::Append, text("one")).await;
        let last = bench.act(Key::memory("facts"), ActionOp::Append, text("two")).await;
        assert_eq!(lines(&content(last)), ["+one", "+two"]);
    }

    #[tokio::test]
    async fn an_append_shows_its_element() {
        let bench = Bench::new();
        let text = |text: &str| Value::Text(text.into());
        bench.act(Key::memory("facts"), ActionOp::Append, text("one")).await;
        let second = bench.act(Key::memory("facts"), ActionOp::Append, text("two")).await;
        let diff = bench.diff(second, DiffSides::Action);
        assert_eq!((lines(&diff), &diff.change[..]), (vec!["+two".into()], "list of 1 element → list of 2 elements"));
        bench.act(Key::memory("facts"), ActionOp::Append, text("three")).await;
        assert_eq!(lines(&bench.diff(second, DiffSides::Present)), [" one", " two", "+three"]);
    }

    #[tokio::test]
    async fn a_rename_is_compared_across_its_halves() {
        let bench = Bench::new();
        fs::write(bench.path("a.txt"), "one\ntwo\n").unwrap();
        let gone = bench.act(Key::file("a.txt"), ActionOp::Delete, Value::Absent).await;
        let made = bench.write("b.txt", "one\n2\n").await;
        bench.log.append(vec![TraceBody::Renamed { from: gone, to: made }]);
        for action in [gone, made] {
            let diff = bench.diff(action, DiffSides::Action);
            assert_eq!(lines(&diff), [" one", "-two", "+2"]);
            assert!(diff.notes[0].starts_with("renamed from a.txt to b.txt; the other half is"), "{diff:?}");
        }
    }

    #[tokio::test]
    async fn what_has_not_landed_is_compared_with_what_it_would_leave() {
        let bench = Bench::new();
        let action = bench.write("a.txt", "new\n").await;
        let blob = bench.log.recorder().put_blob(b"new\n");
        assert!(blob.is_ok());
        bench.log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change: ActionChange::Held })]);
        fs::remove_file(bench.path("a.txt")).unwrap();
        let diff = bench.diff(action, DiffSides::Action);
        assert_eq!(lines(&diff), ["+new"]);
        assert_eq!(diff.notes, ["its changes are held; this is the intended content"]);
        assert!(!diff.outside);
    }
}
