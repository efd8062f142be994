//! Runs in the debugger and elsewhere that can only be looked at: made elsewhere, in use, on a read-only medium.

use std::fs;

use super::home::{Home, forge};
use super::text;
use crate::support::skip::{Capability, skip};
use crate::support::whole::{changed, whole};

#[test]
fn a_crafted_run_is_shown_in_the_debugger_and_asks_before_its_first_undo() {
    let home = Home::new();
    home.place(&home.crafted(), "1kqcrafted");
    let before = whole(home.folder());
    let (project, args) = (home.project(), ["replay", "1kqcrafted"]);
    let mut pty = home.start(&project, &args).at(140, 40);
    pty.wait("made elsewhere");
    pty.wait("authorized_keys");
    pty.press("3", "Rollback");
    pty.press("U", "Undo main and below");
    pty.press("\r", "Made elsewhere: change files here?");
    pty.wait(&format!("workspace {}", home.path(".ssh").display()));
    pty.send("\x1b");
    pty.wait_gone("change files here?");
    pty.quit();
    assert_eq!(changed(&before, &whole(home.folder())), Vec::<String>::new());
    let mut pty = home.start(&project, &args).at(140, 40);
    pty.wait("made elsewhere");
    pty.press("3", "Rollback");
    pty.press("U", "Undo main and below");
    pty.press("\r", "Made elsewhere: change files here?");
    // A key confirms once the end of the question was in view, as it is here.
    pty.send("y");
    pty.wait_gone("made elsewhere");
    pty.press("4", "its undo was finished");
    pty.quit();
    assert_eq!(fs::read_to_string(home.path(".ssh/authorized_keys")).unwrap(), "ssh-ed25519 mine\n");
}

#[test]
fn an_own_run_that_somebody_changed_is_only_shown_in_the_debugger() {
    let home = Home::new();
    let copied = home.place(&home.runs().join(home.own_run()), "1kqcopied0");
    forge(&copied, "UPDATE action_log SET key = 'other.txt' WHERE key = 'out.txt'");
    let before = whole(home.folder());
    let (project, args) = (home.project(), ["replay", "1kqcopied0"]);
    let mut pty = home.start(&project, &args).at(140, 40);
    pty.wait("made elsewhere");
    pty.wait("other.txt");
    pty.press("3", "Rollback");
    pty.press("u", "Made elsewhere: change files here?");
    pty.send("\x1b");
    pty.wait_gone("change files here?");
    pty.quit();
    assert_eq!(changed(&before, &whole(home.folder())), Vec::<String>::new());
}

#[test]
fn a_run_that_is_live_can_be_looked_at_and_goes_on() {
    let home = Home::without_runs();
    let (project, stop) = (home.project(), ["--step", "."]);
    let mut live = home.start(&project, &stop).at(120, 30);
    live.wait("PAUSED");
    let run = home.own_run();
    let args = ["replay", run.as_str()];
    let mut pty = home.start(&project, &args).at(120, 30);
    pty.wait("it can only be looked at, as it was");
    pty.send("j");
    pty.wait_gone("as it was");
    pty.press("r", "is using the run: it can only be looked at");
    pty.quit();
    for args in [&["runs", "show", &run][..], &["undo", &run, "--dry-run"], &["verify", &run]] {
        let shown = home.tama(args);
        assert_eq!(shown.status.code(), Some(0), "{args:?}: {}", text(&shown));
        assert!(!text(&shown).contains("elsewhere"), "{}", text(&shown));
    }
    assert_eq!(home.tama(&["undo", &run]).status.code(), Some(1), "it is in use");
    live.press("C", "finished");
    live.quit();
    assert_eq!(home.tama(&["undo", &run]).status.code(), Some(0));
}

#[test]
fn a_run_on_a_read_only_medium_can_be_looked_at() {
    let home = Home::new();
    let run = home.own_run();
    let before = whole(home.folder());
    for args in [&["runs"][..], &["runs", "show", &run], &["undo", &run, "--dry-run"], &["verify", &run]] {
        let Some(shown) = home.tama_read_only(args) else {
            return skip(Capability::SmallDisk, "no folder can be mounted read-only here");
        };
        assert_eq!(shown.status.code(), Some(0), "{args:?}: {}", text(&shown));
        assert!(!text(&shown).contains("elsewhere"), "{}", text(&shown));
    }
    let refused = home.tama_read_only(&["undo", &run]).unwrap();
    assert!(refused.status.code() == Some(1) && text(&refused).contains("can't be written"), "{}", text(&refused));
    assert_eq!(changed(&before, &whole(home.folder())), Vec::<String>::new());
}
