//! The bytes that are written to the terminal.

use std::time::Duration;

use serde_json::json;

use crate::support::project::Project;
use crate::support::pty::{Pty, Start};
use crate::support::sketch::Sketch;

fn contains(pty: &Pty, bytes: &[u8]) -> bool {
    pty.bytes.windows(bytes.len()).any(|window| window == bytes)
}

/// The parameters of every SGR sequence.
fn colours(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut found = Vec::new();
    for part in text.split("\x1b[").skip(1) {
        let end = part.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(part.len());
        if part[end..].starts_with('m') {
            found.push(part[..end].to_owned());
        }
    }
    found
}

fn is_colour(parameters: &str) -> bool {
    let first = parameters.split([';', ':']).next().and_then(|code| code.parse().ok()).unwrap_or(0);
    matches!(first, 30..=38 | 40..=48 | 90..=97 | 100..=107)
}

#[test]
fn no_color_means_none() {
    let project = Project::writer();
    let mut pty = Start::tama(project.folder(), &["."]).env("NO_COLOR", "1").at(110, 30);
    pty.wait("PAUSED (before tool");
    pty.press("?", "Keys");
    let used = colours(&pty.bytes);
    assert!(!used.iter().any(|parameters| is_colour(parameters)), "{used:?}");

    let pty = project.paused();
    assert!(colours(&pty.bytes).iter().any(|parameters| is_colour(parameters)), "with colours it has some");
}

#[test]
fn nothing_is_written_while_nothing_happens() {
    let project = Project::writer();
    let mut pty = Start::tama(project.folder(), &["."]).at(140, 42);
    pty.wait("PAUSED (before tool");
    pty.wait("rerun ");
    // What belongs to the pause may still come in; then it is silent.
    let silent = (0..5).any(|_| pty.bytes_within(Duration::from_secs(1)) == 0);
    assert!(silent, "it goes on drawing:\n{}", pty.text());
    pty.press("c", "finished");
    let silent = (0..5).any(|_| pty.bytes_within(Duration::from_secs(1)) == 0);
    assert!(silent, "it goes on drawing at the end:\n{}", pty.text());
}

#[test]
fn copied_text_goes_to_the_clipboard() {
    let project = Project::writer();
    let mut pty = project.paused();
    pty.press("gg", "▾ prompt");
    pty.press("y", "path copied");
    // "main", in base64.
    assert!(contains(&pty, b"\x1b]52;c;bWFpbg==\x1b\\"), "{}", String::from_utf8_lossy(&pty.bytes));
}

#[test]
fn hostile_text_stays_text() {
    // In turn: a title, the clipboard, a clear, a colour by C1, a bell, turned-around text, another screen.
    let evil =
        "\u{1b}]0;owned\u{7}\u{1b}]52;c;b3duZWQ=\u{7}\u{1b}[2J\u{9b}31mred\u{202e}dnuora\u{1b}[?1049l\u{90}q\u{9c}";
    let file = json!({ "path": "a\u{1b}]0;owned\u{7}b.txt", "content": evil });
    let first = [
        ("tama_mem_set", json!({ "key": evil, "value": evil })),
        ("tama_files_write", file),
        ("tama_files_read", json!({ "path": evil })),
        (evil, json!({ evil: evil })),
    ];
    let project = Sketch::with_task("hostile", "main", evil)
        .react("main", evil, &["tama_files_write", "tama_mem_set", "tama_files_read"])
        .stop_before("tama_files_write")
        .says("main", 1, evil, &first)
        .says("main", 2, evil, &[("finish", json!({ "key": evil, "value": evil }))])
        .project();
    let mut pty = Start::tama(project.folder(), &["."]).env("TAMA_TUI_NOTIFY", "title").at(140, 42);
    pty.wait("PAUSED (before tool");
    // What could be read of it is read: every panel, every span, the log, the questions.
    for keys in ["54hj", "54hk", "54hk", "54hk", "34hgg"] {
        pty.send(keys);
        pty.press("4", ": PAUSED (before tool");
        pty.press("2", "mred");
    }
    pty.press("C", "finished");
    pty.press("54hgg", "main and below");
    pty.press("U", "undo 2 actions");
    pty.send("n");
    pty.wait_gone("undo 2 actions");
    pty.send("e");
    pty.wait("Ctrl-s save");
    pty.send("\x03\x03");
    pty.end();
    pty.assert_restored();
    assert_harmless(&pty, "hostile");

    let run = project.newest();
    let mut pty = Start::tama(project.folder(), &["replay", &run]).env("TAMA_TUI_NOTIFY", "title").at(140, 42);
    pty.wait("mred");
    pty.press("4", "4 Log");
    pty.send("\x03\x03");
    pty.end();
    assert_harmless(&pty, "hostile");
}

/// Removes the titles that the program writes itself, about a run of that name.
fn without_titles(text: &str, run: &str) -> String {
    let about = format!(" · {run}");
    let mut parts = text.split("\x1b]2;");
    let mut left = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (title, rest) = part.split_once("\x1b\\").unwrap();
        assert!(title.is_empty() || title.ends_with(&about) || title.ends_with(" · tama-tui"), "{title:?}");
        assert!(!title.contains(char::is_control), "{title:?}");
        left.push_str(rest);
    }
    left
}

/// Asserts that no sequence came through that the program does not write itself. `run`: the name of the run in titles.
pub(super) fn assert_harmless(pty: &Pty, run: &str) {
    let text = without_titles(std::str::from_utf8(&pty.bytes).unwrap(), run);
    assert!(!text.contains("\x1b]"), "a title or the clipboard");
    assert!(!text.contains("\x1bP") && !text.contains('\x07'), "a device string or a bell");
    assert!(!text.chars().any(|letter| ('\u{80}'..='\u{9f}').contains(&letter)), "C1");
    assert!(!text.contains('\u{202e}'), "turned-around text");
    assert_eq!(text.matches("\x1b[?1049l").count(), 1, "it left the screen once, at its end");
}
