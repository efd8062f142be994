//! The line at the top: which run, what it does, what it took.

use super::{State, pause_title, pause_word, safe};
use crate::model::{RunStatus, SpanId};

/// The texts of the header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// The pipeline's name.
    pub name: String,
    /// The last part of the run's id.
    pub run: String,
    /// The run's state: `PAUSED (before tool, breakpoint)`.
    pub status: String,
    /// The same, shorter: `1 PAUSED`.
    pub short_status: String,
    /// Milliseconds since the start.
    pub elapsed: u64,
    /// Tokens so far.
    pub tokens: u64,
    /// Cost so far, in millionths of a US dollar; 0 when no prices are known.
    pub cost: u64,
    /// True while the cursor follows the newest span.
    pub follow: bool,
    /// Edits that are in no file.
    pub edits: usize,
    /// Events that are not here yet.
    pub lag: u64,
    /// The sandbox of commands, once it is known: `sandbox on`, `SANDBOX OFF: network, files outside`.
    pub sandbox: Option<String>,
    /// True when the sandbox leaves something open.
    pub is_open: bool,
    /// Applied actions that have no undo.
    pub permanent: u32,
}

/// The header of a state.
#[must_use]
pub fn header(state: &State) -> Header {
    let run = &state.run;
    let counts = run.trace.get(SpanId::RUN).map(|found| found.counts).unwrap_or_default();
    let (status, short_status) = status(state);
    Header {
        name: safe::line(&run.name).into_owned(),
        run: run.run.as_ref().map(|run| short(&run.0)).unwrap_or_default(),
        status,
        short_status,
        elapsed: state.elapsed(SpanId::RUN),
        tokens: counts.usage.input + counts.usage.output,
        cost: counts.cost,
        follow: state.tree.follow,
        edits: state.edits.len(),
        lag: state.lag,
        sandbox: state.shell.as_ref().map(|mode| safe::line(&mode.sandbox()).into_owned()),
        is_open: state.shell.as_ref().is_some_and(|mode| !mode.gaps.is_empty()),
        permanent: counts.permanent,
    }
}

/// The run's state, in full and shorter.
fn status(state: &State) -> (String, String) {
    let same = |word: &str| (word.to_owned(), word.to_owned());
    match state.run.status {
        _ if state.run.trace.is_empty() => same("starting"),
        RunStatus::Interrupted => same("interrupted"),
        RunStatus::Running if state.closed => same("closed"),
        RunStatus::Running if state.pausing => same("pausing…"),
        _ if state.run.trace.paused().next().is_some() => stops(state),
        RunStatus::Running => same("running"),
        RunStatus::Ok if !state.closed => ("finished: u undo  r retry  q quit".into(), "finished".into()),
        RunStatus::Ok => same("ok"),
        RunStatus::Failed => same("FAILED"),
        other @ RunStatus::Cancelled => same(other.name()),
    }
}

/// The stopped spans: the only one by its place, several counted by what they wait for, those that matter most first.
fn stops(state: &State) -> (String, String) {
    const ORDER: [&str; 4] = ["NEEDS APPROVAL", "CONFLICT", "FAILED", "PAUSED"];
    let trace = &state.run.trace;
    let stops: Vec<_> = trace.paused().filter_map(|span| trace.pause(span)).collect();
    let count = |word: &str| stops.iter().filter(|(_, reason)| pause_word(reason) == word).count();
    let counted: Vec<String> = ORDER
        .into_iter()
        .map(|word| (count(word), word))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    let counted = counted.join(", ");
    match stops.as_slice() {
        [(gate, reason)] if pause_word(reason) == "PAUSED" => (pause_title(*gate, reason), counted),
        _ => (counted.clone(), counted),
    }
}

/// The part of a run's id that tells runs of one day apart: after its last dash.
fn short(id: &str) -> String {
    safe::line(id.rsplit('-').next().unwrap_or(id)).into_owned()
}
