//! Sessions besides the demo's: parallel workers, an error, an answer in place, a past run, two at once.

use serde_json::json;

use crate::support::project::Project;
use crate::support::pty::Start;
use crate::support::sketch::Sketch;

#[test]
fn one_worker_pauses_while_the_others_go_on() {
    let mut fan = Sketch::new("fan", "team")
        .parallel("team", &["worker-a", "worker-b", "worker-c"])
        .table("[[breakpoints]]\nat = \"before-tool\"\nagent = \"worker-b\"");
    for letter in ["a", "b", "c"] {
        let worker = format!("worker-{letter}");
        let file = json!({ "path": format!("{letter}.txt"), "content": letter });
        fan = fan.react(&worker, "You write.", &["tama_files_write"]);
        fan = fan.calls(&format!("*{worker}"), 1, &[("tama_files_write", file)]);
    }
    let project = fan.finish("*", "written").project();
    let mut pty = project.paused();
    pty.wait_for("both others to end", |screen| {
        screen.contents().lines().filter(|line| line.contains(" worker-") && line.contains("✓ done")).count() == 2
    });
    assert_eq!(project.work("a.txt").as_deref(), Some("a"));
    assert_eq!(project.work("c.txt").as_deref(), Some("c"));
    assert_eq!(project.work("b.txt"), None);
    pty.press("]p", "b.txt +1 -0");
    pty.press("c", "finished");
    assert_eq!(project.work("b.txt").as_deref(), Some("b"));
    pty.quit();
}

#[test]
fn an_error_pauses_and_a_retry_goes_on_when_its_cause_is_mended() {
    let broken = "[[reply]]\nagent = \"main\"\nerror = \"the model is overloaded\"\n";
    let project = Project::writer();
    let working = project.read("replies.toml").unwrap();
    project.write("replies.toml", broken);
    let mut pty = project.open();
    pty.wait("FAILED");
    pty.wait("model is overloaded");
    project.write("replies.toml", &working);
    pty.press("r", "Retry main/llm");
    pty.press("\r", "PAUSED (before tool");
    pty.press("c", "finished");
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));
    pty.quit();
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
    pty.quit();
}

#[test]
fn a_past_run_is_opened_and_undone() {
    let project = Project::writer();
    let mut pty = project.paused();
    pty.press("c", "finished");
    pty.quit();
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));

    let run = project.newest();
    let mut pty = Start::tama(project.folder(), &["replay", &run[run.len() - 4..]]).at(110, 30);
    pty.wait("✓ ok");
    pty.press("U", "undo 2 actions, newest first");
    pty.press("\r", "2 of 2 undone");
    assert_eq!(project.work("out.txt").as_deref(), Some("old\n"));
    pty.press("\x12", "1 of 2 undone");
    pty.quit();
    assert_eq!(project.statuses(), ["ok"]);
}

#[test]
fn two_debuggers_work_side_by_side() {
    let project = Project::writer();
    let mut first = project.paused();
    let mut second = project.paused();
    second.press("c", "finished");
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));
    first.press("c", "finished");
    for pty in [&mut first, &mut second] {
        pty.quit();
    }
    assert_eq!(project.statuses(), ["ok", "ok"]);
}
