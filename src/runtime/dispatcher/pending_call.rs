//! An effect (or an agent's end) that was asked for and not yet given back.

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::ask::{Outcome, Place, Work};
use super::command::ChangesDecision;
use super::exec::TextSoFar;
use crate::model::{Gate, SpanId, TextHash};

/// Something under way.
pub(in super::super) struct PendingCall {
    /// Its span.
    pub span: SpanId,
    /// The span of its agent (for an agent's end: its own).
    pub agent: SpanId,
    /// Where it is.
    pub place: Place,
    /// The effect; `None`: an agent's end.
    pub work: Option<Work>,
    /// Hash of the request that the code made.
    pub request: TextHash,
    /// How far it is.
    pub stage: Stage,
    /// The callers that wait for it.
    pub replies: Vec<oneshot::Sender<Outcome>>,
    /// The task that carries it out.
    pub task: Option<Job>,
    /// The gate after it has been passed already: its changes were asked for there.
    pub looked_after: bool,
    /// The user wants its changes held.
    pub hold: bool,
}

/// A task that carries an effect out.
pub(in super::super) struct Job {
    /// The task.
    pub handle: JoinHandle<()>,
    /// Has it end by itself, with its changes recorded; without one it may be aborted at any point.
    pub stop: Option<CancellationToken>,
    /// The answer of a model as far as it came.
    pub so_far: Option<TextSoFar>,
}

/// How far something under way is.
pub(in super::super) enum Stage {
    /// Stopped before it is sent or run.
    Before,
    /// Being carried out.
    Running,
    /// A command that ended, and its output: its changes are held, and the user looks at them.
    Holding { printed: String, reply: oneshot::Sender<ChangesDecision> },
    /// Recorded, and stopped at a gate after it.
    After { outcome: Outcome },
}

impl PendingCall {
    /// True while it is stopped at a gate.
    pub fn is_paused(&self) -> bool {
        !matches!(self.stage, Stage::Running)
    }

    /// The gate before it.
    pub fn before(&self) -> Gate {
        match self.work {
            Some(Work::Tool { .. }) => Gate::BeforeTool,
            _ => Gate::BeforeLlm,
        }
    }
}
