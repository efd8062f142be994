//! One stored run of each of the first formats: every later version opens it.
//!
//! They are made once, by `cargo test --test it -- --ignored samples::make`, and never again: what is tested is that
//! today's code reads what yesterday's wrote.

use std::fs;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use tama_tui::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, ActionStatus, CaptureMode, CommandStart, Key, KeyKind, KeyState,
    RunStatus, SpanId, TraceBody, Undoability, name_from_bytes,
};
use tama_tui::store::{Access, DataDir, Format, Opened, RunFolder, RunLog};

use crate::store::damage::{copy, copy_with_log, new_run, record};

/// The last format with a sample that is written row by row; from then on the program makes them (`sample_runs`).
const BY_HAND: u32 = 3;

fn sample(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/samples/format-{format}"))
}

/// A sample in a data folder of its own, as if it had been sent here.
fn unpacked(format: u32) -> (tempfile::TempDir, RunFolder) {
    let home = tempfile::tempdir().unwrap();
    let data = DataDir::open_or_create(home.path()).unwrap();
    copy(&sample(format), &home.path().join("runs/0abcdef123"));
    let folder = data.find("0abcdef123").unwrap();
    (home, folder)
}

#[test]
fn every_format_has_a_sample_and_opens() {
    for format in 1..=BY_HAND {
        let (_home, folder) = unpacked(format);
        assert_eq!(folder.manifest().unwrap().format.major, format);
        for access in [Access::ReadOnly, Access::ReadWrite] {
            let opened = folder.open(Box::new(|_| ()), access).unwrap();
            assert!(opened.foreign.is_some(), "an earlier version made it");
            // Nothing of it is changed before its user has confirmed its workspace, whatever it was opened for.
            assert_ne!(folder.manifest().unwrap().format, Format::CURRENT);
            let opened = if access == Access::ReadWrite {
                drop(opened);
                confirmed(&folder)
            } else {
                opened
            };
            assert_eq!(opened.damage, Vec::<String>::new(), "format {format}");
            opened.log.with(|state| {
                assert_eq!((state.status, state.trace.len()), (RunStatus::Ok, 3));
                let memory = state.ledger.entries().iter().filter(|entry| entry.record.key.kind == KeyKind::Memory);
                assert_eq!(memory.filter(|entry| entry.status == ActionStatus::Applied).count(), 4);
            });
            assert!(
                opened
                    .events
                    .iter()
                    .any(|event| matches!(&event.body, TraceBody::RunStarted { name, .. } if name == "damage"))
            );
            let state = opened.log.with(Clone::clone);
            opened.log.close().unwrap();
            drop(opened.log);
            // From the snapshot, once it was open for changes.
            assert_eq!(folder.look().unwrap().log.with(Clone::clone), state);
            assert_eq!(folder.path().join("snapshot").exists(), access == Access::ReadWrite);
        }
        assert_eq!(folder.manifest().unwrap().format, Format::CURRENT, "opened for changes, it is of today's format");
    }
}

/// Opens a run for changes, whose user has confirmed its workspace.
fn confirmed(folder: &RunFolder) -> Opened {
    let opened = folder.open_confirmed(Box::new(|_| ()), folder.path(), None).unwrap();
    assert_eq!(opened.foreign, None);
    opened
}

#[test]
fn the_third_format_has_a_log_file() {
    let (_home, folder) = unpacked(3);
    let path = folder.path().join("run.log");
    assert!(fs::metadata(&path).unwrap().len() > 0);
    let noted = |access| {
        let opened = match access {
            Access::ReadWrite => confirmed(&folder),
            Access::ReadOnly => folder.open(Box::new(|_| ()), access).unwrap(),
        };
        opened.log.recorder().close().unwrap();
        let in_it = |body: &TraceBody| matches!(body, TraceBody::Note { text, .. } if text.starts_with("in the log"));
        opened.events.iter().filter(|event| in_it(&event.body)).count()
    };
    assert_eq!(noted(Access::ReadOnly), noted(Access::ReadWrite));
    assert!(!path.exists());
    assert!(noted(Access::ReadOnly) >= 10);
}

#[test]
fn the_second_format_has_commands() {
    let (_home, folder) = unpacked(2);
    let opened = folder.open(Box::new(|_| ()), Access::ReadOnly).unwrap();
    let has = |wanted: fn(&TraceBody) -> bool| opened.events.iter().any(|event| wanted(&event.body));
    assert!(has(|body| matches!(body, TraceBody::CommandStarted(start) if start.command == "mv a b")));
    assert!(has(|body| matches!(body, TraceBody::CommandEnded { dropped: None, .. })));
    assert!(has(|body| matches!(body, TraceBody::Renamed { .. })));
    opened.log.with(|state| {
        assert!(state.commands.is_empty());
        let named = state.ledger.entries().iter().any(|entry| entry.record.key.name == name_from_bytes(ODD));
        assert!(named, "a name of any bytes");
        let statuses: Vec<ActionStatus> = state.ledger.entries().iter().map(|entry| entry.status).collect();
        assert!(statuses.contains(&ActionStatus::NotApplied), "{statuses:?}");
    });
}

/// A file's name that is no UTF-8.
const ODD: &[u8] = b"odd\xff\nname";

/// Makes the samples that are missing.
#[test]
#[ignore = "makes what the other tests of this file read"]
fn make() {
    for format in (1..=BY_HAND).filter(|format| !sample(*format).exists()) {
        let home = tempfile::tempdir().unwrap();
        let data = DataDir::open_or_create(home.path()).unwrap();
        let (log, folder) = data.create_run(new_run(), Box::new(|_| ())).unwrap();
        record(&log);
        if format > 1 {
            commands(&log);
        }
        folder.update_manifest(|manifest| log.with(|state| manifest.follow(state))).unwrap();
        if format > 2 {
            // As a kill leaves it.
            copy_with_log(&log, folder.path(), || copy(folder.path(), &sample(format)));
        }
        log.recorder().close().unwrap();
        if format <= 2 {
            copy(folder.path(), &sample(format));
        }
        if format == 1 {
            without_what_came_later(&sample(1));
        }
    }
}

/// The first format's manifest had no check, and its mark no seal.
fn without_what_came_later(folder: &Path) {
    let path = folder.join("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["format"] = 1.into();
    manifest.as_object_mut().unwrap().remove("check");
    fs::write(&path, serde_json::to_string_pretty(&manifest).unwrap() + "\n").unwrap();
    let mark = fs::read_to_string(folder.join("mark")).unwrap();
    let lines: Vec<&str> = mark.split_inclusive('\n').take(2).collect();
    fs::write(folder.join("mark"), lines.concat()).unwrap();
}

/// A command that renamed a file, and one whose change was held and dropped.
fn commands(log: &RunLog) {
    let now = |bodies| block_on(log.append_durable(bodies).durable()).unwrap();
    let file = |name: &str, old| {
        TraceBody::Action(ActionRecord {
            span: SpanId(1),
            tool_span: SpanId(2),
            tool_name: "tama_bash".into(),
            key: Key { kind: KeyKind::File, name: name.into() },
            op: ActionOp::Set,
            old,
            intended: KeyState::Unknown,
            undo: Undoability::Undo,
        })
    };
    let become_ = |action, change| TraceBody::ActionEvent(ActionEvent { action, change });
    let start = |command: &str| {
        let command = command.into();
        TraceBody::CommandStarted(CommandStart {
            span: SpanId(2),
            command,
            capture: CaptureMode::Overlay,
            snapshot: None,
            gaps: vec![],
        })
    };
    let blob = log.recorder().put_blob(b"what was in a\n").unwrap();
    let content = KeyState::File { blob, size: 14, mode: 0o644 };
    let command = now(vec![start("mv a b")]);
    let (from, to) = (now(vec![file("a", content.clone())]), now(vec![file("b", KeyState::Absent)]));
    now(vec![
        become_(from, ActionChange::Applied { after: KeyState::Absent, kept: false }),
        become_(to, ActionChange::Applied { after: content, kept: false }),
        TraceBody::Renamed { from, to },
        TraceBody::CommandEnded { command, dropped: None },
    ]);
    let command = now(vec![start("touch odd")]);
    let held = now(vec![file(&name_from_bytes(ODD), KeyState::Absent)]);
    now(vec![
        become_(held, ActionChange::Held),
        become_(held, ActionChange::Discarded { why: "by the user".into() }),
        TraceBody::CommandEnded { command, dropped: Some("by the user".into()) },
    ]);
}
