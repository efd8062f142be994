//! The questions of pattern code, and their answers.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::failure::Failure;
use super::request::HashVersion;
use crate::model::{Fan, LlmRequest, LlmResponse, SpanKind, TextHash, ToolCall};
use crate::pipeline::{Agent, Pattern, Pipeline};

/// A place in the execution: where a span will stand in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpanPosition {
    /// Parent path + name + visit.
    pub path: String,
    /// Path of the span above; empty for the run.
    pub parent: String,
    /// The name.
    pub name: String,
    /// How often that name ran under that parent, from 1.
    pub visit: u32,
    /// Position in a fan-out.
    pub fan: Option<Fan>,
}

/// How an agent begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Begin {
    /// It runs.
    Run {
        /// The pipeline that it runs by.
        pipeline: Arc<Pipeline>,
        /// The input that the user gave in the place of the code's.
        input: Option<String>,
    },
    /// It ended well before, or the user answered in its place: it does not run.
    Done(Output),
}

impl Begin {
    /// It runs by a pipeline, with the code's input.
    pub fn run(pipeline: Arc<Pipeline>) -> Self {
        Self::Run { pipeline, input: None }
    }
}

/// Which agent, or which step of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct AgentKey {
    /// The agent's name in the pipeline.
    pub agent: String,
    /// The step's name.
    pub step: Option<String>,
}

impl AgentKey {
    /// An agent as a whole.
    pub fn agent(name: &str) -> Self {
        Self { agent: name.to_owned(), step: None }
    }

    /// The name that edits go by: `agent`, or `agent.step`.
    pub fn edit_name(&self) -> String {
        match &self.step {
            Some(step) => format!("{}.{step}", self.agent),
            None => self.agent.clone(),
        }
    }

    /// The name in the tree.
    pub fn label(&self) -> &str {
        self.step.as_deref().unwrap_or(&self.agent)
    }

    /// The agent in the pipeline that its span runs by.
    ///
    /// # Errors
    /// When it is gone from there.
    pub fn find_in<'a>(&self, pipeline: &'a Pipeline) -> Result<&'a Agent, Failure> {
        let found = pipeline.agents.get(&self.agent);
        found.ok_or_else(|| Failure::new(format!("no agent is named \"{}\" in the pipeline any more", self.agent)))
    }

    /// The pattern that it runs, with `agent` as [`Self::find_in`] returns it.
    pub fn pattern(&self, agent: &Agent) -> &'static str {
        if agent.pattern == Pattern::Wrapped {
            // Its subagents are of the same kind.
            return agent.pattern.name();
        }
        match self.step.as_ref().map(|name| agent.steps.get(name)) {
            None => agent.pattern.name(),
            Some(Some(step)) if !step.react => "oneshot",
            Some(_) => "react",
        }
    }
}

/// How an agent finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The finish key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Whether the model finished by plain text.
    pub synthetic: bool,
}

impl Output {
    /// An output under a key.
    pub(super) fn new(key: &str, value: impl Into<String>) -> Self {
        Self { key: key.to_owned(), value: value.into(), synthetic: false }
    }
}

/// What an effect or an agent gives back to the code that asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Payload {
    /// A model's response.
    Llm(LlmResponse),
    /// A tool's result.
    Tool(String),
    /// A person's answer.
    Human(String),
    /// An agent's output.
    Agent(Output),
}

/// The outcome of an effect or an agent.
pub(super) type Outcome = Result<Payload, Failure>;

/// An effect.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Work {
    /// A model call.
    Llm(LlmRequest),
    /// A tool call.
    Tool {
        /// The call.
        call: ToolCall,
        /// Why it is not run: the tool was not offered.
        refusal: Option<String>,
    },
    /// A question to a person. It changes nothing; a cancel takes it back at once. On the screen it stands until it is
    /// answered, as an approval does; without a screen it has its answer from the start, or ends the run.
    Human {
        /// The question.
        question: String,
        /// The channel that it is meant for.
        channel: String,
    },
}

impl Work {
    /// The kind of its span.
    pub fn kind(&self) -> SpanKind {
        match self {
            Self::Llm(_) => SpanKind::Llm,
            Self::Tool { .. } => SpanKind::Tool,
            Self::Human { .. } => SpanKind::Human,
        }
    }

    /// The hash of the request.
    pub fn request(&self, by: HashVersion) -> TextHash {
        match self {
            Self::Llm(request) => by.llm(request),
            Self::Tool { call, .. } => by.tool(call),
            Self::Human { question, channel } => by.human(channel, question),
        }
    }
}

/// What pattern code asks.
#[derive(Debug)]
pub(super) enum Ask {
    /// An agent begins; the answer is the pipeline that it runs by.
    Enter { position: SpanPosition, key: AgentKey, input: String, reply: oneshot::Sender<Result<Begin, Failure>> },
    /// An effect of the agent at `position.parent`.
    Effect { position: SpanPosition, work: Work, reply: oneshot::Sender<Outcome> },
    /// An agent is through; the answer is what its caller gets (the user may have a word in it).
    Exit { path: String, result: Result<Output, Failure>, reply: oneshot::Sender<Outcome> },
}
