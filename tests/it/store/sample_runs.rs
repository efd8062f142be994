//! One run of each format, made by the program: opened, verified, undone, redone and retried by today's.
//!
//! `tests/samples/run-N` has the run's folder, its pipeline, and its workspace as the run left it: an fsm of a tool loop,
//! a scatter whose second worker failed, and commands, one of which failed and one of which needed an approval; one
//! change was undone and redone. The program of format 3 made the first three: 2 as it is made without a log file, and 1
//! without commands, which came later. Nothing of them is made anew.

use std::fs;
use std::path::{Path, PathBuf};

use tama_tui::model::{ActionChange, ActionStatus, AnsweredBy, EndCause, TraceBody, TraceEvent};
use tama_tui::runtime;
use tama_tui::store::{Access, DataDir, Format, RunFolder};

use crate::engine::scenario::Stage;
use crate::store::damage::copy;

const RUN: &str = "0abcdef123";

/// The newest stored run.
pub fn newest() -> PathBuf {
    stored(Format::CURRENT.major)
}

fn stored(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/samples/run-{format}"))
}

/// A stored run beside its pipeline, with its workspace.
fn unpacked(format: u32) -> (tempfile::TempDir, RunFolder) {
    let home = tempfile::tempdir().unwrap();
    let data = DataDir::open_or_create(home.path().join(".tama")).unwrap();
    copy(&stored(format).join("run"), &data.path().join("runs").join(RUN));
    copy(&stored(format).join("work"), &home.path().join("work"));
    for file in ["pipeline.toml", "replies.toml"] {
        fs::copy(stored(format).join(file), home.path().join(file)).unwrap();
    }
    if format > 1 {
        // Empty, so git has no such folder.
        fs::create_dir_all(home.path().join("work/out")).unwrap();
    }
    let folder = data.find(RUN).unwrap();
    (home, folder)
}

fn has(events: &[TraceEvent], wanted: impl Fn(&TraceBody) -> bool) -> bool {
    events.iter().any(|event| wanted(&event.body))
}

fn assert_verifies(folder: &RunFolder) -> Vec<TraceEvent> {
    let opened = folder.open(Box::new(|_| ()), Access::ReadOnly).unwrap();
    assert_eq!(opened.damage, Vec::<String>::new());
    let found = runtime::verify(&opened.log, &opened.events, None).unwrap();
    assert_eq!((found.divergence, found.partial), (None, false));
    opened.events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_every_format_opens_verifies_and_is_retried() {
    for format in 1..=Format::CURRENT.major {
        let (home, folder) = unpacked(format);
        assert_eq!(folder.manifest().unwrap().format, Format { major: format, minor: 0 });
        let events = assert_verifies(&folder);
        let changed = |wanted: fn(&ActionChange) -> bool| {
            has(&events, |body| matches!(body, TraceBody::ActionEvent(event) if wanted(&event.change)))
        };
        assert!(changed(|change| matches!(change, ActionChange::Undone { .. })), "format {format}");
        assert!(changed(|change| matches!(change, ActionChange::Redone)), "format {format}");
        let pipeline = home.path().join("pipeline.toml").display().to_string();
        folder.update_manifest(|manifest| manifest.pipeline_file = Some(pipeline)).unwrap();

        let mut stage = Stage::open(home, RUN).await;
        // The command needs an approval again.
        let stops = if format == 1 {
            ""
        } else {
            "wait at lead/cleaner/tama_bash#2 before-tool\nallow lead/cleaner/tama_bash#2\n"
        };
        let play = format!("plan lead/editors/checker#3\nwait plan\nretry\nwait retried\n{stops}wait end\nstatus ok\n");
        stage.play(&play).await.unwrap_or_else(|why| panic!("format {format}: {why}"));
        let applied = stage.state.ledger.entries().iter().filter(|entry| entry.status == ActionStatus::Applied).count();
        assert_eq!(applied, if format == 1 { 6 } else { 11 }, "format {format}");
        let text = fs::read_to_string(stage.folder.path().join("work/NOTES.md")).unwrap();
        assert_eq!(text, "# 1.2.0\n\nFaster.\n");
        let home = stage.close().await;
        let folder = DataDir::open_or_create(home.path().join(".tama")).unwrap().find(RUN).unwrap();
        assert_eq!(folder.manifest().unwrap().format, Format::CURRENT);
        assert_verifies(&folder);
    }
}

#[test]
fn the_newest_run_has_what_its_format_brought() {
    let (_home, folder) = unpacked(Format::CURRENT.major);
    let events = assert_verifies(&folder);
    let asked = |body: &TraceBody| matches!(body, TraceBody::ApprovalAsked(asked) if asked.line == Some(15));
    let answered =
        |body: &TraceBody| matches!(body, TraceBody::ApprovalAnswered(answered) if answered.by == AnsweredBy::Flag);
    let step = |body: &TraceBody| matches!(body, TraceBody::SpanStarted(start) if start.step.as_deref() == Some("map"));
    let ended = |body: &TraceBody| !matches!(body, TraceBody::SpanEnded(end) if end.waited.is_none());
    let exit = Some(EndCause::Exit { code: 3 });
    assert!(has(&events, asked) && has(&events, answered) && has(&events, step));
    assert!(events.iter().all(|event| ended(&event.body)));
    assert!(has(&events, |body| matches!(body, TraceBody::SpanEnded(end) if end.cause == exit)));
    let opened = folder.open(Box::new(|_| ()), Access::ReadOnly).unwrap();
    let kept: Vec<_> = opened.log.with(|state| {
        let files = state.ledger.entries().iter().filter_map(|entry| entry.kept);
        files.collect()
    });
    assert!(kept.len() >= 4, "{kept:?}");
    assert!(kept.into_iter().all(|blob| opened.log.recorder().blob(blob).is_ok()));
    assert!(!has(&events, |body| matches!(body, TraceBody::Kept { .. })), "no second record of the same bytes");
}
