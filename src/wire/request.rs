//! A request in neutral form.

use serde_json::Value as Json;

use super::answer::Part;

/// A request to a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The model's name; gemini has it in the address, not in the body.
    pub model: String,
    /// The conversation; instructions are turns of [`Role::System`], wherever the dialect puts them.
    pub turns: Vec<Turn>,
    /// The tools offered.
    pub tools: Vec<Tool>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Upper bound on output tokens.
    pub max_tokens: Option<u64>,
    /// True when the answer is wanted as a stream; gemini has it in the address, not in the body.
    pub stream: bool,
    /// The body that it was read from; `None`: made here.
    pub source: Option<Json>,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The speaker.
    pub role: Role,
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// The dialect's JSON of it (responses: the list of its items); `None`: made here.
    pub source: Option<Json>,
}

/// The speaker of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions: system, developer.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// Results of tools.
    Tool,
}

/// A tool as it is offered.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name; empty for a provider's own tool, of which the source is all there is.
    pub name: String,
    /// Its purpose, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub schema: Json,
    /// The dialect's JSON of it; `None`: made here.
    pub source: Option<Json>,
}

/// A body that is no request of its dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl Turn {
    /// A turn made here.
    #[must_use]
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, source: None }
    }
}
