//! From a key to the screen that shows what it did: the whole program in a terminal of 140x42, as a person has it.
//!
//! Printed for each scene are milliseconds, median, 99th percentile and longest. The scene "at rest" is the baseline: a
//! small run that has ended. What the terminal's other end takes to read the frame is in every figure.
//!
//! "500 workers" runs live meanwhile, as fast as it can, and is recorded; its rate is printed too. "10 MB answer" has the
//! answer in the panel. "10,000 actions" has them in the rollback panel. "seek" goes through a run of a million events.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark without a terminal has nothing to tell")]

#[allow(dead_code, reason = "other benchmarks need more of it")]
mod common;
#[path = "../tests/it/support/pty.rs"]
#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "the tests need more of it, and it is theirs")]
mod pty;
#[path = "common/stored.rs"]
mod stored;
#[path = "common/workers.rs"]
mod workers;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{is_measured, project, runtime};
use pty::{Pty, Start};
use tama_tui::store::DataDir;

/// The place of the module that the terminal asks for the settings it starts programs with.
mod program {
    pub fn no_settings() -> std::path::PathBuf {
        std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no-settings")
    }
}

const KEYS: usize = 200;
const EVENTS: usize = 1_000_000;
/// Between two keys: a held key repeats as often.
const PAUSE: Duration = Duration::from_millis(30);

const ONE_CALL: &str = r#"
[pipeline]
name = "answer"
entrypoint = "lead"
task = "go"
workspace = "work"
[models]
default = "script:replies.toml"
[agents.lead]
pattern = "react"
prompt = "Say."
"#;

/// A key, and whether a screen shows what it did, given the text before.
type Key = (&'static str, Box<dyn Fn(&str, &str) -> bool>);

/// Sends keys one after the other, and prints how long each took. `key`: the key of a turn.
fn measure(name: &str, pty: &mut Pty, key: impl Fn(usize) -> Key) {
    let mut took: Vec<f64> = (0..KEYS)
        .map(|turn| {
            std::thread::sleep(PAUSE);
            let (key, shows) = key(turn);
            let before = pty.text();
            let started = Instant::now();
            pty.send(key);
            pty.wait_for(key, |screen| shows(&before, &screen.contents()));
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    println!("{name:<26} {:>6} {:>8.1} {:>8.1} {:>8.1}", took.len(), at(50), at(99), took[took.len() - 1]);
}

/// Down and up between the first two spans.
fn down_and_up(turn: usize) -> Key {
    let (key, shows) = if turn.is_multiple_of(2) { ("j", "Spans 2 of") } else { ("k", "Spans 1 of") };
    (key, Box::new(move |_, text| text.contains(shows)))
}

/// Back by one event.
fn back(_: usize) -> Key {
    let place = |text: &str| {
        text.split_once(" PAST ").and_then(|(_, after)| after.split_once(" of")).map(|(at, _)| at.to_owned())
    };
    (",", Box::new(move |before, text| place(text).is_some_and(|at| Some(at) != place(before))))
}

fn open(folder: &Path, args: &[&str]) -> Pty {
    Start::tama(folder, args).at(140, 42)
}

fn quit(mut pty: Pty) {
    // It may ask whether the run is to be cancelled.
    pty.send("q\r");
    pty.end();
}

/// Runs a project to its end without a screen; returns the run.
fn ran(folder: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tama-tui"));
    let output = command.args(["run", "."]).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}", said.lines().rev().take(3).collect::<Vec<_>>().join("; "));
    DataDir::open_or_create(folder.join(".tama")).unwrap().runs().unwrap()[0].id.0.clone()
}

/// A run that has ended, with so many workers: all their actions are in the rollback panel with the first span.
fn past(name: &str, workers: u32) {
    let folder = project(workers::PIPELINE, &workers::replies(workers));
    let run = ran(folder.path());
    let mut pty = open(folder.path(), &["replay", &run]);
    pty.wait("retry lead");
    measure(name, &mut pty, down_and_up);
    quit(pty);
}

/// Workers that all do the same: their script is short, and is read in no time.
fn alike(workers: u32) -> String {
    let set = |call: u32| {
        let set = format!("name = \"tama_mem_set\", args = {{ key = \"k.{call}\", value = \"v\" }}");
        format!("[[reply]]\nagent = \"lead/w*\"\ncall = {call}\ncalls = [{{ {set} }}]\n")
    };
    [workers::items(workers), set(1), set(2), "[[reply]]\nagent = \"*\"\ntext = \"done\"\n".to_owned()].concat()
}

fn live() {
    let pipeline = workers::PIPELINE.replace("max_parallel = 64", "max_parallel = 500");
    let folder = project(&pipeline, &alike(20_000));
    let mut pty = open(folder.path(), &["."]);
    pty.wait("w#500");
    pty.press("gg", "Spans 1 of");
    let started = Instant::now();
    measure("500 workers, live", &mut pty, down_and_up);
    let spans = |pty: &Pty| {
        let text = pty.text();
        let (_, after) = text.split_once("Spans 1 of ").unwrap_or_default();
        after.chars().filter(|letter| *letter != ',').take_while(char::is_ascii_digit).collect::<String>()
    };
    println!("  meanwhile {} spans in {:.1} s", spans(&pty), started.elapsed().as_secs_f64());
    quit(pty);
}

fn answer() {
    let text = "a line of an answer that is very long, and is read by nobody\\n".repeat(170_000);
    let replies = format!("[[reply]]\nagent = \"*\"\ntext = \"{text}\"\n");
    let folder = project(ONE_CALL, &replies);
    let run = ran(folder.path());
    let mut pty = open(folder.path(), &["replay", &run]);
    pty.wait("retry lead");
    measure("10 MB answer", &mut pty, down_and_up);
    quit(pty);
}

fn seek() {
    let folder = stored::project();
    let run = stored::make(&runtime(), folder.path(), false, EVENTS);
    let mut pty = open(folder.path(), &["replay", &run.0]);
    pty.wait("retry lead");
    measure("seek, 1,000,000 events", &mut pty, back);
    quit(pty);
}

fn main() {
    if !is_measured() {
        return;
    }
    println!("{:<26} {:>6} {:>8} {:>8} {:>8}", "ms", "keys", "p50", "p99", "longest");
    past("at rest, 10 actions", 5);
    past("10,000 actions", 5_000);
    answer();
    live();
    seek();
}
