//! README's two stories, played from its own text: whoever reads only the README sees what it says.
//!
//! In a numbered step, backticks hold keys, and straight quotes hold a text that is then on the screen.

mod parse;
mod play;

use crate::support::program;
use parse::stories;
use play::{LINE, Player, SENTENCE};

const README: &str = include_str!("../../../README.md");

/// NOTES.md after the planner.
const LAID_OUT: &str = "(to be written)";
/// NOTES.md after the writer's bad try.
const BAD: &str = "changes EVERYTHING";

#[test]
fn the_loop() {
    let player = Player::new(README, "assets/demo").unwrap();
    let demo = player.project();
    let notes = |text: &str| demo.work("NOTES.md").is_some_and(|notes| notes.contains(text));
    let lost = || demo.work("changes/lost-rows.md").is_some_and(|text| text.contains("#219"));
    let prompt = || demo.read("prompts/writer.md").unwrap();
    player
        .play(&[
            ("PAUSED (before tool, breakpoint)", &|| assert!(notes(LAID_OUT) && !notes(BAD))),
            ("finished: ", &|| assert!(notes(BAD) && !lost() && demo.work("ANNOUNCEMENT.md").is_none())),
            ("u undoes #", &|| assert!(!lost(), "the first press only shows what would be undone")),
            ("1 of 3 undone", &|| assert!(lost() && notes(BAD))),
            ("2 of 3 undone", &|| assert!(notes(LAID_OUT) && !notes(BAD))),
            ("1 edit not in files", &|| assert!(!prompt().contains(SENTENCE))),
            ("writer try 2", &|| assert!(notes(LAID_OUT))),
            ("approved", &|| assert!(notes("a power cut could lose") && notes("1.1.0") && !notes(BAD))),
            ("wrote the prompt of writer", &|| assert!(prompt().contains(SENTENCE))),
            ("5 files ", &|| assert!(demo.work("ANNOUNCEMENT.md").is_some_and(|text| text.contains("1.2.0")))),
        ])
        .unwrap();
    assert_eq!(demo.statuses(), ["ok"]);
}

#[test]
fn when_an_agents_shell_goes_wrong() {
    let player = Player::new(README, "assets/demo/wreck").unwrap();
    let demo = player.project();
    if !program::holds_changes(demo.folder()) {
        return;
    }
    let notes = || demo.work("docs/notes.md").unwrap_or_default();
    let original = || notes().contains("Ask Mara") && !notes().contains(LINE);
    player
        .play(&[
            ("PAUSED (after tool, breakpoint)", &|| assert!(original() && demo.path("work/build").exists())),
            ("7 held changes", &|| assert!(original() && demo.path("work/build").exists())),
            ("finished: ", &|| assert!(!original() && !demo.path("work/build").exists())),
            ("Another program or person", &|| assert!(notes().contains(LINE))),
            ("restored 6/6, read back", &|| {
                assert!(notes().contains(LINE) && demo.path("work/build/log.txt").exists());
            }),
            ("Force the undo of #", &|| assert!(notes().contains(LINE))),
            ("8 of 8 undone", &|| assert!(original())),
        ])
        .unwrap();
    assert_eq!(demo.statuses(), ["ok"]);
}

#[test]
fn a_story_with_a_wrong_step_fails_at_that_step() {
    let spoilt = |from: &str, to: &str| {
        assert_eq!(README.matches(from).count(), 1, "{from}");
        let player = Player::new(&README.replace(from, to), "assets/demo").unwrap();
        player.play(&[]).unwrap_err()
    };
    // Either ends the program, so that what comes next is waited for in vain at once.
    let failure = spoilt("2. Press `c` and watch", "2. Press `Ctrl-c` `Ctrl-c` and watch");
    assert!(failure.starts_with("step 2: ended with 130 before \"This can't go out.\""), "{failure}");
    let failure =
        spoilt("2. Press `c` and watch", "2. Press `q` and `Enter`, and see \"quitting cancels nothing\", and watch");
    assert!(failure.starts_with("step 2: ended with 130 before \"quitting cancels nothing\""), "{failure}");
}

#[test]
fn a_check_that_no_step_reaches_is_an_error() {
    let (before, _) = README.split_once("2. Press `c` and watch").unwrap();
    let player = Player::new(&format!("{before}2. Press `Ctrl-c` `Ctrl-c`.\n"), "assets/demo").unwrap();
    let failure = player.play(&[("PAUSED (before tool", &|| {}), ("nothing like this", &|| {})]).unwrap_err();
    assert_eq!(failure, "no step shows \"nothing like this\"");
    assert_eq!(player.play(&[]).unwrap_err(), "it ends with 130");
}

#[test]
fn both_stories_are_found_and_no_other() {
    let found = stories(README).unwrap();
    let folders: Vec<&str> = found.iter().map(|story| story.folder.as_str()).collect();
    assert_eq!(folders, ["assets/demo", "assets/demo/wreck"]);
    let missing = Player::new(README, "assets/elsewhere").err().unwrap();
    assert!(missing.contains("assets/elsewhere"), "{missing}");
    let none = Player::new("# Nothing\n", "assets/demo").err().unwrap();
    assert!(none.contains("assets/demo"), "{none}");
}
