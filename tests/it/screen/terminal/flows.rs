//! Sessions besides the demo's: parallel workers, an error, an answer in place, a past run, two at once.

use crate::support::project::Project;
use crate::support::pty::Start;

#[test]
fn one_worker_pauses_while_the_others_go_on() {
    let project = Project::new(PARALLEL, PARALLEL_REPLIES, &[]);
    let mut pty = Start::tama(project.folder(), &["."]).at(110, 30);
    pty.wait("PAUSED (before tool");
    pty.wait_for("both others to end", |screen| {
        screen.contents().lines().filter(|line| line.contains(" worker-") && line.contains("✓ done")).count() == 2
    });
    assert_eq!(project.work("a.txt").as_deref(), Some("a"));
    assert_eq!(project.work("c.txt").as_deref(), Some("c"));
    assert_eq!(project.work("b.txt"), None);
    pty.press("]p", "b.txt +1 -0");
    pty.press("c", "finished");
    assert_eq!(project.work("b.txt").as_deref(), Some("b"));
    pty.send("q");
    assert_eq!(pty.end(), 0);
    pty.assert_restored();
}

#[test]
fn an_error_pauses_and_a_retry_goes_on_when_its_cause_is_mended() {
    let broken = "[[reply]]\nagent = \"main\"\nerror = \"the model is overloaded\"\n";
    let project = Project::writer();
    let working = project.read("replies.toml").unwrap();
    project.write("replies.toml", broken);
    let mut pty = Start::tama(project.folder(), &["."]).at(110, 30);
    pty.wait("FAILED");
    pty.wait("model is overloaded");
    project.write("replies.toml", &working);
    pty.press("r", "Retry main/llm");
    pty.press("\r", "PAUSED (before tool");
    pty.press("c", "finished");
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));
    pty.send("q");
    assert_eq!(pty.end(), 0);
}

#[test]
fn an_answer_in_place_is_taken_for_the_models() {
    let project = Project::writer();
    let mut pty = Start::tama(project.folder(), &[".", "--step"]).at(110, 30);
    pty.wait("PAUSED (before llm");
    pty.press("a", "Ctrl-s answer");
    pty.press("nothing to write today", "nothing to write today");
    pty.press("\x13", "finished");
    pty.press("h", "▾ output");
    assert!(pty.text().contains("nothing to write today"));
    assert_eq!(project.work("out.txt").as_deref(), Some("old\n"), "the model was not asked");
    pty.send("q");
    assert_eq!(pty.end(), 0);
}

#[test]
fn a_past_run_is_opened_and_undone() {
    let project = Project::writer();
    let mut pty = Start::tama(project.folder(), &["."]).at(110, 30);
    pty.wait("PAUSED (before tool");
    pty.press("c", "finished");
    pty.send("q");
    assert_eq!(pty.end(), 0);
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));

    let run = project.newest();
    let mut pty = Start::tama(project.folder(), &["replay", &run[run.len() - 4..]]).at(110, 30);
    pty.wait("✓ ok");
    pty.press("U", "undo 2 actions, newest first");
    pty.press("\r", "2 of 2 undone");
    assert_eq!(project.work("out.txt").as_deref(), Some("old\n"));
    pty.press("\x12", "1 of 2 undone");
    pty.send("q");
    assert_eq!(pty.end(), 0);
    pty.assert_restored();
    assert_eq!(project.statuses(), ["ok"]);
}

#[test]
fn two_debuggers_work_side_by_side() {
    let project = Project::writer();
    let mut first = Start::tama(project.folder(), &["."]).at(110, 30);
    first.wait("PAUSED (before tool");
    let mut second = Start::tama(project.folder(), &["."]).at(110, 30);
    second.wait("PAUSED (before tool");
    second.press("c", "finished");
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));
    first.press("c", "finished");
    for pty in [&mut first, &mut second] {
        pty.send("q");
        assert_eq!(pty.end(), 0);
    }
    assert_eq!(project.statuses(), ["ok", "ok"]);
}

const PARALLEL: &str = r#"
[pipeline]
name = "fan"
entrypoint = "team"
task = "write"
workspace = "work"

[models]
default = "script:replies.toml"

[agents.team]
pattern = "parallel"
workers = ["worker-a", "worker-b", "worker-c"]

[agents.worker-a]
pattern = "react"
prompt = "You write a."
tools = ["tama_files_write"]

[agents.worker-b]
pattern = "react"
prompt = "You write b."
tools = ["tama_files_write"]

[agents.worker-c]
pattern = "react"
prompt = "You write c."
tools = ["tama_files_write"]

[[breakpoints]]
at = "before-tool"
agent = "worker-b"
"#;

const PARALLEL_REPLIES: &str = r#"
[[reply]]
agent = "*worker-a"
call = 1
calls = [{ name = "tama_files_write", args = { path = "a.txt", content = "a" } }]

[[reply]]
agent = "*worker-b"
call = 1
calls = [{ name = "tama_files_write", args = { path = "b.txt", content = "b" } }]

[[reply]]
agent = "*worker-c"
call = 1
calls = [{ name = "tama_files_write", args = { path = "c.txt", content = "c" } }]

[[reply]]
agent = "*"
calls = [{ name = "finish", args = { key = "done", value = "written" } }]
"#;
