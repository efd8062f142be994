//! Any moment of any run: a past run is scrubbed to before a bad write, forked there with another prompt, and compared
//! with the original; a killed run is resumed from the list.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::project::Project;
use crate::support::pty::{Pty, Start};
use crate::support::sketch::Sketch;

/// A writer and a reviewer after it; each writes a file of its own. With the prompt "loud" the reviewer writes another
/// text.
fn sketch() -> Sketch {
    let write = |name: &str, text: &str| json!({ "path": format!("{name}.txt"), "content": text });
    let loud = toml::Value::try_from(write("reviewer", "LOUD\n")).unwrap();
    Sketch::new("two", "lead")
        .table("[agents.lead]\npattern = \"fsm\"\ninitial = \"writer\"\n[agents.lead.states]\nwriter = \"reviewer\"\nreviewer = \"$end\"")
        .react("writer", "You write.", &["tama_files_write"])
        .react("reviewer", "You review.", &["tama_files_write"])
        .calls("lead/writer", 1, &[("tama_files_write", write("writer", "draft\n"))])
        .finish("lead/writer", "a draft")
        .reply(
            "lead/reviewer",
            &format!("call = 1\ncontains = \"loud\"\ncalls = [{{ name = \"tama_files_write\", args = {loud} }}]"),
        )
        .calls("lead/reviewer", 1, &[("tama_files_write", write("reviewer", "bad\n"))])
        .finish("lead/reviewer", "reviewed")
        .file("work/reviewer.txt", "before\n")
}

/// A run of it that has ended, opened from the disk.
fn opened(project: &Project) -> (String, Pty) {
    let output = project.tama(&["run", "."]);
    assert_eq!(output.status.code(), Some(0));
    let run = project.newest();
    let mut pty = Start::tama(project.folder(), &["replay", &run]).at(140, 42);
    // The plan of the selected span comes once the log is checked.
    pty.wait("retry lead");
    (run, pty)
}

/// Goes back event by event until one is the last that had happened.
fn scrub_to(pty: &mut Pty, event: &str) {
    /// More events than the run has.
    const MOST: usize = 60;
    for _ in 0..MOST {
        if pty.text().contains(event) {
            return;
        }
        pty.tap(",");
    }
    panic!("no {event} in\n{}", pty.text());
}

#[test]
fn a_past_run_is_forked_before_a_bad_write_with_another_prompt_and_compared() {
    let project = sketch().project();
    let (run, mut pty) = opened(&project);
    assert_eq!(project.work("reviewer.txt").as_deref(), Some("bad\n"));
    pty.press("5", "changed files");
    pty.wait("reviewer.txt");
    scrub_to(&mut pty, "lead/reviewer starts");
    pty.wait_for("the bad write to be gone from State", |screen| {
        let text = screen.contents();
        text.contains("writer.txt") && !text.contains("reviewer.txt")
    });
    pty.press("u", "is shown, not now");
    // The fork begins where the screen is, and its prompt is edited first.
    pty.press("F", "Fork at lead/reviewer");
    pty.wait("The workspace is not as it was there: 1 path");
    pty.press("e", "Edit reviewer, for this fork");
    pty.press("p", "prompt of reviewer, for this fork");
    pty.press("\x1b[F", "You review.");
    pty.press(" Be loud.", "You review. Be loud.");
    pty.press("\x13", "edited prompt: You review. Be loud.");
    assert!(pty.text().contains("PAST"), "{}", pty.text());
    pty.press("r", "a fork of run");
    pty.wait_gone("PAST");
    pty.wait("c continues");
    let fork = project.newest();
    assert_ne!(fork, run);
    assert_eq!(project.work("reviewer.txt").as_deref(), Some("before\n"), "it is put back to that moment");
    pty.press("c", "Resume this run");
    pty.press("\r", "finished");
    assert_eq!(project.work("reviewer.txt").as_deref(), Some("LOUD\n"));
    assert_eq!(project.work("writer.txt").as_deref(), Some("draft\n"));
    // Its first try is the original's.
    pty.press("gg", "lead");
    while !pty.text().lines().any(|line| line.contains("reviewer") && line.contains("try 2") && line.contains('›')) {
        let before = pty.text();
        pty.tap("j");
        assert_ne!(pty.text(), before, "there is no second try of the reviewer");
    }
    pty.press("6", "+ You review. Be loud.");
    pty.wait("- You review.");
    pty.quit();
    for run in [&run, &fork] {
        assert_eq!(project.tama(&["verify", run]).status.code(), Some(0), "{run}");
    }
    let differs = project.json(&["runs", "diff", &run, &fork]);
    assert!(differs.to_string().contains("reviewer.txt"), "{differs}");
}

#[test]
fn a_killed_run_is_resumed_from_the_list() {
    let project = Project::writer();
    let mut live = project.paused();
    live.signal(Signal::SIGKILL);
    live.end();
    assert_eq!(project.work("out.txt").as_deref(), Some("old\n"));
    let mut pty = Start::tama(project.folder(), &[]).at(110, 30);
    pty.wait("↯ interrupted");
    pty.wait("c resume");
    pty.press("c", "Resume this run");
    pty.wait("reuse");
    pty.press("\r", "try 2");
    pty.wait("‖ PAUSED (before tool");
    pty.press("c", "finished");
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));
    pty.quit();
    let run = project.newest();
    assert_eq!(project.tama(&["verify", &run]).status.code(), Some(0));
    // A run that has come to its end says why it is not resumed.
    let mut pty = Start::tama(project.folder(), &[]).at(110, 30);
    pty.wait("✓ finished");
    pty.press("c", "it has come to its end");
    pty.quit();
}

#[test]
fn a_fork_that_is_left_before_it_ran_keeps_its_edits_for_a_resume() {
    let project = sketch().project();
    let (run, mut pty) = opened(&project);
    // The last but one row is the reviewer's write.
    pty.press("G", "llm");
    pty.press("k", "retry tama_files_write");
    pty.press("F", "Fork at lead/reviewer/tama_files_write");
    pty.press("e", "Edit tama_files_write, for this fork");
    pty.press("g", "arguments of tama_files_write, for this fork");
    pty.wait("bad");
    // To the end of the content, which is the last argument: before its quotation mark.
    pty.send("\x1b[B\x1b[B\x1b[F\x1b[D");
    pty.press("by hand", "by hand\"");
    pty.press("\x13", "\"content\":\"bad\\nby hand\"");
    pty.press("r", "a fork of run");
    pty.wait("↯ interrupted");
    pty.send("q");
    assert_eq!(pty.end(), 130, "the fork has not come to its end");
    let fork = project.newest();
    assert_ne!(fork, run);
    assert_eq!(project.work("reviewer.txt").as_deref(), Some("before\n"), "nothing of it has run");
    let output = project.tama(&["resume", &fork]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(project.work("reviewer.txt").as_deref(), Some("bad\nby hand"));
    assert_eq!(project.tama(&["verify", &fork]).status.code(), Some(0));
}

#[test]
fn a_cancelled_retry_has_its_prompt_again_when_it_is_resumed_and_not_after() {
    let project = sketch().table("[[breakpoints]]\nat = \"before-llm\"\nagent = \"reviewer\"").project();
    let (run, mut pty) = opened(&project);
    pty.press("G", "llm");
    pty.press("h", "retry reviewer");
    pty.press("r", "Retry lead/reviewer");
    pty.press("e", "Edit reviewer, for this retry");
    pty.press("p", "prompt of reviewer, for this retry");
    pty.send("\x1b[F");
    pty.press(" Be loud.", "You review. Be loud.");
    pty.press("\x13", "prompt: You review. Be loud.");
    pty.press("\r", "PAUSED (before llm");
    pty.press("X", "Cancel the run");
    // Of the run, not of a span: before that, quitting asks.
    pty.press("\r", "│ ■ cancelled │");
    pty.send("q");
    pty.end();
    let wrote = |args: &[&str]| {
        let output = project.tama(args);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        project.work("reviewer.txt")
    };
    assert_eq!(wrote(&["resume", &run]).as_deref(), Some("LOUD\n"), "it goes on as it was meant");
    assert_eq!(wrote(&["retry", &run, "--span", "lead/reviewer"]).as_deref(), Some("bad\n"), "that retry is over");
}
