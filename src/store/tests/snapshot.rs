//! The snapshot that closing leaves: it shows a run at once, counts only where it belongs, and decides nothing.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::model::{ActionChange, ActionEvent, ApprovalAsked, BlobHash, Millis, RunState, Seq, TryGroup, WaitFor};
use crate::store::{Opening, StoreError};

/// A run of some spans and actions, closed with a snapshot.
fn closed() -> (Project, RunState) {
    let (project, log) = project();
    write_now(&log, vec![run_started(&log), start(1, 0, "editor", 1, agent(&log))]);
    write_now(&log, vec![start(2, 1, "editor/llm", 1, call(&log)), start(3, 1, "editor/tama_mem_set", 1, tool(&log))]);
    write_now(&log, vec![TraceBody::Action(memory_set("a", KeyState::Absent, "1"))]);
    let action = log.with(|state| state.last);
    let after = KeyState::Text { text: "1".into() };
    let change = ActionChange::Applied { after, kept: true };
    let (span, why, request) = (SpanId(3), "ask".to_owned(), log.text("{}"));
    let asked = ApprovalAsked { span: SpanId(4), why, rule: None, line: None, request };
    write_now(
        &log,
        vec![
            TraceBody::ActionEvent(ActionEvent { action, change }),
            TraceBody::Kept { action, blob: BlobHash([7; 16]) },
            TraceBody::SpanWaiting { span, on: Some("s9 tama_bash".into()), why: WaitFor::Lock },
            start(4, 1, "editor/tama_mem_set#2", 2, tool(&log)),
            TraceBody::ApprovalAsked(asked),
            TraceBody::Unknown { event: "teleported".into(), body: r#"{"event":"teleported"}"#.into() },
            TraceBody::TryGroup(TryGroup { tries: vec![SpanId(1)], winner: None, why: "best of one".into() }),
        ],
    );
    let output = response(&log, "hello");
    write_now(&log, vec![end(2, output, None), end(3, log.text("set"), None), note("n"), done(&log)]);
    log.close().unwrap();
    let state = log.with(Clone::clone);
    (project, state)
}

fn file(project: &Project) -> PathBuf {
    project.folder.path().join("snapshot")
}

/// The states that opening shows before it has checked a row, and what it comes to.
fn shown_early(folder: &RunFolder, access: Access) -> (Vec<RunState>, Opened) {
    let (mut states, mut checks) = (Vec::new(), 0);
    let opened = folder.open_watched(quiet(), access, &mut |news| {
        match news {
            Opening::State(state) if checks == 0 => states.push(*state),
            Opening::State(_) => {}
            Opening::Checking { .. } => checks += 1,
        }
        true
    });
    (states, opened.unwrap())
}

#[test]
fn the_state_at_the_close_is_shown_before_the_log_is_read() {
    let (project, state) = closed();
    let (shown, opened) = shown_early(&project.folder, Access::ReadOnly);
    assert_eq!(shown, std::slice::from_ref(&state));
    assert_eq!(shown[0].ledger.all_memory(), state.ledger.all_memory());
    assert_eq!(state.approvals.len(), 1);
    assert_eq!(shown[0].trace.waits(SpanId(4), Millis(u64::MAX)), state.trace.waits(SpanId(4), Millis(u64::MAX)));
    assert_eq!(opened.log.with(Clone::clone), state);
    assert_eq!(opened.damage, Vec::<String>::new());
}

#[test]
fn a_damaged_or_foreign_snapshot_is_passed_over() {
    let (project, _) = closed();
    let whole = fs::read(file(&project)).unwrap();
    let passed_over = |bytes: &[u8]| {
        fs::write(file(&project), bytes).unwrap();
        let (shown, opened) = shown_early(&project.folder, Access::ReadOnly);
        assert_eq!(opened.damage, Vec::<String>::new());
        shown.is_empty()
    };
    for at in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 4;
        assert!(passed_over(&changed), "byte {at}");
        assert!(passed_over(&whole[..at]), "cut at {at}");
    }
    assert!(passed_over(b""));
    assert!(!passed_over(&whole));
    // As another version of the program would have left it.
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    assert!(whole.starts_with(version));
    assert!(passed_over(&[b"0.0.0-other", &whole[version.len()..]].concat()));
    // In another data folder it was made elsewhere.
    let home = tempfile::tempdir().unwrap();
    let data = DataDir::open_or_create(home.path().join(".tama")).unwrap();
    let copy = data.path().join("runs").join(&project.folder.id().0);
    fs::create_dir(&copy).unwrap();
    for name in ["manifest.json", "run.duckdb", "mark", "snapshot", "lock"] {
        fs::copy(project.folder.path().join(name), copy.join(name)).unwrap();
    }
    let (shown, opened) = shown_early(&data.find(&project.folder.id().0).unwrap(), Access::ReadOnly);
    assert_eq!((shown.len(), opened.damage.len()), (0, 0));
}

#[test]
fn a_run_that_is_open_or_was_killed_has_none() {
    let (project, _) = closed();
    let opened = reopen(&project.folder);
    assert!(!file(&project).exists());
    write_now(&opened.log, vec![note("more")]);
    // Without an orderly end nothing is left either.
    drop(opened);
    assert!(!file(&project).exists());
    let opened = reopen(&project.folder);
    opened.log.close().unwrap();
    assert!(file(&project).exists());
}

#[test]
fn damage_is_found_behind_a_snapshot() {
    let (project, state) = closed();
    tamper(&project.folder, "UPDATE action_log SET old_kind = 'unknown'");
    let (shown, opened) = shown_early(&project.folder, Access::ReadWrite);
    assert_eq!(shown, [state]);
    assert_eq!(opened.damage.len(), 1, "{:?}", opened.damage);
    assert!(opened.log.with(|state| state.ledger.entries().is_empty()));
    let refused = block_on(opened.log.append_durable(vec![note("more")]).durable());
    assert!(matches!(refused, Err(StoreError::ReadOnly)));
}

#[test]
fn looking_at_a_run_shows_what_reading_it_shows() {
    let (project, state) = closed();
    let look = project.folder.look().unwrap();
    assert_eq!(look.log.with(Clone::clone), state);
    let kinds = |events: &[TraceEvent]| {
        let name = |event: &TraceEvent| match &event.body {
            TraceBody::RunStarted { .. } => "start",
            TraceBody::ApprovalAsked(_) => "asked",
            TraceBody::TryGroup(_) => "tries",
            TraceBody::Unknown { .. } => "unknown",
            _ => "other",
        };
        events.iter().map(name).collect::<Vec<_>>()
    };
    let events = ["start", "asked", "unknown", "tries"];
    assert_eq!(kinds(&look.events), events);
    let text = look.log.text("Write");
    assert_eq!(look.log.recorder().text(text).unwrap(), "Write");
    drop(look);
    fs::remove_file(file(&project)).unwrap();
    let look = project.folder.look().unwrap();
    assert_eq!((look.log.with(Clone::clone), kinds(&look.events)), (state, events.to_vec()));
    drop(look);
    tamper(&project.folder, "DELETE FROM events WHERE kind = 'note'");
    assert_eq!(project.folder.look().unwrap().damage.len(), 1);
}

#[test]
fn an_opening_that_nobody_waits_for_ends() {
    let (project, _) = closed();
    let opened = project.folder.open_watched(quiet(), Access::ReadWrite, &mut |_| false);
    assert!(matches!(opened.err(), Some(StoreError::Cancelled)));
    assert_eq!(reopen(&project.folder).damage, Vec::<String>::new());
}

#[test]
fn the_state_at_any_seq_is_the_fold_up_to_it() {
    let (project, _) = closed();
    let Opened { log, mut events, .. } = reopen(&project.folder);
    let more: Vec<TraceBody> = (0..3_000).map(|at| note(&at.to_string())).collect();
    let known = events.len();
    write_now(&log, more);
    // Some are in the database, and some may be in the log file alone.
    events.extend(log.recorder().events(events[known - 1].seq, usize::MAX).unwrap());
    let last = log.with(|state| state.last.0);
    for seq in (0..=last + 1).step_by(97) {
        let mut folded = RunState::default();
        events.iter().filter(|event| event.seq.0 <= seq).for_each(|event| folded.apply(event));
        assert_eq!(log.state_at(Seq(seq)).unwrap(), folded, "at {seq}");
    }
}
