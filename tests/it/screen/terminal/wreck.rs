//! The demo of an agent's shell that goes wrong, as the README tells it: what it changed is looked at before it lands,
//! taken back after, and what someone else made of it survives.

use std::fs;

use tama_tui::model::CaptureMode;

use crate::support::manifest::manifest;
use crate::support::program;
use crate::support::project::Project;
use crate::support::pty::{Pty, Start};

const LANES: [CaptureMode; 2] = [CaptureMode::Overlay, CaptureMode::Snapshot];

/// The notes of the customer, before the agent tidies up.
const NOTES: &str = "# Notes\n\nThe customer wants the report on Fridays.\nAsk Mara before changing the limit.\n";

/// The demo at its first stop, after the cleaner's first command; where the lane can't be had, the test is skipped.
fn at_the_gate(lane: CaptureMode) -> Option<(Project, Pty)> {
    let more = if lane == CaptureMode::Snapshot { "[capture]\nlane = \"portable\"\n" } else { "" };
    let demo = Project::wreck(more);
    let can = if lane == CaptureMode::Overlay { program::holds_changes } else { program::is_confined };
    if !can(demo.folder()) {
        return None;
    }
    let mut pty = Start::tama(demo.folder(), &["."]).at(140, 42);
    pty.wait("PAUSED (after tool");
    // In overlay mode the changes are held when the run stops.
    assert_eq!(pty.text().contains("7 held changes"), lane == CaptureMode::Overlay, "{}", pty.text());
    Some((demo, pty))
}

/// The demo at its end: in the overlay lane the first command's changes are dropped, and the second's land. Rollback
/// shows what is in the workspace now.
fn at_the_end(lane: CaptureMode) -> Option<(Project, Pty)> {
    let (demo, mut pty) = at_the_gate(lane)?;
    if lane == CaptureMode::Overlay {
        pty.press("D", "discard 7 held changes");
        pty.press("\r", "→ readme.txt");
        pty.wait("7 held changes: c");
        pty.press("c", "Apply 7 changes");
        pty.press("\r", "finished");
    } else {
        pty.press("c", "finished");
    }
    pty.press("k", "Rollback · tama_bash");
    pty.press("3", "u undoes #");
    Some((demo, pty))
}

/// True when a line of the screen ends with Rollback's row of this key.
fn is_of(line: &str, key: &str) -> bool {
    let row = line.rsplit_once('#').map(|(_, row)| row.split_whitespace());
    row.is_some_and(|mut words| words.nth(3) == Some(key))
}

/// Moves Rollback's cursor to a key.
fn pick(pty: &mut Pty, key: &str) {
    let cursor = |text: &str| text.lines().position(|line| line.contains("│›  #"));
    loop {
        let text = pty.text();
        let Some(at) = cursor(&text) else { panic!("no cursor in\n{text}") };
        let rows = || text.lines().skip_while(|line| !line.contains("3 Rollback"));
        let first = text.lines().count() - rows().count();
        let Some(row) = rows().position(|line| is_of(line, key)).map(|row| first + row) else {
            panic!("no row of {key} in\n{text}")
        };
        if row == at {
            return;
        }
        pty.send(if row > at { "j" } else { "k" });
        pty.wait_for("the cursor to move", |screen| cursor(&screen.contents()) != Some(at));
    }
}

#[test]
fn what_a_command_changed_is_looked_at_and_dropped_before_it_lands() {
    let Some((demo, mut pty)) = at_the_gate(CaptureMode::Overlay) else { return };
    let work = demo.path("work");
    let before = manifest(&work);
    assert_eq!(demo.work("docs/notes.md").as_deref(), Some(NOTES), "nothing has landed");
    for key in ["README.md", "build/hello.o", "docs/notes.md"] {
        pty.wait_for(key, |screen| screen.contents().lines().any(|line| is_of(line, key) && line.contains(" held")));
    }
    pty.press("3", "d diff");
    pick(&mut pty, "docs/notes.md");
    pty.press("\r", "- Ask Mara before changing the limit.");
    pty.send("\x1b");
    pty.wait_gone("- Ask Mara");
    pty.press("u", "held: c applies it, D discards");
    pty.press("D", "discard 7 held changes");
    pty.press("\r", "→ readme.txt");
    pty.wait("7 held changes: c");
    assert_eq!(manifest(&work), before, "nothing of it has landed");
    pty.press("\x1b", "3 look");
    // The tree may follow the run to its newest row meanwhile.
    for _ in 0..4 {
        if !pty.text().contains("7 discarded") {
            pty.tap("k");
        }
    }
    pty.wait("7 discarded");
    pty.press("4", "7 held changes discarded");
    pty.send("\x03\x03");
    assert_eq!(pty.end(), 130);
    pty.assert_restored();
    assert_eq!(manifest(&work), before, "the second command's changes have not landed either");
}

#[test]
fn each_change_is_listed_and_one_is_restored_and_then_all() {
    for lane in LANES {
        let Some((demo, mut pty)) = at_the_end(lane) else { continue };
        let (rows, one): (&[&str], _) = match lane {
            CaptureMode::Overlay => {
                (&["build/", "build/hello.o", "build/log.txt", "→ readme.txt", "← README.md"], "src/hello.sh")
            }
            CaptureMode::Snapshot => {
                (&["build/", "build/hello.o", "build/log.txt", "docs/", "docs/notes.md"], "README.md")
            }
        };
        for row in rows {
            assert!(pty.text().contains(row), "{row} in\n{}", pty.text());
        }
        assert_eq!(demo.work("build/log.txt"), None);
        pick(&mut pty, one);
        pty.press("u", "restored 1/1");
        assert!(demo.path("work").join(one).exists());
        assert_eq!(demo.work("build/log.txt"), None, "only that one is back");
        let all = if lane == CaptureMode::Overlay { 7 } else { 6 };
        pty.press("U", &format!("undo {all} actions, newest first"));
        pty.press("\r", &format!("restored {all}/{all}"));
        pty.wait(&format!("{} of {} undone", all + 1, all + 1));
        assert_eq!(demo.work("docs/notes.md").as_deref(), Some(NOTES));
        assert_eq!(demo.work("build/log.txt").as_deref(), Some("built\n"));
        assert_eq!(demo.work("src/settings.toml").as_deref(), Some("limit = 3\nretries = 5\n"));
        assert_eq!(demo.work("README.md").as_deref(), Some("# Hello\n\nA small project.\n"));
        assert_eq!(demo.work("readme.txt"), None);
        assert_eq!(fs::read_link(demo.path("work/NOTES")).unwrap().to_str(), Some("docs/notes.md"));
        pty.quit();
    }
}

#[test]
fn someone_elses_edit_is_in_the_way_and_survives_until_it_is_forced() {
    const THEIRS: &str = "# TODO\n\nMara is back on Monday.\n";
    for lane in LANES {
        let Some((demo, mut pty)) = at_the_end(lane) else { continue };
        let (key, was) = match lane {
            CaptureMode::Overlay => ("docs/notes.md", NOTES),
            CaptureMode::Snapshot => ("README.md", "# Hello\n\nA small project.\n"),
        };
        demo.write(&format!("work/{key}"), THEIRS);
        let theirs = || demo.work(key).as_deref() == Some(THEIRS);
        pick(&mut pty, key);
        pty.press("u", ": conflict");
        assert!(pty.text().contains(&format!("Another program or person changed {key}")) && theirs());
        pty.press("d", "+ Mara is back on Monday.");
        pty.send("\x1b");
        pty.wait_gone("+ Mara is back on Monday.");
        pty.wait("Another program or person");
        // All but that one.
        pty.press("x", "skipped");
        let all = if lane == CaptureMode::Overlay { 7 } else { 6 };
        pty.press("U", "keep 1 action (no undo, or skipped)");
        pty.press("\r", &format!("restored {all}/{all}"));
        assert!(theirs(), "their edit survives");
        assert_eq!(demo.work("build/log.txt").as_deref(), Some("built\n"));
        // And then over it.
        pick(&mut pty, key);
        pty.press("!", "Force the undo of");
        pty.press("\r", "Force the undo of");
        assert!(theirs(), "Enter forces nothing");
        pty.press("y", "restored 1/1");
        assert_eq!(demo.work(key).as_deref(), Some(was));
        pty.quit();
    }
}

#[test]
fn what_someone_else_changed_meanwhile_is_told_before_anything_lands_over_it() {
    const THEIRS: &str = "# Hello\n\nA project of two.\n";
    let Some((demo, mut pty)) = at_the_gate(CaptureMode::Overlay) else { return };
    demo.write("work/README.md", THEIRS);
    pty.press("c", "Apply 7 changes");
    pty.press("\r", "README.md was changed meanwhile by another program or person");
    assert_eq!(demo.work("docs/notes.md").as_deref(), Some(NOTES), "nothing has landed");
    pty.press("D", "discard 7 held changes");
    pty.press("\r", "→ readme.txt");
    pty.wait("7 held changes: c");
    assert_eq!(demo.work("README.md").as_deref(), Some(THEIRS));
    pty.send("\x03\x03");
    assert_eq!(pty.end(), 130);
}
