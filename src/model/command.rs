//! Commands: what the user can ask of a run.

use serde::{Deserialize, Serialize};

use super::{
    Breakpoint, DiffSides, EditPart, ForkHow, MomentAsked, ResumeDecision, ResumePlan, RetryEdits, RetryPlan, Seq,
    SpanId, TrySettings,
};

/// Where a span can stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// Before a model call is sent.
    BeforeLlm,
    /// After its response.
    AfterLlm,
    /// Before a tool runs.
    BeforeTool,
    /// After its result.
    AfterTool,
    /// After an agent finished.
    AfterAgent,
    /// On an error.
    Error,
}

impl Gate {
    /// Every gate.
    pub const ALL: [Gate; 6] =
        [Self::BeforeLlm, Self::AfterLlm, Self::BeforeTool, Self::AfterTool, Self::AfterAgent, Self::Error];

    /// The name used in pipeline.toml.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeLlm => "before-llm",
            Self::AfterLlm => "after-llm",
            Self::BeforeTool => "before-tool",
            Self::AfterTool => "after-tool",
            Self::AfterAgent => "after-agent",
            Self::Error => "error",
        }
    }

    /// The words on the screen: `before tool`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BeforeLlm => "before llm",
            Self::AfterLlm => "after llm",
            Self::BeforeTool => "before tool",
            Self::AfterTool => "after tool",
            Self::AfterAgent => "after agent",
            Self::Error => "on failure",
        }
    }

    /// True while nothing has been sent or run.
    #[must_use]
    pub fn is_before(self) -> bool {
        matches!(self, Self::BeforeLlm | Self::BeforeTool)
    }
}

/// How a stopped span is let go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Release {
    /// Continues freely. Never answers an approval, and never applies held changes. `tell`: first lets the model of an
    /// agent whose effects were undone know it.
    Continue {
        /// Tell the model.
        notify_model: bool,
    },
    /// To the next gate anywhere in this branch.
    Step,
    /// To the next gate at this depth or above.
    StepOver,
    /// To the end of this agent.
    StepOut,
    /// Allows the tool that needs an approval.
    Allow(Allow),
    /// Denies the tool that needs an approval; it does not run.
    Deny {
        /// A word to the model; empty for none.
        why: String,
    },
    /// Applies held changes.
    Apply {
        /// These of them, with those that can't stay behind; empty: all.
        only: Vec<Seq>,
        /// Tell the model of an agent whose effects were undone.
        notify_model: bool,
    },
    /// Discards held changes, and lets the model know.
    Discard {
        /// These of them, with those that can't stay behind; empty: all.
        only: Vec<Seq>,
    },
    /// The answer is taken in the effect's place: a response's text, or a tool's result.
    Answer {
        /// The answer.
        text: String,
    },
}

/// How far an approval reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allow {
    /// This call.
    Once,
    /// This call; its changes are held until the user looked at them.
    Held,
    /// This tool with exactly these arguments, for the rest of the run's generation.
    Always,
}

/// How long an edit lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditScope {
    /// For the rest of the agent's try, and for the tries that follow.
    Agent,
    /// For this call only.
    Call,
    /// For the next retry or fork of the span only.
    Retry,
}

/// A command of the user to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Lets a paused span go.
    Release {
        /// The paused span, or one above it (then every paused span below is meant).
        span: SpanId,
        /// How.
        how: Release,
    },
    /// Lets every paused span go on freely.
    ReleaseAll,
    /// Stops every branch at its next gate.
    Pause,
    /// Asks for the text that can be edited for a span (answered by [`super::Update::Editable`]).
    Edit {
        /// An agent, llm or tool span.
        span: SpanId,
    },
    /// Asks for a part of a span as it was, to edit it for a retry or fork (answered by [`super::Update::Editable`]).
    EditPart {
        /// The span.
        span: SpanId,
        /// The part.
        part: EditPart,
    },
    /// Takes an edited text: at a gate for what is about to be sent, otherwise for the agent's next try.
    SaveEdit {
        /// The span that [`Command::Edit`] named.
        span: SpanId,
        /// The whole text, as [`super::Editable`] had it, changed.
        text: String,
        /// How long it lasts.
        scope: EditScope,
    },
    /// Writes every edited prompt into its file.
    WriteBack,
    /// Undoes one action.
    Undo {
        /// The action.
        action: Seq,
        /// Even over a conflict.
        force: bool,
    },
    /// Undoes what is applied in a span, newest first, until none is left or one conflicts.
    UndoSpan {
        /// The span.
        span: SpanId,
        /// With every span below it.
        deep: bool,
        /// Actions to leave.
        skip: Vec<Seq>,
    },
    /// Undoes the listed actions, in that order (what a conflict offered).
    UndoList {
        /// The actions.
        actions: Vec<Seq>,
    },
    /// Redoes one undone action.
    Redo {
        /// The action.
        action: Seq,
    },
    /// Asks what a retry would do (answered by [`super::Update::Plan`]).
    Plan {
        /// The span.
        span: SpanId,
    },
    /// Carries a plan out, as it was shown.
    Retry {
        /// The plan; refused when the run has moved on in a way that changes it.
        plan: Box<RetryPlan>,
        /// True if siblings that read what is undone are rerun too.
        with_readers: bool,
    },
    /// Carries a plan out, as it was shown, with edits that hold for this retry.
    RetryEdited {
        /// The plan.
        plan: Box<RetryPlan>,
        /// The edits.
        edits: Box<RetryEdits>,
        /// True if siblings that read what is undone are rerun too.
        with_readers: bool,
    },
    /// Carries a plan out several times, each undone before the next (answered by [`super::Update::Tries`]).
    Try {
        /// The plan.
        plan: Box<RetryPlan>,
        /// The models, and how often each is tried.
        settings: TrySettings,
    },
    /// Keeps one of the tries that were made.
    KeepTry {
        /// Its number; `None`: none is kept, and the run stays as it was before.
        number: Option<u32>,
    },
    /// Asks what a fork at a span would do (answered by [`super::Update::Fork`]).
    PlanFork {
        /// The span.
        span: SpanId,
        /// The edits of the fork.
        edits: Box<RetryEdits>,
    },
    /// Forks the run at a span; the fork is then shown in its place.
    Fork {
        /// The span.
        span: SpanId,
        /// The choice about the workspace.
        how: ForkHow,
        /// The edits by hand that it begins with.
        edits: Box<RetryEdits>,
    },
    /// Asks how an interrupted run would go on (answered by [`super::Update::Resume`]).
    PlanResume,
    /// Goes on with an interrupted run, as the plan says.
    Resume {
        /// The plan; refused when the run has changed since.
        plan: Box<ResumePlan>,
        /// The answers to its questions; each must have one.
        decisions: Vec<(SpanId, ResumeDecision)>,
    },
    /// Replaces the breakpoints.
    SetBreakpoints(Vec<Breakpoint>),
    /// Asks for a span's texts (answered by [`super::Update::Detail`]).
    Inspect {
        /// The span.
        span: SpanId,
    },
    /// Asks what an action changed (answered by [`super::Update::Diff`]).
    Diff {
        /// The action.
        action: Seq,
        /// Which two states are compared.
        sides: DiffSides,
    },
    /// Asks for the texts of two spans, compared (answered by [`super::Update::Comparison`]).
    Compare {
        /// The span on the left.
        left: SpanId,
        /// The span on the right.
        right: SpanId,
    },
    /// Asks for the run as it was at an event (answered by [`super::Update::Moment`]).
    Moment(MomentAsked),
    /// Says that the workspace of a run that was made elsewhere is the one that [`super::Update::MadeElsewhere`] named,
    /// and that it may be changed. The run is opened anew.
    ConfirmWorkspace,
    /// Cancels the run; everything is recorded.
    Cancel,
    /// Ends the session: cancels what runs, records it, and stops.
    Quit,
}
