//! Failures and denials: told by word and glyph in tree, header and Log, with the cause and what can be done.

use serde_json::json;

use crate::support::program;
use crate::support::project::Project;
use crate::support::pty::{Pty, Start};
use crate::support::sketch::Sketch;

/// A port on which nobody listens. A free one could be given to the server of another test.
const NOBODY: u16 = 1;

/// A project whose model server isn't there.
fn without_server() -> Project {
    let agent = "[agents.main]\npattern = \"oneshot\"\nmodel = \"local:some-model\"\nprompt = \"You greet.\"";
    Sketch::new("one", "main")
        .table(&format!("[providers.local]\nbase_url = \"http://127.0.0.1:{NOBODY}/v1/\""))
        .table(agent)
        .project()
}

/// Asserts that these texts are on the screen, each below the one before it.
fn assert_downwards(pty: &Pty, texts: &[&str]) {
    let screen = pty.text();
    let lines: Vec<Option<usize>> =
        texts.iter().map(|text| screen.lines().position(|line| line.contains(text))).collect();
    assert!(lines.iter().all(Option::is_some) && lines.is_sorted(), "{lines:?} in\n{screen}");
}

/// The row of the tree with this name.
fn row(pty: &Pty, name: &str) -> String {
    let screen = pty.text();
    screen.lines().find(|line| line.contains(name)).unwrap_or(&screen).to_owned()
}

#[test]
fn a_dead_model_server_shows_the_error_first_and_each_key_does_what_is_said() {
    let project = without_server();
    let mut pty = Start::tama(project.folder(), &["."]).at(140, 42);
    pty.wait("✗ 1 failed");
    pty.wait("connection refused");
    pty.wait("e  edit the prompt of main");
    assert_downwards(
        &pty,
        &[
            "▾ error",
            "connection refused",
            "▾ you can",
            "r  retry: the call is sent again",
            "a  answer in its place: you write",
            "c  continue as failed: main ends",
            "e  edit the prompt of main",
            "▾ call",
            "▾ system",
        ],
    );
    assert!(row(&pty, "llm 1").contains("✗ failed"), "{}", pty.text());
    pty.press("4", "main/llm: FAILED to get an answer");
    assert!(!pty.text().contains("main/llm: failed"), "it is told once: {}", pty.text());
    pty.press("2", "connection refused");
    pty.tap("\x1b");

    pty.press("e", "prompt of main, from its next call on");
    pty.send("\x1b");
    pty.wait_gone("prompt of main, from its next call on");
    pty.press("r", "Retry main/llm");
    pty.press("\r", "try 2");
    // It has failed before it waits.
    pty.wait("✗ 1 failed, waits for you");
    pty.wait("connection refused");
    pty.wait("a  answer in its place");
    pty.press("a", "the model's response: main/llm");
    pty.press("Good day.", "Good day.");
    pty.press("\x13", "✓ finished");
    pty.quit();
    let run = project.json(&["runs", "show", &project.newest()]);
    assert_eq!(run["manifest"]["status"], "ok");
}

#[test]
fn a_dead_model_server_continued_as_failed_fails_its_agent() {
    let project = without_server();
    let mut pty = Start::tama(project.folder(), &["."]).at(140, 42);
    pty.wait("c  continue as failed");
    pty.press("c", "✗ FAILED");
    pty.wait_gone("continue as failed");
    pty.wait("r  retry: the call is sent again");
    assert!(!pty.text().contains("a  answer in its place"), "{}", pty.text());
    pty.send("q");
    assert_eq!(pty.end(), 1);
    pty.assert_restored();
    assert_eq!(project.statuses(), ["failed"]);
}

#[test]
fn a_denied_call_is_told_with_its_cause_everywhere() {
    let project = Sketch::new("one", "main")
        .react("main", "You tidy up.", &["tama_files_delete"])
        .table("[policy]\ndeny = [\"tama_files_delete\"]")
        .calls("main", 1, &[("tama_files_delete", json!({ "path": "kept.txt" }))])
        .finish("main", "tidy")
        .file("work/kept.txt", "kept\n")
        .project();
    let mut pty = project.open();
    pty.wait("✓ finished");
    pty.wait("⊘ 1 denied");
    assert!(row(&pty, "files_delete kept").contains("⊘ denied") || row(&pty, " files_delete ").contains("⊘ denied"));
    pty.press("k", "▾ you can");
    assert_downwards(&pty, &["▾ denied  it was not run", "policy denies", "▾ you can"]);
    pty.press("4", "denied main/tama_files_delete: policy");
    let log: Vec<String> =
        pty.text().lines().filter(|line| line.contains("main/tama_files_delete")).map(Into::into).collect();
    assert_eq!(log.len(), 1, "once: {log:?}");
    pty.quit();
    assert_eq!(project.work("kept.txt").as_deref(), Some("kept\n"));
}

#[test]
fn a_failing_command_is_failed_in_tree_header_and_log() {
    let project = Sketch::new("one", "main")
        .react("main", "You try.", &["tama_bash"])
        .calls("main", 1, &[("tama_bash", json!({ "command": "/bin/false" }))])
        .finish("main", "tried")
        .project();
    if !program::is_confined(project.folder()) {
        return;
    }
    let mut pty = project.open();
    pty.wait("✓ finished");
    pty.wait("✗ 1 failed");
    assert!(row(&pty, "bash /bin/false").contains("✗ exit 1"), "{}", pty.text());
    pty.press("]e", "exit 1: the command failed");
    pty.wait("✗ exit 1 · ");
    pty.press("4", "main/tama_bash: failed: exit 1");
    pty.quit();
}
