//! `init`: the pipelines that it writes run as they are, and nothing is overwritten.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::program;

fn tama(folder: &Path, args: &[&str]) -> Output {
    let mut program = program::command();
    program.args(args).current_dir(folder).env_remove("TAMA_TUI_DATA_DIR").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn succeeds(folder: &Path, args: &[&str]) -> String {
    let output = tama(folder, args);
    assert!(output.status.success(), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn hello_is_checked_and_runs_offline() {
    let folder = tempfile::tempdir().unwrap();
    let said = succeeds(folder.path(), &["init"]);
    for part in ["pipeline.toml", "work/hello.md", "tama-tui ", "tama-tui check .", "tama-tui run ."] {
        assert!(said.contains(part), "{said}");
    }
    assert!(succeeds(folder.path(), &["check", "."]).contains("hello: no faults in 3 agents"));
    succeeds(folder.path(), &["run", "."]);
    let written = fs::read_to_string(folder.path().join("work/hello.md")).unwrap();
    assert!(written.contains("Welcome"), "{written}");
}

#[test]
fn the_wreck_is_written_to_a_folder_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let said = succeeds(folder.path(), &["init", "--from", "wreck", "a demo"]);
    assert!(said.contains("cd 'a demo'"), "{said}");
    assert!(succeeds(&folder.path().join("a demo"), &["check", "."]).contains("tidy-up: no faults"));
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("replies.toml"), "mine").unwrap();
    let output = tama(folder.path(), &["init"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("replies.toml exists already"), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(folder.path().join("replies.toml")).unwrap(), "mine");
    assert!(!folder.path().join("pipeline.toml").exists(), "nothing was written");
}

#[test]
fn an_empty_folder_says_how_to_begin() {
    let folder = tempfile::tempdir().unwrap();
    let output = tama(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("tama-tui init ") && said.contains("--from wreck"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
}

#[test]
fn without_a_terminal_the_list_is_a_table() {
    let folder = tempfile::tempdir().unwrap();
    succeeds(folder.path(), &["init"]);
    assert!(succeeds(folder.path(), &[]).contains("`tama-tui .` starts a new run"));
    succeeds(folder.path(), &["run", "."]);
    for args in [&[][..], &["replay"]] {
        let said = succeeds(folder.path(), args);
        assert!(said.starts_with("run ") && said.contains("hello"), "{said}");
    }
}
