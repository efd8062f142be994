//! The agent of the demo, through hooks and gateway.

use std::path::Path;
use std::process::Output;

use serde_json::Value as Json;

use crate::cli::cli::{stderr, stdout};
use crate::support::manifest::{differences, manifest};
use crate::support::program;
use crate::support::project::Project;

/// The demo, written as the README says, with answers that come at once.
pub(super) fn demo() -> Project {
    let project = Project::empty();
    let written = project.tama(&["init", "--from", "wrap", "demo"]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let replies = project.read("demo/replies.toml").unwrap();
    let quick: Vec<&str> = replies.lines().filter(|line| !line.starts_with("delay_ms")).collect();
    project.write("demo/replies.toml", &quick.join("\n"));
    project
}

pub(super) fn tidy(folder: &Path, more: &[&str]) -> Output {
    let args = [&["wrap", "--headless", "--upstream", "script:../replies.toml"][..], more, &["../tidy"]].concat();
    program::run(folder, &args)
}

/// The spans of a run, and how many actions each has: `tidy/Bash#2 tool ok 3`.
pub(super) fn spans(folder: &Path, run: &str) -> Vec<String> {
    let shown: Json = serde_json::from_slice(&program::run(folder, &["runs", "show", run, "--json"]).stdout).unwrap();
    let actions = shown["actions"].as_array().unwrap();
    let of = |span: &Json| actions.iter().filter(|action| action["tool_span"] == span["span"]).count();
    let line = |span: &Json| {
        let text = |name: &str| span[name].as_str().unwrap().to_owned();
        format!("{} {} {} {}", text("path"), text("kind"), text("state"), of(span))
    };
    shown["spans"].as_array().unwrap().iter().skip(1).map(line).collect()
}

pub(super) fn newest(folder: &Path) -> String {
    let runs: Json = serde_json::from_slice(&program::run(folder, &["runs", "--json"]).stdout).unwrap();
    runs[0]["run"].as_str().unwrap().to_owned()
}

#[test]
fn each_command_of_the_agent_is_a_span_with_its_changes() {
    let project = demo();
    let folder = project.path("demo/folder");
    let before = manifest(&folder);
    let ran = tidy(&folder, &[]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    assert_eq!(stdout(&ran), "Done: the build, the logs, the old docs and a stray .env are gone.\n");
    let run = newest(&folder);
    let expected = [
        "tidy agent ok 0",
        "tidy/program tool ok 0",
        "tidy/llm llm ok 0",
        "tidy/Bash tool ok 0",
        "tidy/llm#2 llm ok 0",
        "tidy/Bash#2 tool ok 3",
        "tidy/llm#3 llm ok 0",
        "tidy/Bash#3 tool ok 4",
        "tidy/llm#4 llm ok 0",
    ];
    assert_eq!(spans(&folder, &run), expected);
    let undone = program::run(&folder, &["undo", &run, "--span", "tidy/Bash#3"]);
    assert_eq!(undone.status.code(), Some(0), "{}", stderr(&undone));
    assert!(folder.join(".env").exists() && folder.join("docs/notes.md").exists() && !folder.join("run.log").exists());
    let undone = program::run(&folder, &["undo", &run]);
    assert_eq!(undone.status.code(), Some(0), "{}", stderr(&undone));
    assert_eq!(differences(&before, &manifest(&folder)), Vec::<String>::new());
}

#[test]
fn a_rule_keeps_a_command_from_running_and_the_agent_goes_on() {
    let project = demo();
    let folder = project.path("demo/folder");
    let ran = tidy(&folder, &["--deny", "Bash:*.env*"]);
    assert_eq!(ran.status.code(), Some(0), "the agent's own: {}", stderr(&ran));
    assert!(folder.join(".env").exists() && folder.join("docs/notes.md").exists() && !folder.join("run.log").exists());
    assert!(spans(&folder, &newest(&folder)).contains(&"tidy/Bash#3 tool denied 0".to_owned()));
    assert!(stderr(&ran).contains("1 denied"), "{}", stderr(&ran));
}

#[test]
fn what_asks_is_denied_without_a_screen_unless_it_is_allowed() {
    let project = demo();
    let folder = project.path("demo/folder");
    tidy(&folder, &["--ask", "Bash:rm *"]);
    assert!(folder.join("run.log").exists() && folder.join(".env").exists());
    tidy(&folder, &["--ask", "Bash:rm *", "--allow", "Bash"]);
    assert!(!folder.join("run.log").exists() && !folder.join(".env").exists());
}

/// A process that the agent leaves running writes while tools begin and end: each of its files is of some action.
#[test]
fn a_process_in_the_background_is_never_missed() {
    let project = demo();
    let folder = project.path("demo/folder");
    let busy = "(for i in $(seq 1 3000); do echo $i > bg$i; echo $i > docs/notes.md; done) > /dev/null 2>&1 &";
    let call = |call: u32, command: &str| {
        let command = command.replace('"', "\\\"");
        format!(
            "[[reply]]\nagent = \"tidy\"\ncall = {call}\ncalls = [{{ name = \"Bash\", args = {{ command = \"{command}\" }} }}]\n"
        )
    };
    let calls = [busy, "echo 2 > two", "echo 3 > three", "rm two", "echo 5 > five", "rm three five"];
    let replies: String = (1..).zip(calls).map(|(at, command)| call(at, command)).collect();
    project.write("demo/replies.toml", &format!("{replies}[[reply]]\nagent = \"tidy\"\ntext = \"done\"\n"));
    let before = manifest(&folder);
    let ran = tidy(&folder, &[]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    let undone = program::run(&folder, &["undo", &newest(&folder)]);
    assert_eq!(undone.status.code(), Some(0), "{} {}", stdout(&undone), stderr(&undone));
    assert_eq!(differences(&before, &manifest(&folder)), Vec::<String>::new());
}

#[test]
fn an_agent_whose_calls_go_elsewhere_is_told_of() {
    let project = Project::empty();
    let ran = super::wrap(project.folder(), "true", &[]);
    assert!(stderr(&ran).contains("no model call of the agent came through the gateway"), "{}", stderr(&ran));
    let project = demo();
    let ran = tidy(&project.path("demo/folder"), &[]);
    assert!(!stderr(&ran).contains("came through the gateway"), "{}", stderr(&ran));
}
