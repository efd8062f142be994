//! A renamed file whose bytes are not kept: undone, redone, and finished after a crash, without a copy.

use std::fs;

use super::fixture::Fixture;
use super::row::outcome_row;
use super::{NoCompensator, preview, redo, resolve_interrupted_actions, undo, undo_list};
use crate::model::{
    ActionChange, ActionOp, ActionRecord, ConflictBy, Key, KeyState, Seq, SpanId, TraceBody, Undoability,
};
use crate::store::hash_blob;

const BYTES: &[u8] = b"a large file";

/// A run in which a command has renamed `old` to `d/new`; the two actions.
fn moved(run: &Fixture) -> (Seq, Seq) {
    fs::create_dir(run.path("d")).unwrap();
    fs::write(run.path("d/new"), BYTES).unwrap();
    let mode = 0o644;
    fs::set_permissions(run.path("d/new"), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    let file = KeyState::File { blob: hash_blob(BYTES), size: BYTES.len() as u64, mode };
    let row = |path: &str, op, old: &KeyState, new: &KeyState| {
        TraceBody::Action(ActionRecord {
            span: SpanId(1),
            tool_span: SpanId(2),
            tool_name: "tool".into(),
            key: Key::file(path),
            op,
            old: old.clone(),
            intended: new.clone(),
            undo: Undoability::Undo,
        })
    };
    let from = run.log.append(vec![
        row("old", ActionOp::Delete, &file, &KeyState::Absent),
        row("d/new", ActionOp::Set, &KeyState::Absent, &file),
    ]);
    let to = Seq(from.0 + 1);
    let applied = |action, after| outcome_row(action, ActionChange::Applied { after, kept: false });
    run.log.append(vec![TraceBody::Renamed { from, to }, applied(from, KeyState::Absent), applied(to, file)]);
    (from, to)
}

fn is_at(run: &Fixture, path: &str) -> bool {
    let other = if path == "old" { "d/new" } else { "old" };
    fs::read(run.path(path)).is_ok_and(|bytes| bytes == BYTES) && !run.path(other).exists()
}

#[tokio::test]
async fn it_is_renamed_back_and_once_more() {
    let run = Fixture::new();
    let (from, to) = moved(&run);
    let foreseen = preview(&run.log, &run.world, &[from, to], false);
    assert_eq!((foreseen.undone, foreseen.left.len()), (vec![to, from], 0));
    let report = undo_list(&run.log, &run.world, &NoCompensator, &[from, to], false).await;
    assert_eq!((report.undone.clone(), report.read_back.restored), (vec![to, from], 2), "{report:?}");
    assert!(is_at(&run, "old"));
    for again in [to, from] {
        let report = redo(&run.log, &run.world, again).await;
        assert_eq!((report.redone.clone(), report.read_back.restored), (vec![from, to], 2), "{report:?}");
        assert!(is_at(&run, "d/new"));
        undo_list(&run.log, &run.world, &NoCompensator, &[from, to], false).await;
        assert!(is_at(&run, "old"));
    }
}

#[tokio::test]
async fn half_of_it_is_left_and_another_file_is_a_conflict() {
    let run = Fixture::new();
    let (from, to) = moved(&run);
    for action in [from, to] {
        for force in [false, true] {
            let report = undo(&run.log, &run.world, &NoCompensator, action, force).await;
            assert!(report.undone.is_empty() && report.left[0].why.contains("with it"), "{report:?}");
            assert!(is_at(&run, "d/new"));
        }
    }
    fs::write(run.path("d/new"), "another").unwrap();
    let report = undo_list(&run.log, &run.world, &NoCompensator, &[from, to], false).await;
    assert!(matches!(report.conflict.unwrap().by, ConflictBy::Outside { .. }) && report.undone.is_empty());
    assert_eq!(run.text("d/new").as_deref(), Some("another"));
    fs::write(run.path("d/new"), BYTES).unwrap();
    fs::write(run.path("old"), "of somebody else").unwrap();
    let report = undo_list(&run.log, &run.world, &NoCompensator, &[from, to], false).await;
    assert!(report.conflict.is_some());
    assert_eq!(run.text("old").as_deref(), Some("of somebody else"));
}

#[tokio::test]
async fn an_undo_that_a_crash_interrupted_is_finished() {
    for renamed in [false, true] {
        let run = Fixture::new();
        let (from, to) = moved(&run);
        run.log.append([to, from].map(|action| outcome_row(action, ActionChange::UndoStarted)).to_vec());
        if renamed {
            fs::rename(run.path("d/new"), run.path("old")).unwrap();
        }
        let lines = resolve_interrupted_actions(&run.log, &run.world).await;
        assert!(is_at(&run, "old"), "{lines:?}");
        let report = redo(&run.log, &run.world, from).await;
        assert!(report.redone.len() == 2 && is_at(&run, "d/new"), "{lines:?} {report:?}");
    }
}
