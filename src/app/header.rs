//! The line at the top: which run, what it does, what it took.

use super::{State, safe};
use crate::model::{RunStatus, SpanId};

/// What the header says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// The pipeline's name.
    pub name: String,
    /// The last part of the run's id.
    pub run: String,
    /// What the run does, in a word or two.
    pub status: String,
    /// Milliseconds since the start.
    pub elapsed: u64,
    /// Tokens so far.
    pub tokens: u64,
    /// Cost so far, in millionths of a US dollar; 0 when no prices are known.
    pub cost: u64,
    /// Whether the cursor follows the newest span.
    pub follow: bool,
    /// Edits that are in no file.
    pub edits: usize,
    /// Events that are not here yet.
    pub lag: u64,
    /// The lane that commands run in, once it is known.
    pub lane: Option<&'static str>,
    /// What can't be enforced for them here: `network, writes outside of the workspace`.
    pub gaps: String,
    /// Applied actions that can't be taken back.
    pub permanent: u32,
}

/// The header of a state.
#[must_use]
pub fn header(state: &State) -> Header {
    let run = &state.run;
    let counts = run.trace.get(SpanId::RUN).map(|found| found.counts).unwrap_or_default();
    Header {
        name: safe::line(&run.name).into_owned(),
        run: run.run.as_ref().map(|run| short(&run.0)).unwrap_or_default(),
        status: status(state),
        elapsed: state.elapsed(SpanId::RUN),
        tokens: counts.usage.input + counts.usage.output,
        cost: counts.cost,
        follow: state.tree.follow,
        edits: state.edits.len(),
        lag: state.lag,
        lane: state.shell.as_ref().map(|mode| mode.lane.name()),
        gaps: state.shell.as_ref().map(|mode| safe::line(&mode.gaps.join(", ")).into_owned()).unwrap_or_default(),
        permanent: counts.permanent,
    }
}

fn status(state: &State) -> String {
    let paused = state.run.trace.paused().count();
    match state.run.status {
        _ if state.run.trace.is_empty() => "starting".into(),
        RunStatus::Interrupted => "interrupted".into(),
        RunStatus::Running if state.closed => "closed".into(),
        RunStatus::Running if state.pausing => "pausing…".into(),
        _ if paused > 0 => format!("{paused} paused"),
        RunStatus::Running => "running".into(),
        RunStatus::Ok if !state.closed => "held at end".into(),
        RunStatus::Ok => "ok".into(),
        other => other.name().into(),
    }
}

/// The part of a run's id that tells runs of one day apart: after its last dash.
fn short(id: &str) -> String {
    safe::line(id.rsplit('-').next().unwrap_or(id)).into_owned()
}
