//! The time that a run waits for a person is no time of work: at a stop, and between its end and a retry.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::support::project::Project;

/// Longer than anything that rounds to seconds hides.
const PAUSE: Duration = Duration::from_secs(2);

fn ms(span: &Json, name: &str) -> u128 {
    span[name].as_u64().unwrap().into()
}

/// The seconds of the header's time after this word.
fn header_seconds(screen: &str, word: &str) -> u64 {
    let text = screen.split(word).nth(1).unwrap_or_else(|| panic!("no {word:?} in\n{screen}"));
    let time: String = text.chars().take_while(|letter| letter.is_ascii_digit() || *letter == ':').collect();
    time.split(':').fold(0, |sum, part| sum * 60 + part.parse::<u64>().unwrap())
}

#[test]
fn a_retry_after_a_long_pause_makes_nothing_longer() {
    let project = Project::writer();
    let mut pty = project.paused();
    let stopped = Instant::now();
    sleep(PAUSE);
    let stood = stopped.elapsed();
    pty.press("c", "✓ finished");
    let ended = Instant::now();
    sleep(PAUSE);
    let idle = ended.elapsed();
    pty.press("r", "Retry main/llm");
    pty.press("\r", "try 2");
    pty.wait("✓ finished");
    let screen = pty.text();
    let (work, open) = (header_seconds(&screen, "work "), header_seconds(&screen, "open "));
    // Each is rounded down.
    assert!(open >= work + 3, "{screen}");
    pty.quit();

    let run = project.json(&["runs", "show", &project.newest()]);
    let spans = run["spans"].as_array().unwrap();
    for span in spans {
        let whole = ms(span, "ended_ms") - ms(span, "started_ms");
        assert_eq!(whole, ms(span, "work_ms") + ms(span, "waited_ms"), "{span}");
    }
    let waited = |path: &str, attempt: u64| {
        let found = spans.iter().find(|span| span["path"] == path && span["try"] == attempt);
        ms(found.unwrap_or_else(|| panic!("no {path} in {run}")), "waited_ms")
    };
    let both = (stood + idle).as_millis();
    for path in ["", "main"] {
        assert!(waited(path, 1) >= both, "{path:?} waited {both} ms at least: {run}");
    }
    assert!(waited("main/tama_files_write", 1) >= stood.as_millis());
    assert_eq!(waited("main/llm#2", 2), 0, "the new try waited for nobody");
}
