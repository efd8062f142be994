//! Tools of the user's own, through the program itself: run, undo, and a retry after the tool was changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use tempfile::TempDir;

use crate::support::program;

const PIPELINE: &str = r#"
[pipeline]
name = "ship"
entrypoint = "lead"
task = "go"
workspace = "work"
[models]
default = "script:replies.toml"
[agents.lead]
pattern = "react"
tools = ["deploy"]
prompt = "Ship it"
[tools.deploy]
description = "Deploy a tag"
command = ["./deploy", "{tag}"]
before = ["./deploy", "--current"]
undo = ["./deploy", "{before}"]
network = true
[tools.deploy.args]
tag = { type = "string" }
"#;

const REPLIES: &str = r#"
[[reply]]
agent = "lead"
call = 1
calls = [{ name = "deploy", args = { tag = "v2" } }]
[[reply]]
agent = "lead"
calls = [{ name = "finish", args = { key = "done", value = "shipped" } }]
"#;

const DEPLOY: &str = r#"#!/bin/bash
tell() { exec 3<>/dev/tcp/127.0.0.1/{port}; printf '%s\n' "$1" >&3; read -r <&3; }
tell "call $*"
case "$1" in --current) cat "$(dirname "$0")/live" ;; *) tell "set $1" ;; esac
"#;

struct Project(TempDir);

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = crate::support::service::serve(folder.path().to_owned());
        let deploy = DEPLOY.replace("{port}", &port.to_string());
        for (name, text) in
            [("pipeline.toml", PIPELINE), ("replies.toml", REPLIES), ("deploy", &deploy), ("live", "v1"), ("calls", "")]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::set_permissions(folder.path().join("deploy"), PermissionsExt::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn tama(&self, args: &[&str]) -> Output {
        let mut command = program::command();
        command.args(args).current_dir(self.0.path()).env_remove("TAMA_TUI_DATA_DIR").output().unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    /// The id of its only run.
    fn run(&self) -> String {
        let mut runs = fs::read_dir(self.0.path().join(".tama/runs")).unwrap();
        runs.next().unwrap().unwrap().file_name().into_string().unwrap()
    }
}

fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn nobody_to_ask_means_no() {
    let project = Project::new();
    let done = project.tama(&["run", "pipeline.toml"]);
    assert_eq!(done.status.code(), Some(3), "{}", output_text(&done));
    assert_eq!((project.read("live"), project.read("calls")), ("v1".into(), String::new()));
}

#[test]
fn undo_compensates_and_says_so() {
    let project = Project::new();
    let done = project.tama(&["run", "pipeline.toml", "--allow", "deploy"]);
    assert_eq!(done.status.code(), Some(0), "{}", output_text(&done));
    assert_eq!(project.read("live"), "v2");
    let shown = project.tama(&["undo", &project.run(), "--dry-run"]);
    assert!(output_text(&shown).contains("would run the undo command of deploy v2 · #"), "{}", output_text(&shown));
    assert_eq!(project.read("live"), "v2");
    let undone = project.tama(&["undo", &project.run()]);
    let told = output_text(&undone);
    assert_eq!(undone.status.code(), Some(0), "{told}");
    assert!(told.contains("ran the undo command of deploy v2 · #"), "{told}");
    assert!(told.contains("\n1 of 1 action undone\n1 of them by an undo command"), "{told}");
    assert!(!told.contains("restored"), "{told}");
    assert_eq!((project.read("live"), project.read("calls")), ("v1".into(), "--current\nv2\nv1\n".into()));
}

#[test]
fn a_changed_tool_is_used_by_what_runs_again_and_the_old_one_is_made_up_for_as_it_was() {
    let project = Project::new();
    let done = project.tama(&["run", "pipeline.toml", "--allow", "deploy"]);
    assert_eq!(done.status.code(), Some(0), "{}", output_text(&done));
    let changed = PIPELINE
        .replace("\"{tag}\"]", "\"{tag}-rc\"]")
        .replace("undo = [\"./deploy\", \"{before}\"]", "undo = [\"./deploy\", \"other\"]");
    fs::write(project.0.path().join("pipeline.toml"), changed).unwrap();
    let again = project.tama(&["retry", &project.run(), "--accept-changes", "--span", "lead", "--allow", "deploy"]);
    assert_eq!(again.status.code(), Some(0), "{}", output_text(&again));
    assert_eq!(project.read("calls"), "--current\nv2\nv1\n--current\nv2-rc\n");
    let undone = project.tama(&["undo", &project.run()]);
    assert_eq!(undone.status.code(), Some(0), "{}", output_text(&undone));
    assert!(project.read("calls").ends_with("v2-rc\nother\n"), "{}", project.read("calls"));
}
