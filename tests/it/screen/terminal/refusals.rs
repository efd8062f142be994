//! No key is silent: a sample of what the tests without a terminal try for every key in every place.

use crate::support::project::Project;

#[test]
fn a_key_without_a_meaning_is_answered_in_panels_and_popups() {
    let project = Project::writer();
    let mut pty = project.paused();
    pty.press("c", "finished");
    pty.press("gg", "main and below");
    for (keys, shows) in [("2", "2 Detail"), ("4", "4 Log"), ("3", "u undoes #"), ("\x1b", "2 Detail")] {
        pty.press(keys, shows);
        for key in ["~", "&"] {
            pty.press(key, &format!("{key}: no such key here, ? shows all"));
        }
    }
    pty.press("gg", "main and below");
    pty.press("k", "this is the start");
    pty.press("]", "try");
    pty.press("~", "~: no such key after ]");
    for (open, title) in [("?", "Keys"), ("U", "undo 2 actions"), ("r", "Retry main"), ("B", "Breakpoints")] {
        pty.press(open, title);
        for key in ["~", "&"] {
            pty.press(key, &format!("{key}: nothing more here; Esc closes"));
        }
        pty.send("\x1b");
        pty.wait_gone("&: nothing more here");
    }
    pty.quit();
}
