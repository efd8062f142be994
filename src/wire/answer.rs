//! A model's answer in neutral form.

use serde_json::Value as Json;

/// A piece of an answer as it arrives, to be shown; the whole answer is the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text.
    Text(&'a str),
    /// The model's reasoning, as far as the provider shows it.
    Reasoning(&'a str),
}

/// A part of a turn, with the JSON that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The neutral form.
    pub kind: PartKind,
    /// The dialect's JSON of it; `None`: made here.
    pub source: Option<Json>,
}

/// The neutral form of a part.
#[derive(Debug, Clone, PartialEq)]
pub enum PartKind {
    /// Text.
    Text(String),
    /// Reasoning, as far as it is shown. Its source holds what has to go back unmodified.
    Reasoning(String),
    /// A tool call.
    Call(Call),
    /// The result of a tool call.
    Result(ToolResult),
    /// Something without a neutral form (an image, a citation, a server's own tool): its source is all there is.
    Other,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The provider's id; empty when the dialect or the server has none.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// Its arguments: an object, or a text that is not one (see [`super::parse_arguments`]).
    pub args: Json,
}

/// The result of a tool call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The id of the call.
    pub id: String,
    /// The tool's name; empty where the dialect does not say it.
    pub name: String,
    /// The text for the model.
    pub text: String,
    /// True where the dialect marks it as an error.
    pub error: bool,
}

/// Why the model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The provider's own word, such as `end_turn` or `MAX_TOKENS`.
    pub word: String,
    /// Its meaning.
    pub kind: StopKind,
}

/// The meaning of a provider's word for why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopKind {
    /// It had said all, or met a stop sequence.
    End,
    /// It wants tools to be called.
    Calls,
    /// It met the token limit, or that of the context.
    Length,
    /// A filter cut or blocked it.
    Filtered,
    /// The model refused.
    Refused,
    /// It made a call that the provider itself could not read.
    Malformed,
    /// The provider paused a long turn, to be asked again.
    Paused,
    /// A word that is not known here.
    Other,
}

/// Tokens as the provider counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request, those read from and written to a cache included.
    pub input: u64,
    /// Tokens of the answer, reasoning included.
    pub output: u64,
    /// Those of the request that were read from a cache.
    pub cached: u64,
    /// Those of the answer that were reasoning; 0 also when the provider does not say.
    pub reasoning: u64,
}

/// The answer of a model, whole or as far as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// The model that answered, in the provider's words.
    pub model: Option<String>,
    /// Text, reasoning and calls, in order.
    pub parts: Vec<Part>,
    /// Why the model stopped; `None`: nothing said so.
    pub stop: Option<Stop>,
    /// The provider's explanation of the stop, or of a block.
    pub stop_message: Option<String>,
    /// The tokens; `None`: nothing said so.
    pub usage: Option<Usage>,
    /// True when it came to its end by the dialect's rule: chat: a finish reason or `[DONE]`; responses: completed,
    /// incomplete or failed; messages: `message_stop`, or a `message_delta` with a stop reason; gemini: a finish reason
    /// (or a blocked prompt); ollama: `done`.
    pub whole: bool,
    /// The error that the server reported, or the reason why its body can't be read.
    pub fault: Option<Fault>,
    /// The body, when it was not streamed.
    pub source: Option<Json>,
}

/// An error that a server reported in an answer, or that is in the answer itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// In the server's own words.
    #[error("{message}")]
    Server {
        /// Its message.
        message: String,
        /// Its word for the kind, such as `overloaded_error`; empty when it has none.
        kind: String,
        /// A status that it names in the body.
        status: Option<u16>,
    },
    /// A page instead of an answer: its title.
    #[error("a web page came instead of an answer: {title:?}")]
    Page {
        /// The title, or the beginning of its text.
        title: String,
    },
    /// Neither a stream nor JSON.
    #[error("what came is not an answer: {0}")]
    NotAnAnswer(String),
    /// Larger than any answer may be.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl Part {
    /// A part made here.
    #[must_use]
    pub fn new(kind: PartKind) -> Self {
        Self { kind, source: None }
    }

    /// A part as it was read.
    #[must_use]
    pub fn read(kind: PartKind, source: Json) -> Self {
        Self { kind, source: Some(source) }
    }
}

impl Answer {
    /// All its text.
    #[must_use]
    pub fn text(&self) -> String {
        self.texts(|kind| if let PartKind::Text(text) = kind { Some(text) } else { None })
    }

    /// All its reasoning, as far as it is shown.
    #[must_use]
    pub fn reasoning(&self) -> String {
        self.texts(|kind| if let PartKind::Reasoning(text) = kind { Some(text) } else { None })
    }

    /// Its calls, in order.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.parts.iter().filter_map(|part| if let PartKind::Call(call) = &part.kind { Some(call) } else { None })
    }

    fn texts<'a>(&'a self, of: impl Fn(&'a PartKind) -> Option<&'a String>) -> String {
        self.parts.iter().filter_map(|part| of(&part.kind)).map(String::as_str).collect()
    }
}
