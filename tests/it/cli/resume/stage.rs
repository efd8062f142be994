//! What a killed run and its resume came to, and the ways to kill it.

use std::process::{Command as Process, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tama_tui::model::{KeyState, RunState};
use tama_tui::store::{Access, DataDir};

use super::kinds::ALLOW;
use crate::cli::cli::stderr;
use crate::support::manifest::{Manifest, manifest};
use crate::support::program;
use crate::support::project::Project;

/// The charges that were made, sorted.
pub fn charges(project: &Project) -> Vec<String> {
    let mut calls: Vec<String> = project.read("calls").unwrap().lines().map(str::to_owned).collect();
    calls.sort();
    calls
}

/// The files and the memory that a run came to, and its output.
#[derive(Debug, PartialEq)]
pub struct Result {
    pub files: Manifest,
    pub memory: Vec<(String, Vec<String>)>,
    pub status: String,
}

impl Result {
    pub fn of(project: &Project) -> Self {
        let data = DataDir::open_or_create(project.path(".tama")).unwrap();
        let folder = data.find(&project.newest()).unwrap();
        let opened = folder.open(Box::new(|_| {}), Access::ReadOnly).unwrap();
        assert_eq!(opened.damage, [""; 0]);
        let (memory, status) = opened.log.with(|state: &RunState| (state.ledger.all_memory(), state.status));
        let show = |state: KeyState| match state {
            KeyState::Text { text } => vec![text],
            KeyState::List { elements } => elements.into_iter().map(|element| element.text).collect(),
            other => vec![format!("{other:?}")],
        };
        Self {
            files: manifest(&project.path("work")),
            memory: memory.into_iter().map(|(name, state)| (name, show(state))).collect(),
            status: status.name().to_owned(),
        }
    }
}

/// A way to die.
#[derive(Debug, Clone)]
pub enum Death {
    /// At a crash point, when it is passed for the n-th time.
    Point(String),
    /// By a kill after so long.
    Kill(Duration),
}

/// Runs the program until it dies, or ends before that; true if it died.
pub fn run_until(project: &Project, args: &[&str], death: &Death) -> bool {
    let mut command: Process = program::command();
    command.args(args).current_dir(project.folder()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Death::Point(point) = death {
        command.env("TAMA_TUI_CRASH_POINT", point);
    }
    let mut child = command.spawn().unwrap();
    if let Death::Kill(after) = death {
        let end = Instant::now() + *after;
        while Instant::now() < end && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
    }
    child.wait().unwrap().code().is_none()
}

/// Tries to resume the newest run with no decision; returns the calls that need one: their paths, and the command or
/// request of each.
pub fn questions(project: &Project) -> (Output, Vec<(String, String)>) {
    let run = project.newest();
    let output = project.tama(&[&["resume", &run, "--json"], &ALLOW[..]].concat());
    let shown: Json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let asked = shown["questions"].as_array().cloned().unwrap_or_default();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let asked = asked.iter().map(|question| (text(&question["path"]), text(&question["what"]))).collect();
    (output, asked)
}

/// The arguments that decide each question as the service has it: what it counted was done.
pub fn decisions(project: &Project, asked: &[(String, String)]) -> Vec<String> {
    let made = charges(project);
    asked
        .iter()
        .flat_map(|(path, what)| {
            let id = made.iter().find(|id| what.split([' ', '/']).any(|part| part == *id));
            let said = |id| ["--done".to_owned(), format!("{path}=charged {id}\n")];
            id.map_or_else(|| ["--again".to_owned(), path.clone()], said)
        })
        .collect()
}

/// Executes the newest run again from its record.
pub fn verify(project: &Project) {
    let run = project.newest();
    let output = project.tama(&["verify", &run]);
    assert_eq!(output.status.code(), Some(0), "{run}: {}", stderr(&output));
}
