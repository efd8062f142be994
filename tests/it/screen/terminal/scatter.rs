//! A scatter of 200 workers: the screen stays whole, the header counts, and quitting waits for none of them.

use serde_json::json;

use crate::support::project::Project;
use crate::support::pty::{Pty, Start};
use crate::support::sketch::Sketch;

const WORKERS: usize = 200;

/// A scatter whose workers answer as the script's lines say.
fn scatter(workers: &[&str]) -> Project {
    let items: Vec<String> = (1..=WORKERS).map(|item| format!("item {item}.")).collect();
    let items = json!(items).to_string();
    let agent = "[agents.main]\npattern = \"scatter\"\nworker = \"digger\"\nsteps.map.prompt = \"You split.\"\nsteps.reduce.prompt = \"You join.\"";
    let mut sketch = Sketch::new("fan", "main")
        .table(agent)
        .oneshot("digger", "You dig.")
        .table(&format!("[limits]\nmax_parallel = {WORKERS}"))
        .calls("*map*", 1, &[("finish", json!({ "key": "parallel", "value": items }))])
        .reply("*reduce*", "text = \"joined\"");
    for worker in workers {
        sketch = sketch.reply("*digger*", worker);
    }
    sketch.project()
}

/// Asserts that every panel has its borders: nothing was drawn over them, no line is short.
fn assert_whole(pty: &Pty) {
    let screen = pty.screen();
    let (rows, columns) = screen.size();
    let columns = u16::from(columns);
    let rows = usize::from(u16::from(rows));
    let text: Vec<String> = screen.rows(0, columns).collect();
    for (at, line) in text.iter().enumerate().take(rows - 1).skip(1) {
        let (first, last) = (line.chars().next().unwrap_or(' '), line.chars().last().unwrap_or(' '));
        assert!("│┌├└".contains(first) && "│┐┤┘┃▲▼".contains(last), "line {at}: {line}\n{}", text.join("\n"));
        assert_eq!(line.chars().count(), usize::from(columns), "line {at}: {line}");
    }
}

#[test]
fn two_hundred_workers_are_counted_and_the_failed_one_is_found() {
    let project = scatter(&["contains = \"item 77.\"\nerror = \"HTTP 529: overloaded\"", "text = \"dug\""]);
    let mut pty = Start::tama(project.folder(), &["."]).at(140, 42);
    pty.wait("✗ 1 failed");
    pty.press("]e", "overloaded");
    pty.wait("c  continue as failed");
    assert_whole(&pty);
    pty.press("c", "✓ finished");
    pty.wait("✗ 1 failed");
    pty.press("gg", "199 of 200 done");
    assert_whole(&pty);
    for (width, height) in [(80, 24), (60, 16), (140, 42)] {
        pty.resize(width, height);
        pty.wait_for("the new size", |screen| {
            screen.rows(0, width).nth(usize::from(height) - 2).is_some_and(|line| line.ends_with('┘'))
        });
        assert_whole(&pty);
    }
    pty.press("]e", "digger#77");
    pty.wait("item 77.");
    pty.wait("overloaded");
    assert_whole(&pty);
    pty.quit();
}

#[test]
fn quitting_does_not_wait_for_two_hundred_workers() {
    let project = scatter(&["text = \"dug\"\ndelay_ms = 600000"]);
    let mut pty = Start::tama(project.folder(), &["."]).at(140, 42);
    // The cursor is at the call that began last, whichever worker's it is.
    pty.wait("of 403 · following");
    pty.press("gg", "0 of 200 done");
    pty.wait("● running");
    // Nothing but time passes.
    pty.wait("work 0:02");
    pty.wait("work 0:03");
    assert_whole(&pty);
    pty.press("\x03", "quit now");
    pty.send("\x03");
    assert_eq!(pty.end(), 130);
    pty.assert_restored();
    assert_eq!(project.statuses(), ["cancelled"]);
}
