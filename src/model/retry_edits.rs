//! The edits of a retry.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Message, SpanKind};

/// A part of a span that can be edited for a retry or fork of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EditPart {
    /// The prompt of its agent.
    Prompt,
    /// The input of an agent.
    Input,
    /// The messages of a model call.
    Messages,
    /// The arguments of a tool call.
    Arguments,
    /// Its response, result or output: nothing is sent or run for it.
    Answer,
    /// The temperature of what reruns.
    Temperature,
    /// The model of what reruns.
    Model,
}

impl EditPart {
    /// Its name in a sentence.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Input => "input",
            Self::Messages => "messages",
            Self::Arguments => "arguments",
            Self::Answer => "answer",
            Self::Temperature => "temperature",
            Self::Model => "model",
        }
    }

    /// The parts that a span of a kind has, those that are its own first.
    #[must_use]
    pub fn of(kind: SpanKind) -> &'static [Self] {
        match kind {
            SpanKind::Agent => &[Self::Prompt, Self::Input, Self::Answer, Self::Temperature, Self::Model],
            SpanKind::Llm => &[Self::Messages, Self::Prompt, Self::Answer, Self::Temperature, Self::Model],
            SpanKind::Tool => &[Self::Arguments, Self::Prompt, Self::Answer, Self::Temperature, Self::Model],
            SpanKind::Human => &[Self::Answer],
            SpanKind::Run => &[],
        }
    }
}

/// The edits of a retry: it differs by them from the try before. They hold for this retry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryEdits {
    /// Another prompt for the span's agent.
    pub prompt: Option<String>,
    /// True if the prompt holds for the tries that follow, too.
    pub keeps_prompt: bool,
    /// Another model for what reruns: a role of the pipeline, or `provider:model`.
    pub model: Option<String>,
    /// Another temperature for what reruns.
    pub temperature: Option<f64>,
    /// Another input for an agent.
    pub input: Option<String>,
    /// Other messages for a model call.
    pub messages: Option<Vec<Message>>,
    /// Other arguments for a tool call.
    pub args: Option<Json>,
    /// An answer by hand, in the place of a model's response, a tool's result or an agent's output: nothing is sent or
    /// run for it.
    pub answer: Option<String>,
}

impl RetryEdits {
    /// The first of the edits that a span of a kind can't have, and the kind that has it.
    #[must_use]
    pub fn misfit(&self, kind: SpanKind) -> Option<(&'static str, SpanKind)> {
        let wanted = [
            ("input", self.input.is_some(), SpanKind::Agent),
            ("messages", self.messages.is_some(), SpanKind::Llm),
            ("arguments", self.args.is_some(), SpanKind::Tool),
        ];
        let wrong = wanted.into_iter().find(|(_, is_given, of)| *is_given && kind != *of);
        wrong.map(|(what, _, of)| (what, of))
    }

    /// True for a retry as any other.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
