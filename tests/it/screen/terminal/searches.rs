//! A search takes every letter: `/row` typed in Log or in Rollback retries, steps and redoes nothing.

use serde_json::json;

use crate::support::project::Project;
use crate::support::pty::Pty;
use crate::support::sketch::Sketch;

/// A run that wrote three files, opened at its end; the third is undone, so that there is something to redo.
fn undone_once() -> (Project, Pty) {
    let write = |path: &str| ("tama_files_write", json!({ "path": path, "content": "new" }));
    let project = Sketch::new("rows", "main")
        .react("main", "You write.", &["tama_files_write"])
        .calls("main", 1, &[write("row-a.txt"), write("other.txt"), write("row-b.txt")])
        .finish("main", "written")
        .project();
    let mut pty = project.open();
    pty.wait("finished");
    pty.press("gg", "main and below");
    pty.press("3", "u undoes #");
    pty.press("u", "1 of 3 undone");
    (project, pty)
}

/// Asserts that the run is as it was before the search, and ends the program.
fn assert_untouched(project: &Project, mut pty: Pty) {
    pty.wait("1 of 3 undone");
    pty.wait("✓ finished");
    pty.quit();
    let run = project.json(&["runs", "show", &project.newest()]);
    let tries: Vec<_> = run["spans"].as_array().unwrap().iter().map(|span| span["try"].as_u64().unwrap()).collect();
    assert_eq!(tries, [1; 7], "nothing was retried");
    let there = ["row-a.txt", "other.txt", "row-b.txt"].map(|name| project.work(name).is_some());
    assert_eq!(there, [true, true, false]);
}

/// Types `/row`, goes from match to match, and ends the search.
fn search(pty: &mut Pty, prompt: &str) {
    pty.press("/", prompt);
    for (at, letter) in "row".char_indices() {
        pty.press(&letter.to_string(), &format!("{prompt}{}", &"row"[..=at]));
        assert!(!pty.text().contains("Retry"), "{}", pty.text());
    }
    pty.press("\r", "2 lines");
    pty.press("n", "match ");
    let first = if pty.text().contains("match 1 of 2") {
        ["match 1 of 2", "match 2 of 2"]
    } else {
        ["match 2 of 2", "match 1 of 2"]
    };
    for (key, at) in [("n", 1), ("n", 0), ("N", 1), ("N", 0)] {
        pty.press(key, first[at]);
    }
    pty.press("/ro", &format!("{prompt}ro"));
    pty.send("\x1b");
    pty.wait_gone(&format!("{prompt}ro"));
    pty.press("n", "nothing to look for");
}

#[test]
fn row_typed_in_log_only_searches() {
    let (project, mut pty) = undone_once();
    pty.press("4", "row-b.txt: undone · restored 1/1");
    // The footer may still say it.
    let in_panels = |line: &str| line.contains('│') && line.contains("undid #");
    assert!(!pty.text().lines().any(in_panels), "one line for one undo: {}", pty.text());
    search(&mut pty, "find: ");
    assert_untouched(&project, pty);
}

#[test]
fn row_typed_in_rollback_only_searches() {
    let (project, mut pty) = undone_once();
    search(&mut pty, "find: ");
    assert_untouched(&project, pty);
}
