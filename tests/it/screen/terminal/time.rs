//! Going back in time in a past run, and breakpoints that a person keeps.

use serde_json::json;

use crate::support::project::Project;
use crate::support::pty::{Pty, Start};
use crate::support::sketch::Sketch;

/// A run that wrote two files and a memory key.
fn wrote() -> (Project, Pty) {
    let project = Sketch::new("rows", "main")
        .react("main", "You write.", &["tama_files_write", "tama_mem_set"])
        .calls(
            "main",
            1,
            &[
                ("tama_files_write", json!({ "path": "good.txt", "content": "good" })),
                ("tama_mem_set", json!({ "key": "outline", "value": "intro, thanks" })),
                ("tama_files_write", json!({ "path": "bad.txt", "content": "bad" })),
            ],
        )
        .finish("main", "written")
        .project();
    let mut pty = project.open();
    pty.wait("finished");
    (project, pty)
}

#[test]
fn a_past_run_is_scrubbed_to_before_a_bad_write_and_back() {
    let (project, mut live) = wrote();
    live.press("5", "bad.txt");
    live.press("<", "PAST");
    live.press("<", "PAST");
    live.send("\x1b");
    live.wait_gone("PAST");
    live.press("<", "PAST");
    // The run has ended, whatever moment of it is shown.
    live.quit();
    let run = project.newest();
    let mut pty = Start::tama(project.folder(), &["replay", &run]).at(140, 42);
    // The plan of the selected span comes when the log is checked; until then no moment can be shown.
    pty.wait("retry main");
    pty.press("5", "changed files");
    // The write of bad.txt is the last tool before the last call.
    pty.press("<", "PAST");
    pty.press("<", "starts");
    pty.wait_for("bad.txt is gone from State", |screen| {
        let text = screen.contents();
        text.contains("good.txt") && text.contains("outline") && !text.contains("A bad.txt")
    });
    pty.press("u", "is shown, not now");
    pty.send("\x1b");
    pty.wait_gone("PAST");
    pty.wait("A bad.txt");
    pty.press(",", "PAST");
    pty.send("\x1b");
    pty.wait_gone("PAST");
    assert!(project.work("bad.txt").is_some(), "nothing was changed");
    pty.quit();
}

#[test]
fn a_breakpoint_with_a_condition_is_kept_for_the_next_run() {
    let (project, mut pty) = wrote();
    pty.press("gg", "main");
    pty.press("b", "Break at");
    pty.press("L", "will stop at after-llm");
    pty.press("B", "after-llm");
    pty.press("w", "Stop at after-llm");
    pty.press("tokns > 1", "tokns > 1");
    pty.press("\x13", "column 1: unknown word");
    pty.send("\x1b");
    pty.wait_gone("Stop at after-llm");
    pty.press("B", "after-llm");
    pty.press("w", "Stop at after-llm");
    pty.press("tokens >= 0", "tokens >= 0");
    pty.press("\x13", "will stop at after-llm in main when tokens >= 0");
    pty.send("\x1b");
    pty.wait_gone("Breakpoints");
    pty.quit();
    let kept = std::fs::read_to_string(project.folder().join(".tama/breakpoints.json")).unwrap();
    assert!(kept.contains("tokens >= 0"), "{kept}");
    let mut again = project.open();
    again.wait("PAUSED (after llm");
    again.press("B", "1 hit");
    again.send("\x1b");
    again.wait_gone("1 hit");
    again.press("q", "quitting cancels it");
    again.send("\r");
    assert_eq!(again.end(), 130);
}
