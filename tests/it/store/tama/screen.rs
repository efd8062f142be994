//! A run of tama's on the screen, in a real terminal.

use super::story::{actions, rows};
use crate::support::manifest::manifest;
use crate::support::pty::Start;
use crate::support::tama_db::{KINDS, TamaProject};

#[test]
fn a_run_is_chosen_shown_and_never_undone() {
    for kind in KINDS {
        let project = TamaProject::new(kind, &rows(), Some(&actions()));
        let before = manifest(&project.data());
        let database = project.database();
        let mut pty = Start::tama(project.path(), &["replay", "--db", database.to_str().unwrap()]).at(140, 42);
        pty.wait("✓ finished");
        // Newest first; the one that ended well is the last of three.
        pty.send("G\r");
        pty.wait("only looked at");
        // The last row that is looked for: a large tree is drawn as it comes.
        pty.press("Z", "variant 1");
        // The last panel that is looked at: a frame comes in parts.
        pty.wait_for("what tama recorded", |screen| {
            let text = screen.contents();
            text.contains("key") && text.contains("title") && text.contains("Rollback")
        });
        let text = pty.text();
        let row =
            |name: &str| text.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        assert!(row("alpha").contains("time unknown") && row("alpha").contains("6.0s"), "{text}");
        assert!(row("variant 1").contains("time unknown"), "{text}");
        assert!(row("checks").contains('━') && !row("checks").contains("time unknown"), "{text}");
        assert!(row("try 2").contains("writer"), "{text}");
        // `u` says why it stays.
        pty.press("u", "tama recorded this run");
        pty.press("U", "tama recorded this run");
        pty.press("r", "tama recorded this run");
        pty.quit();
        assert!(manifest(&project.data()) == before, "{kind:?}");
    }
}

#[test]
fn what_tama_did_not_record_is_said_in_detail() {
    let kind = KINDS[1];
    let project = TamaProject::new(kind, &rows(), Some(&actions()));
    let database = project.database();
    let mut pty = Start::tama(project.path(), &["replay", "1111", "--db", database.to_str().unwrap()]).at(140, 42);
    pty.wait("only looked at");
    pty.press("Zgg", "flow");
    pty.press("/critique\r", "not recorded by tama");
    pty.wait("too long");
    pty.quit();
}
