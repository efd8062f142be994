//! Trace events: everything that happens in a run, in the order of its [`Seq`].

use serde::{Deserialize, Serialize};

use super::{
    ActionChange, ActionEvent, ActionRecord, ApprovalAnswered, ApprovalAsked, BlobHash, CommandStart, Gate, Generation,
    Key, MessageRecord, Millis, ModelName, ModelOptions, Provenance, Restored, RunId, Seq, SpanEnd, SpanId, SpanStart,
    SpanStatus, TextHash, TryGroup, WaitFor,
};

/// One thing that happened: its place in the run, its time, and what it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceEvent {
    /// Its place in the run's one counter.
    pub seq: Seq,
    /// When it was recorded.
    pub at: Millis,
    /// When it happened, where that is not when it was recorded. A wrapped or imported run fills it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened: Option<Millis>,
    /// The event itself.
    #[serde(flatten)]
    pub body: TraceBody,
}

impl TraceEvent {
    /// When it happened.
    #[must_use]
    pub fn time(&self) -> Millis {
        self.happened.unwrap_or(self.at)
    }
}

/// The kind of an event, with its data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum TraceBody {
    /// The run began; it is also the start of the run's own span.
    RunStarted {
        /// The run.
        run: RunId,
        /// The pipeline's name.
        name: String,
        /// The agent it starts with.
        entrypoint: String,
        /// The task.
        task: TextHash,
        /// The resolved pipeline, as JSON.
        pipeline: TextHash,
        /// The workspace, absolute.
        workspace: String,
        /// Where the run comes from.
        #[serde(default, skip_serializing_if = "Provenance::is_plain")]
        provenance: Provenance,
        /// The version of the hash of its requests.
        #[serde(default = "first_hash")]
        hash: u32,
    },
    /// From this generation on, spans start from this resolved pipeline (a retry saw changed files).
    PipelineChanged {
        /// The generation it applies from.
        generation: Generation,
        /// The resolved pipeline, as JSON.
        pipeline: TextHash,
        /// Names of the agents that changed.
        changed: Vec<String>,
    },
    /// A span began.
    SpanStarted(SpanStart),
    /// A span waits for something that is not the user (`waiting for #35`), or continues.
    SpanWaiting {
        /// The span.
        span: SpanId,
        /// The name of the thing that it waits for; `None`: it continues.
        on: Option<String>,
        /// The kind of the wait.
        #[serde(default, skip_serializing_if = "WaitFor::is_lock")]
        why: WaitFor,
    },
    /// A span stopped at a gate.
    Paused {
        /// The span.
        span: SpanId,
        /// Which gate.
        gate: Gate,
        /// Why.
        reason: PauseReason,
    },
    /// A paused span continues.
    Released {
        /// The span.
        span: SpanId,
        /// How, in a word: `continue`, `step`, `answer`, ….
        how: String,
        /// True if the agent continues although effects of it were undone.
        stale: bool,
    },
    /// The request that was sent is not the one that the code made: an edit.
    Sent {
        /// The llm or tool span, or the agent's.
        span: SpanId,
        /// The system prompt sent (llm).
        system: Option<TextHash>,
        /// The messages sent (llm).
        messages: Option<Vec<MessageRecord>>,
        /// The arguments used (tool), as JSON; the input used (agent).
        args: Option<TextHash>,
        /// The model sent to, with its options (llm).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<SentModel>,
    },
    /// A span ended. For an llm or tool span this is the journal's outcome.
    SpanEnded(SpanEnd),
    /// The user edited a system prompt.
    PromptEdited {
        /// The calls that it applies to.
        reach: EditReach,
        /// The generation it applies from.
        generation: Generation,
        /// The new prompt; `None` removes an edit.
        text: Option<TextHash>,
    },
    /// The user replaced the conversation up to a message count.
    MessagesEdited {
        /// The calls that it applies to.
        reach: EditReach,
        /// The generation it applies from.
        generation: Generation,
        /// The call it was made at.
        call: SpanId,
        /// How many messages of the code's conversation are replaced.
        upto: usize,
        /// The new messages.
        messages: Vec<MessageRecord>,
    },
    /// A retry or fork has edits by hand: they hold for the span that starts next at a path, and for what reruns with it.
    EditedByHand {
        /// The generation it begins.
        generation: Generation,
        /// The path.
        path: String,
        /// The edits, as JSON of [`super::RetryEdits`].
        edits: TextHash,
        /// The agent whose prompt is edited until this retry ends, by its edit name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lent: Option<String>,
    },
    /// A retry invalidated spans.
    Invalidated {
        /// The generation it starts.
        generation: Generation,
        /// The span the retry was asked for.
        cause: SpanId,
        /// Every span that the retry undoes.
        spans: Vec<SpanId>,
        /// Their paths; an outcome under one of them, of an earlier generation, no longer answers.
        paths: Vec<String>,
        /// Ancestors that run on: same try, and end anew.
        reopened: Vec<SpanId>,
        /// Spans kept although they read what was undone.
        stale: Vec<SpanId>,
    },
    /// An earlier try stands again.
    Restored(Restored),
    /// A tool read a key.
    Read {
        /// The tool's span.
        span: SpanId,
        /// The key.
        key: Key,
        /// The action whose value was seen; `None`: one from before the run.
        action: Option<Seq>,
    },
    /// An action's row.
    Action(ActionRecord),
    /// The outcome of an action, or a later change of its status.
    ActionEvent(ActionEvent),
    /// The run as a whole changed its status.
    RunStatus {
        /// The new status.
        status: RunStatus,
        /// The output, or the error, when it ended.
        text: Option<TextHash>,
    },
    /// A line for the Log panel: what the debugger did and why.
    Note {
        /// The span it is about.
        span: Option<SpanId>,
        /// True if it reports a fault.
        error: bool,
        /// The line.
        text: String,
    },
    /// A blob with the after-image of an action, kept so that it can be redone.
    Kept {
        /// The action.
        action: Seq,
        /// The bytes.
        blob: BlobHash,
    },
    /// A command is about to run; its changes become actions of the same span.
    CommandStarted(CommandStart),
    /// Every change of a command is recorded (or none was kept).
    CommandEnded {
        /// The seq of its [`TraceBody::CommandStarted`].
        command: Seq,
        /// Why none of its changes was kept, if so.
        dropped: Option<String>,
    },
    /// Two actions of one command are one rename: the second made the path that the first removed.
    Renamed {
        /// The action that removed it.
        from: Seq,
        /// The action that made it.
        to: Seq,
    },
    /// The policy asked about a call; the call stops for it.
    ApprovalAsked(ApprovalAsked),
    /// The policy's question has its answer.
    ApprovalAnswered(ApprovalAnswered),
    /// Tries of one task belong together, and one of them won.
    TryGroup(TryGroup),
    /// An event of a newer minor version: kept as it is, and not understood.
    #[serde(skip)]
    Unknown {
        /// Its name.
        event: String,
        /// All of it, as JSON.
        body: String,
    },
}

/// The model that a call was sent to, where it is not the one that the code asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentModel {
    /// The model.
    pub name: ModelName,
    /// Its options.
    pub options: ModelOptions,
}

/// The version of the request hash that runs of the first formats have.
fn first_hash() -> u32 {
    1
}

/// The calls that an edit applies to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "lowercase")]
pub enum EditReach {
    /// Every call that an agent of this name sends from now on (a step is written `agent.step`).
    Agent {
        /// The name.
        name: String,
    },
    /// The rest of one try of one agent.
    Try {
        /// The agent's span.
        span: SpanId,
    },
    /// One model call.
    Call {
        /// The call's span.
        span: SpanId,
    },
}

/// The status of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It runs.
    #[default]
    Running,
    /// It ended well (in the debugger it holds: everything is still undoable).
    Ok,
    /// It ended with an error.
    Failed,
    /// The user cancelled it.
    Cancelled,
    /// It was running when its process died.
    Interrupted,
}

impl RunStatus {
    /// The name used in SQL and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Why a span paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum PauseReason {
    /// The user stepped to here.
    Step,
    /// The user asked to pause.
    Asked,
    /// A breakpoint matched; its written form.
    Breakpoint {
        /// The breakpoint.
        breakpoint: String,
    },
    /// Policy asks before this tool runs.
    Policy {
        /// Why it asks.
        rule: String,
    },
    /// An error.
    Error {
        /// The error, in one paragraph.
        error: String,
    },
    /// A limit was crossed.
    Limit {
        /// The limit, and how much was used.
        limit: String,
        /// Its name in `[limits]`; empty in runs of older programs.
        #[serde(default)]
        name: String,
    },
    /// A command changed a path that another program or person changed since it began; its changes are held.
    Conflict {
        /// Which paths, and who.
        conflict: String,
    },
}

impl TraceBody {
    /// True for what a run's folded state does not tell, or not all of it: its start, its commands, approvals and groups
    /// of tries, and events of a newer version.
    #[must_use]
    pub fn is_looked_up(&self) -> bool {
        matches!(
            self,
            Self::RunStarted { .. }
                | Self::CommandStarted(_)
                | Self::CommandEnded { .. }
                | Self::ApprovalAsked(_)
                | Self::ApprovalAnswered(_)
                | Self::TryGroup(_)
                | Self::Unknown { .. }
        )
    }

    /// True for what is reported of a past run besides its folded state: what a session goes by, and lines of the log.
    /// Most events are none of these.
    #[must_use]
    pub fn is_reported(&self) -> bool {
        match self {
            Self::SpanStarted(start) => start.step.is_some(),
            Self::SpanEnded(end) => end.status == SpanStatus::Error || end.cause.is_some(),
            Self::ActionEvent(event) => !matches!(
                event.change,
                ActionChange::Applied { .. }
                    | ActionChange::Held
                    | ActionChange::UndoStarted
                    | ActionChange::RedoStarted
            ),
            Self::SpanWaiting { .. }
            | Self::Action(_)
            | Self::Read { .. }
            | Self::Kept { .. }
            | Self::Renamed { .. }
            | Self::CommandStarted(_)
            | Self::CommandEnded { .. }
            | Self::Sent { .. } => false,
            _ => true,
        }
    }

    /// The span an event concerns; for an action that of its tool.
    #[must_use]
    pub fn span(&self) -> Option<SpanId> {
        match self {
            Self::RunStarted { .. } | Self::RunStatus { .. } => Some(SpanId::RUN),
            Self::SpanStarted(start) => Some(start.span),
            Self::SpanEnded(end) => Some(end.span),
            Self::SpanWaiting { span, .. }
            | Self::Paused { span, .. }
            | Self::Released { span, .. }
            | Self::Sent { span, .. }
            | Self::Read { span, .. } => Some(*span),
            Self::CommandStarted(start) => Some(start.span),
            Self::ApprovalAsked(asked) => Some(asked.span),
            Self::ApprovalAnswered(answered) => Some(answered.span),
            Self::Action(record) => Some(record.tool_span),
            Self::Invalidated { cause, .. } => Some(*cause),
            Self::Restored(restored) => Some(restored.cause),
            Self::Note { span, .. } => *span,
            Self::PromptEdited { reach, .. } | Self::MessagesEdited { reach, .. } => match reach {
                EditReach::Try { span } | EditReach::Call { span } => Some(*span),
                EditReach::Agent { .. } => None,
            },
            Self::PipelineChanged { .. }
            | Self::EditedByHand { .. }
            | Self::ActionEvent(_)
            | Self::Kept { .. }
            | Self::CommandEnded { .. }
            | Self::Renamed { .. }
            | Self::TryGroup(_)
            | Self::Unknown { .. } => None,
        }
    }
}
