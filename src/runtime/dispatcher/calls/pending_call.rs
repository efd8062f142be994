//! An effect (or an agent's start or end) that was asked for and not yet given back.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::command::ChangesDecision;
use super::super::exec::TextSoFar;
use super::super::open_files::OpenLook;
use super::super::permits::{HeldPermit, Permit};
use super::super::turn::Turn;
use crate::model::{Gate, SpanId, TextHash};
use crate::runtime::ask::{Begin, Outcome, SpanPosition, Work};
use crate::runtime::failure::{Failure, Halt};

/// Something under way.
pub(in super::super::super) struct PendingCall {
    /// Its span.
    pub(super) span: SpanId,
    /// The span of its agent (for an agent's start or end: its own).
    pub(super) agent: SpanId,
    /// Where it is.
    pub(super) position: SpanPosition,
    /// The effect; `None`: an agent's start or end, or a divergence.
    pub(super) work: Option<Work>,
    /// Hash of the request that the code made.
    pub(super) request: TextHash,
    /// How far it is.
    pub(super) stage: Stage,
    /// The callers that wait for it.
    pub(super) replies: Vec<Caller>,
    /// The task that carries it out.
    pub(super) task: Option<Job>,
    /// The gate after it has been passed already: its changes were asked for there.
    pub(super) looked_after: bool,
    /// The user wants its changes held.
    pub(super) hold: bool,
    /// Set when it writes a file that the pipeline is made of.
    pub(super) own_file: Option<String>,
    /// The files that were open when its command was looked at.
    pub(super) open: Option<OpenLook>,
    /// The permit with which it starts.
    pub(super) permit: Option<Permit>,
}

/// Pattern code that waits for an answer.
#[derive(Debug)]
pub(in super::super::super) enum Caller {
    /// For an outcome of an effect or an agent.
    Outcome(oneshot::Sender<Outcome>),
    /// For an agent's start.
    Start(oneshot::Sender<Result<Begin, Failure>>),
}

impl Caller {
    /// Sends the outcome. An agent whose start is pending gets failures only.
    pub fn reply(self, outcome: Outcome) {
        // Pattern code that was dropped since doesn't wait any more.
        match (self, outcome) {
            (Self::Outcome(reply), outcome) => drop(reply.send(outcome)),
            (Self::Start(reply), Err(failure)) => drop(reply.send(Err(failure))),
            (Self::Start(_), Ok(_)) => {}
        }
    }
}

/// A task that carries an effect out.
pub(in super::super::super) struct Job {
    /// The task.
    pub handle: JoinHandle<()>,
    /// Has it end by itself, with its changes recorded; without one it may be aborted at any point.
    pub stop: Option<CancellationToken>,
    /// Decides if a tool begins once it has its lock.
    pub turn: Turn,
    /// The answer of a model as far as it came.
    pub so_far: Option<TextSoFar>,
    /// Its permit, which is held until its outcome is recorded: a limit counts what it used before the next starts.
    #[expect(dead_code, reason = "it is held, and given back when it is dropped")]
    pub permit: Option<Arc<HeldPermit>>,
}

impl Job {
    /// Asks the task to end. True: a tool, which ends by itself, so that what it did is recorded; a model call may end
    /// anywhere.
    pub fn ask_to_stop(&self) -> bool {
        match &self.stop {
            Some(stop) => stop.cancel(),
            None => self.handle.abort(),
        }
        self.stop.is_some()
    }

    /// Has a tool that has not begun wait again: its task ends for nothing. Returns false when it has begun.
    pub fn withdraw(&self) -> bool {
        self.turn.withdraw() && self.ask_to_stop()
    }

    /// Ends the task wherever it is.
    pub fn cut_off(&self) {
        self.handle.abort();
    }
}

/// How far something under way is.
pub(in super::super::super) enum Stage {
    /// Its divergence from the record is being read.
    Comparing,
    /// The files that it would write are being looked at.
    Looking,
    /// Stopped before it is sent or run.
    Before,
    /// About to start, and waiting for a permit.
    Queued,
    /// A question to a person, who has not answered it.
    Asking,
    /// Being carried out.
    Running,
    /// A command that ended, and its output: its changes are held, and the user looks at them.
    Holding { printed: String, reply: oneshot::Sender<ChangesDecision> },
    /// Recorded, and stopped at a gate after it.
    After { outcome: Outcome },
}

impl PendingCall {
    /// Something under way that no task carries out yet.
    pub fn new(
        (span, agent): (SpanId, SpanId),
        position: SpanPosition,
        request: TextHash,
        stage: Stage,
        caller: Caller,
    ) -> Self {
        let replies = vec![caller];
        Self {
            span,
            agent,
            position,
            work: None,
            request,
            stage,
            replies,
            task: None,
            looked_after: false,
            hold: false,
            own_file: None,
            open: None,
            permit: None,
        }
    }

    /// An effect that was just asked for.
    pub fn of(work: Work, spans: (SpanId, SpanId), position: SpanPosition, caller: Caller, request: TextHash) -> Self {
        Self { work: Some(work), ..Self::new(spans, position, request, Stage::Before, caller) }
    }

    /// Its span.
    pub fn span(&self) -> SpanId {
        self.span
    }

    /// The span of its agent (for an agent's start or end: its own).
    pub fn agent(&self) -> SpanId {
        self.agent
    }

    /// Its place.
    pub fn position(&self) -> &SpanPosition {
        &self.position
    }

    /// The effect; `None`: an agent's start or end, or a divergence.
    pub fn work(&self) -> Option<&Work> {
        self.work.as_ref()
    }

    /// How far it is.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The effect, while it is stopped before it is sent or run.
    pub fn upcoming(&self) -> Option<&Work> {
        self.work.as_ref().filter(|_| matches!(self.stage, Stage::Before))
    }

    /// Set when it writes a file that the pipeline is made of.
    pub fn own_file(&self) -> Option<&String> {
        self.own_file.as_ref()
    }

    /// The files that were open when its command was looked at; `None`: it was not.
    pub fn open_files(&self) -> Option<&OpenLook> {
        self.open.as_ref()
    }

    /// True while a task carries it out.
    pub fn has_task(&self) -> bool {
        self.task.is_some()
    }

    /// True when its task ends for nothing, because a retry has it wait again.
    pub fn is_withdrawn(&self) -> bool {
        self.task.as_ref().is_some_and(|task| task.turn.is_withdrawn())
    }

    /// True when the gate after it has been passed already.
    pub fn is_looked_after(&self) -> bool {
        self.looked_after
    }

    /// True when the user wants its changes held.
    pub fn wants_hold(&self) -> bool {
        self.hold
    }

    /// True for an agent that may not start, because its input is another one than is recorded.
    pub fn is_start(&self) -> bool {
        matches!(self.replies.first(), Some(Caller::Start(_)))
    }

    /// True while it is stopped at a divergence.
    pub fn has_diverged(&self) -> bool {
        matches!(self.stage, Stage::Comparing | Stage::After { outcome: Err(Failure::Halt(Halt::Diverged(_))) })
    }

    /// True while it is stopped at a gate, or waits for a person's answer.
    pub fn is_paused(&self) -> bool {
        !matches!(self.stage, Stage::Running | Stage::Queued | Stage::Comparing | Stage::Looking)
    }

    /// True while the call of a span waits for a permit.
    pub fn is_queued(&self, span: SpanId) -> bool {
        self.span == span && matches!(self.stage, Stage::Queued)
    }

    /// True while it waits for a person's answer.
    pub fn is_asking(&self) -> bool {
        matches!(self.stage, Stage::Asking)
    }

    /// True while the changes of its command are held.
    pub fn holds_changes(&self) -> bool {
        matches!(self.stage, Stage::Holding { .. })
    }

    /// The gate before it.
    pub fn before(&self) -> Gate {
        match self.work {
            Some(Work::Tool { .. }) => Gate::BeforeTool,
            _ => Gate::BeforeLlm,
        }
    }

    /// The gate after it, when all went well.
    pub fn after(&self) -> Gate {
        match self.work {
            Some(Work::Tool { .. }) => Gate::AfterTool,
            Some(Work::Llm(_)) => Gate::AfterLlm,
            Some(Work::Human { .. }) | None => Gate::AfterAgent,
        }
    }
}
