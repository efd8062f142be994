//! The record of a span: its kind, how it began, and how it ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{EffectClass, Generation, LlmRequestRecord, SpanId, TextHash, Try, Usage, WaitInterval};

/// The kind of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// The run itself.
    Run,
    /// An agent (or one step of one).
    Agent,
    /// A model call.
    Llm,
    /// A tool call.
    Tool,
    /// A person's answer.
    Human,
}

impl SpanKind {
    /// The name used in SQL and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Agent => "agent",
            Self::Llm => "llm",
            Self::Tool => "tool",
            Self::Human => "human",
        }
    }
}

/// A span's status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanStatus {
    /// It runs.
    #[default]
    Running,
    /// It waits for something that is not the user.
    Waiting,
    /// It stopped at a gate.
    Paused,
    /// It ended well.
    Ok,
    /// It ended with an error.
    Error,
    /// It was cancelled.
    Cancelled,
    /// A later try took its place.
    Undone,
}

impl SpanStatus {
    /// The name used in SQL and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Undone => "undone",
        }
    }

    /// The word on the screen; it differs from the name in SQL for a failed span.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "failed",
            other => other.name(),
        }
    }

    /// True while the span has not ended.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Waiting | Self::Paused)
    }
}

/// A span's place in a fan-out: spans of one group run concurrently and don't see each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fan {
    /// Which fan-out of the parent, from 0.
    pub group: u32,
    /// Its place in the program, from 0.
    pub index: u32,
}

/// The start of a span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanStart {
    /// The new span.
    pub span: SpanId,
    /// The span above it.
    pub parent: SpanId,
    /// Its path: parent path + name + visit, e.g. `editor/writer#2/llm#3`.
    pub path: String,
    /// Its name: the agent's or tool's, or `llm`.
    pub name: String,
    /// How often that name ran under that parent, from 1.
    pub visit: u32,
    /// How often this path ran, from 1.
    pub attempt: Try,
    /// The generation it started in.
    pub generation: Generation,
    /// Its place in a fan-out.
    pub fan: Option<Fan>,
    /// The step's name, where it is a step of the agent above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Notes of the program that made it, by name. A wrapped or imported run fills it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Its kind, and the data that it starts with.
    #[serde(flatten)]
    pub spec: SpanSpec,
}

/// The data that a span starts with, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SpanSpec {
    /// An agent, or one step of one.
    Agent {
        /// Its pattern's name.
        pattern: String,
        /// Its input.
        input: TextHash,
        /// Its system prompt, where it has one.
        prompt: Option<TextHash>,
        /// The prompt's file, as the pipeline names it.
        prompt_file: Option<String>,
    },
    /// A model call.
    Llm(LlmRequestRecord),
    /// A tool call.
    Tool {
        /// The arguments, as JSON.
        args: TextHash,
        /// Hash of the request that the code made.
        request: TextHash,
        /// The effect of the tool on the world.
        effect: EffectClass,
    },
    /// A person's answer.
    Human {
        /// The question.
        question: TextHash,
        /// Hash of the request that the code made.
        #[serde(default = "no_request")]
        request: TextHash,
        /// The channel that the question is meant for: the agent's finish key.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        channel: String,
    },
}

/// The request of a span that has none stored.
fn no_request() -> TextHash {
    TextHash([0; 16])
}

impl SpanStart {
    /// The attribute that says that the span's place in time is not known.
    pub const TIMES: &str = "times";

    /// True when only its length is recorded, and not when it ran.
    #[must_use]
    pub fn has_unknown_times(&self) -> bool {
        self.attributes.get(Self::TIMES).is_some_and(|times| times.starts_with("unknown"))
    }
}

impl SpanSpec {
    /// The kind of span.
    #[must_use]
    pub fn kind(&self) -> SpanKind {
        match self {
            Self::Agent { .. } => SpanKind::Agent,
            Self::Llm(_) => SpanKind::Llm,
            Self::Tool { .. } => SpanKind::Tool,
            Self::Human { .. } => SpanKind::Human,
        }
    }
}

/// How an agent finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    /// The finish key; routes of an fsm are chosen by it.
    pub key: String,
    /// True if the model finished by plain text instead of calling `finish`.
    pub synthetic: bool,
}

/// The reason for a span's end, where its status doesn't say enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum EndCause {
    /// Its program ended with this exit code, which is not 0.
    Exit {
        /// The exit code.
        code: i32,
    },
    /// The policy, or the user, denied it: it did not run. Of a question to a person, and of its agents: nobody was there
    /// to answer.
    Denied,
    /// It ran, and the user discarded all that it changed.
    Discarded,
    /// A limit of the pipeline was reached: a model call that was not sent.
    Limit,
    /// The run's process ended before it did; its status is `Cancelled`.
    Interrupted,
}

/// The end of a span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanEnd {
    /// The span.
    pub span: SpanId,
    /// `Ok`, `Error` or `Cancelled`.
    pub status: SpanStatus,
    /// An agent's finish.
    pub finish: Option<Finish>,
    /// The output: an agent's value, a response ([`super::LlmResponse`] as JSON), a tool's result, or the error.
    pub output: Option<TextHash>,
    /// The part of a model's answer that had come, when it is not whole: a [`super::LlmResponse`] as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub so_far: Option<TextHash>,
    /// Tokens, from the provider.
    pub usage: Option<Usage>,
    /// Cost in millionths of a US dollar, where prices are known.
    pub cost: Option<u64>,
    /// True if the user answered in its place.
    pub answered: bool,
    /// The reason for the end, where the status doesn't say enough; absent in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<EndCause>,
    /// The times in which nothing at or below it worked; absent in runs of earlier versions. The log fills it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited: Option<Vec<WaitInterval>>,
}

impl SpanEnd {
    /// True unless the run was stopped in the span: by a cancel, a limit, or a question without an answer.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.status != SpanStatus::Cancelled && !self.is_halted()
    }

    /// True when the run ended in the span: a limit was reached, or nobody was there to answer a question.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.cause == Some(EndCause::Limit) || self.is_unanswered()
    }

    /// True for a question that nobody was there to answer, and for the agents that ended with it. A denied tool has a
    /// finish.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.status == SpanStatus::Error && self.cause == Some(EndCause::Denied) && self.finish.is_none()
    }

    /// An end with nothing to tell but its status.
    #[must_use]
    pub fn new(span: SpanId, status: SpanStatus) -> Self {
        Self {
            span,
            status,
            finish: None,
            output: None,
            so_far: None,
            usage: None,
            cost: None,
            answered: false,
            cause: None,
            waited: None,
        }
    }
}

/// Tries of one task that belong together, with the verdict. A comparison of forks fills it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryGroup {
    /// The tries, in the order in which they were made.
    pub tries: Vec<SpanId>,
    /// The one that won; `None`: none did.
    pub winner: Option<SpanId>,
    /// Why.
    pub why: String,
}
