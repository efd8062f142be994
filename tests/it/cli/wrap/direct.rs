//! An agent that works in the folder itself.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use super::{checkout, wrap};
use crate::cli::cli::{json as parsed, stderr, stdout};
use crate::support::manifest::{differences, manifest};
use crate::support::program;
use crate::support::project::Project;
use crate::support::skip::{Capability, skip};
use crate::support::wait::{exit_status, until};

fn has_git() -> bool {
    let has = Command::new("git").arg("--version").output().is_ok();
    if !has {
        skip(Capability::Git, format_args!("there is no git here"));
    }
    has
}

#[test]
fn a_cleaned_checkout_is_put_back_byte_for_byte() {
    if !has_git() {
        return;
    }
    let project = Project::empty();
    checkout(project.folder());
    let before = manifest(project.folder());
    let ran = wrap(project.folder(), "git clean -fdxq -e .tama; rm -rf docs; echo new > new.txt", &[]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    assert!(!project.path(".env").exists() && !project.path("docs").exists());
    assert!(stderr(&ran).contains("1 file added, 2 deleted"), "{}", stderr(&ran));
    let undone = project.tama(&["undo", &project.newest()]);
    assert_eq!(undone.status.code(), Some(0), "{}", stderr(&undone));
    assert_eq!(differences(&before, &manifest(project.folder())), Vec::<String>::new());
}

#[test]
fn the_exit_code_and_the_output_are_the_agents() {
    let project = Project::empty();
    let ran = wrap(project.folder(), "echo out; echo told >&2; exit 3", &[]);
    assert_eq!((ran.status.code(), stdout(&ran).as_str()), (Some(3), "out\n"));
    assert!(stderr(&ran).contains("told\n"), "{}", stderr(&ran));
    let missing = program::run(project.folder(), &["wrap", "--headless", "no-such-agent"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("failed to start: No such file"), "{}", stderr(&missing));
}

#[test]
fn its_changes_are_told_as_json_and_what_it_prints_is_not_in_it() {
    let project = Project::empty();
    project.write("old.txt", "old\n");
    let ran = wrap(project.folder(), "echo out; rm old.txt; echo new > new.txt", &["--json"]);
    let told = parsed(&ran);
    assert!(stderr(&ran).contains("out\n"));
    let changes: Vec<(&Json, &Json)> =
        told["changes"].as_array().unwrap().iter().map(|change| (&change["path"], &change["change"])).collect();
    assert_eq!(changes, [(&json!("new.txt"), &json!("added")), (&json!("old.txt"), &json!("deleted"))]);
}

#[test]
fn changes_far_apart_are_actions_of_their_own() {
    let project = Project::empty();
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let go = outside.path().join("go");
    let script = format!("echo one > f.txt; until [ -e {} ]; do sleep 0.05; done; echo two > f.txt", go.display());
    let mut command = Command::new(program::path());
    // What appears in a cache while it runs is not always seen; in a folder that it may write in it is.
    command.args(["wrap", "--headless", "--writable"]).arg(outside.path()).args(["--", "bash", "-c", &script]);
    command.current_dir(project.folder());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = || project.path(".tama/runs").exists() && project.json(&["runs"])[0]["manifest"]["run"].is_string();
    until("the run", begun);
    let run = project.newest();
    // In its first moments a run can't be shown, and says so.
    let actions = || {
        let shown = project.tama(&["runs", "show", &run, "--json"]);
        let shown: Json = serde_json::from_slice(&shown.stdout).unwrap_or_default();
        shown["actions"].as_array().cloned().unwrap_or_default()
    };
    until("the first change as an action", || actions().len() == 1);
    fs::write(&go, "").unwrap();
    assert_eq!(exit_status(&mut child, "the agent").code(), Some(0));
    let all = actions();
    assert_eq!(all.len(), 2, "{all:?}");
    let undone = project.tama(&["undo", &run, "--to", &all[0]["seq"].to_string()]);
    assert_eq!(undone.status.code(), Some(0), "{}", stderr(&undone));
    assert_eq!(project.read("f.txt").as_deref(), Some("one\n"));
}

#[test]
fn it_writes_in_its_folder_and_where_it_is_let_and_nowhere_else() {
    let project = Project::empty();
    if !program::is_confined(project.folder()) {
        return;
    }
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (free, closed) = (outside.path().join("free"), outside.path().join("closed"));
    fs::create_dir(&free).unwrap();
    fs::create_dir(&closed).unwrap();
    let script = format!("echo x > {}/f; echo x > {}/f; echo x > in", free.display(), closed.display());
    let ran = wrap(project.folder(), &script, &["--writable", free.to_str().unwrap()]);
    assert!(free.join("f").exists() && !closed.join("f").exists() && project.path("in").exists());
    assert!(stderr(&ran).contains(&format!("no undo for changes in: {}", free.display())), "{}", stderr(&ran));
}

#[test]
fn a_folder_that_it_may_write_in_keeps_what_is_written_also_within_a_cache() {
    let project = Project::empty();
    if !program::is_confined(project.folder()) {
        return;
    }
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (cache, kept) = (outside.path().join("cache"), outside.path().join("cache/kept"));
    fs::create_dir_all(&kept).unwrap();
    fs::write(kept.join("old"), "old\n").unwrap();
    let script = "cat $XDG_CACHE_HOME/kept/old; echo x > $XDG_CACHE_HOME/kept/f; echo x > $XDG_CACHE_HOME/f";
    let mut command = program::command();
    command.args(["wrap", "--headless", "--writable"]).arg(&kept).args(["--", "bash", "-c", script]);
    let ran = command.env("XDG_CACHE_HOME", &cache).current_dir(project.folder()).output().unwrap();
    assert_eq!((ran.status.code(), stdout(&ran).as_str()), (Some(0), "old\n"), "{}", stderr(&ran));
    assert!(kept.join("f").exists(), "{}", stderr(&ran));
    assert!(!cache.join("f").exists(), "the rest of a cache stays as it was");
}

#[test]
fn secrets_are_passed_by_name_only() {
    let project = Project::empty();
    let run = |more: &[&str]| {
        let args = [&["wrap", "--headless"][..], more, &["--", "bash", "-c", "echo ${MY_API_KEY:-none}"]].concat();
        let mut command = Command::new(program::path());
        command.args(args).current_dir(project.folder()).env("MY_API_KEY", "sk-very-secret-9").output().unwrap()
    };
    assert_eq!(stdout(&run(&[])), "none\n");
    assert_eq!(stdout(&run(&["--pass", "MY_API_KEY"])), "sk-very-secret-9\n", "what it prints passes as it is");
    let shown = project.tama(&["runs", "show", &project.newest(), "--json"]);
    assert!(!stdout(&shown).contains("sk-very-secret-9"));
}

#[test]
fn a_wrapped_run_is_listed_as_one_and_says_what_it_can_do() {
    let project = Project::empty();
    wrap(project.folder(), "echo x > f", &[]);
    let run = project.newest();
    assert!(stdout(&project.tama(&["runs", "show", &run])).contains("from       wrapped"));
    let verified = project.tama(&["verify", &run]);
    assert_eq!(verified.status.code(), Some(1));
    assert!(stderr(&verified).contains("whose code can't be executed from the record"), "{}", stderr(&verified));
    assert_eq!(project.read("f").as_deref(), Some("x\n"));
}

#[test]
fn an_option_that_there_is_not_is_no_program() {
    let project = Project::empty();
    let ran = program::run(project.folder(), &["wrap", "--headless", "--revew", "true"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(stderr(&ran).contains("failed to read the option --revew"), "{}", stderr(&ran));
    assert!(!project.path(".tama").exists(), "no run is made");
}
