//! First steps: a new pipeline, the list of runs, and how a person who is away is told of a stop.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::project::Project;
use crate::support::pty::{Pty, Start};

/// A run that ended in the debugger.
fn finished() -> Project {
    let project = Project::writer();
    let mut pty = project.paused();
    pty.press("c", "finished");
    pty.quit();
    project
}

fn written(pty: &Pty) -> String {
    String::from_utf8(pty.bytes.clone()).unwrap()
}

#[test]
fn a_run_is_opened_from_the_list() {
    let project = finished();
    for args in [&[][..], &["replay"]] {
        let mut pty = Start::tama(project.folder(), args).at(110, 30);
        pty.wait("✓ finished");
        pty.assert_taken();
        assert!(pty.text().contains("1 run │"), "{}", pty.text());
        pty.press("\r", "3 Rollback");
        pty.wait("main");
        pty.quit();
    }
}

#[test]
fn the_list_is_left_again() {
    let project = finished();
    for keys in ["q", "\x03"] {
        let mut pty = Start::tama(project.folder(), &[]).at(80, 24);
        pty.wait("✓ finished");
        pty.send(keys);
        assert_eq!(pty.end(), 0);
        pty.assert_restored();
    }
    let mut pty = Start::tama(project.folder(), &[]).at(80, 24);
    pty.wait("✓ finished");
    pty.signal(Signal::SIGTERM);
    assert_eq!(pty.end(), 143);
    pty.assert_restored();
}

#[test]
fn the_list_is_drawn_at_any_size_and_suspended() {
    let project = finished();
    let mut pty = Start::tama(project.folder(), &[]).at(140, 42);
    pty.wait("Runs, newest first");
    pty.resize(30, 8);
    // Drawn anew, not what is left of the wide one: the next key must not come together with the new size.
    let corner = |line: &str| line.chars().count() == 30 && line.starts_with('┌') && line.ends_with('┐');
    pty.wait_for("a frame 30 wide", |screen| screen.contents().lines().any(corner));
    pty.wait("✓ finished");
    pty.send("\x1a");
    pty.wait_stopped();
    pty.assert_restored();
    pty.signal(Signal::SIGCONT);
    pty.wait("✓ finished");
    pty.assert_taken();
    pty.press("?", "Keys");
    pty.send("\x1b");
    pty.wait_gone("Keys");
    assert_eq!(pty.bytes_within(Duration::from_millis(500)), 0, "nothing moves");
}

#[test]
fn a_new_pipeline_is_written_and_started_from_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let mut pty = Start::tama(folder.path(), &["init"]).at(110, 30);
    assert_eq!(pty.end(), 0);
    assert!(pty.text().contains("tama-tui check ."), "{}", pty.text());
    let mut pty = Start::tama(folder.path(), &[]).at(110, 30);
    pty.wait("No runs yet.");
    pty.wait("start hello");
    pty.press("n", "PAUSED (before tool");
    pty.press("c", "finished");
    assert!(std::fs::read_to_string(folder.path().join("work/hello.md")).unwrap().contains("Welcome"));
    pty.quit();
}

#[test]
fn a_live_run_is_marked_and_opened_to_look_at() {
    let project = Project::writer();
    let mut live = project.paused();
    let mut pty = Start::tama(project.folder(), &[]).at(110, 30);
    pty.wait("● live");
    pty.send("\r");
    pty.wait("it can only be looked at, as it was");
    pty.send("j");
    pty.wait_gone("as it was");
    pty.press("r", "is using the run: it can only be looked at");
    pty.quit();
    live.press("c", "finished");
    live.quit();
    let mut pty = Start::tama(project.folder(), &[]).at(110, 30);
    pty.wait("✓ finished");
    pty.press("\r", "3 Rollback");
    pty.quit();
}

#[test]
fn another_live_run_in_the_workspace_is_named_at_the_start() {
    let project = Project::writer();
    let first = project.paused();
    let run = project.newest();
    let mut second = project.open();
    second.wait(&format!("another run is live in this workspace: {run}"));
    second.wait("PAUSED (before tool");
    second.send("4");
    second.wait_gone("4 tells more");
    second.wait("another run is live");
    assert!(!first.text().contains("another run"), "{}", first.text());
}

#[test]
fn a_stop_is_told_to_a_person_who_is_away() {
    let project = Project::writer();
    let mut pty = project.paused();
    pty.wait_written(0, "\x1b]2;◆ paused · one\x1b\\");
    assert!(written(&pty).contains("\x1b[22;2t\x1b]2;"), "the old title is kept");
    let before = pty.bytes.len();
    // The terminal says that another window has the keys, right after the key.
    pty.send("c\x1b[O");
    pty.wait("finished");
    pty.wait_written(before, "\x1b]2;✓ finished · one\x1b\\");
    pty.wait_written(before, "\x1b]9;✓ finished · one\x1b\\\x07");
    pty.quit();
    let all = written(&pty);
    assert!(all.contains("\x1b]2;\x1b\\\x1b[23;2t") && all.matches("\x1b[22;2t").count() == 1, "the title is restored");
    pty.assert_restored();
}

#[test]
fn nobody_is_told_when_the_user_wants_none() {
    let project = Project::writer();
    let mut pty = Start::tama(project.folder(), &["."]).env("TAMA_TUI_NOTIFY", "none").at(110, 30);
    pty.wait("PAUSED (before tool");
    pty.send("c\x1b[O");
    pty.wait("finished");
    pty.quit();
    let all = written(&pty);
    assert!(!all.contains("\x1b]") && !all.contains('\x07') && !all.contains(";2t"), "{all:?}");
}

#[test]
fn a_wrong_way_to_tell_is_a_usage_error() {
    let project = Project::writer();
    for args in [&["."][..], &[]] {
        let mut pty = Start::tama(project.folder(), args).env("TAMA_TUI_NOTIFY", "bell,beep").at(110, 30);
        assert_eq!(pty.end(), 2);
        assert!(pty.text().contains("TAMA_TUI_NOTIFY has \"beep\" in it"), "{}", pty.text());
    }
}
