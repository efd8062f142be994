//! The demo, as the README tells it.

use crate::support::project::Project;
use crate::support::pty::Start;

/// NOTES.md after the planner.
const LAID_OUT: &str = "(to be written)";
/// NOTES.md after the writer's bad try.
const BAD: &str = "changes EVERYTHING";

#[test]
fn a_bad_step_is_taken_back_and_tried_again() {
    let demo = Project::demo();
    let mut pty = Start::tama(demo.folder(), &["."]).at(140, 42);
    let notes = |text: &str| demo.work("NOTES.md").is_some_and(|notes| notes.contains(text));

    pty.wait("PAUSED (before tool");
    pty.assert_taken();
    assert!(notes(LAID_OUT) && !notes(BAD), "it stopped before the file was written");
    pty.press("c", "finished");
    assert!(notes(BAD) && demo.work("changes/lost-rows.md").is_none(), "the bad step happened");
    assert!(demo.work("ANNOUNCEMENT.md").is_none());

    // From the reviewer's last call, where the run ended, to the writer.
    pty.press("hkh", "editor › writer ┐");
    pty.press("u", "u undoes");
    assert!(demo.work("changes/lost-rows.md").is_none(), "the first press only shows what would be undone");
    pty.press("u", "1 of 3 undone");
    assert!(demo.work("changes/lost-rows.md").is_some_and(|text| text.contains("#219")), "the deleted file is back");
    assert!(notes(BAD));
    pty.press("u", "2 of 3 undone");
    assert!(notes(LAID_OUT) && !notes(BAD), "the file's old bytes are back");
    pty.press("u", "3 of 3 undone");
    pty.press("\x12", "2 of 3 undone");
    pty.press("U", "undo 1 action, newest first");
    assert!(pty.text().contains("audience"));
    pty.press("\r", "3 of 3 undone");

    pty.press("e", "Ctrl-s save");
    pty.press("Mind the readers. ", "Mind the readers. You write");
    pty.press("\x13", "1 edit not in files");
    pty.press("r", "Retry editor/writer");
    assert!(pty.text().contains("reuse "), "{}", pty.text());
    pty.press("\r", "PAUSED (before tool");
    pty.wait("writer try 2");
    assert!(notes(LAID_OUT));
    pty.press("c", "finished");
    assert!(notes("a power cut could lose") && notes("1.1.0"), "{:?}", demo.work("NOTES.md"));
    assert!(demo.work("ANNOUNCEMENT.md").is_some_and(|text| text.contains("1.2.0 is out")), "published");
    pty.send("q");
    assert_eq!(pty.end(), 0);
    pty.assert_restored();
    assert_eq!(demo.statuses(), ["ok"]);
}
