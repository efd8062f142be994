//! Approvals in a real terminal: opened by themselves, answered only where they are seen.

use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use crate::support::project::Project;
use crate::support::pty::Pty;
use crate::support::sketch::Sketch;

/// Longer than an approval that opened by itself takes no keys.
pub(super) const TYPED_AHEAD: Duration = Duration::from_millis(600);

fn asking() -> (Project, Pty) {
    let file = json!({ "path": "out.txt", "content": "one\ntwo\n" });
    let project = Sketch::new("one", "main")
        .react("main", "You write.", &["tama_files_write"])
        .table("[policy]\nask = [\"tama_files_write\"]")
        .calls("main", 1, &[("tama_files_write", file)])
        .finish("main", "written")
        .file("work/out.txt", "old\n")
        .project();
    let pty = project.open();
    (project, pty)
}

#[test]
fn an_approval_opens_by_itself_and_only_its_own_keys_answer_it() {
    let (project, mut pty) = asking();
    let old = || project.work("out.txt").as_deref() == Some("old\n");
    pty.wait("◆ Approve write?");
    pty.wait("two");
    sleep(TYPED_AHEAD);
    for key in ["\r", "c", "C", " "] {
        pty.press(key, "answers nothing here");
        pty.send("j");
        assert!(old(), "{key:?}");
    }
    pty.press("\x1b[200~y\x1b[201~", "pasted text");
    pty.send("\x1b");
    pty.wait_gone("Allow once");
    pty.send("gg");
    pty.press("C", "nothing is merely paused: 1 needs approval");
    assert!(old(), "nothing was approved");
    // Off screen it is shown first.
    pty.press("c", "Allow exactly this for the run");
    assert!(old());
    pty.wait("two");
    pty.press("y", "finished");
    assert_eq!(project.work("out.txt").as_deref(), Some("one\ntwo\n"));
    pty.quit();
}

#[test]
fn keys_typed_before_it_opened_answer_nothing_and_a_denial_says_why() {
    let (project, mut pty) = asking();
    // Typed while the program starts, and before the approval can be seen.
    pty.send("yyy");
    pty.wait("◆ Approve write?");
    sleep(TYPED_AHEAD);
    pty.resize(80, 24);
    pty.wait("Deny and say why");
    pty.press("N", "a word to the model");
    pty.press("not that file", "not that file");
    pty.press("\x13", "finished");
    assert_eq!(project.work("out.txt").as_deref(), Some("old\n"));
    pty.quit();
}
