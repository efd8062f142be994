//! Results of an exchange, and its progress.

use std::time::Duration;

use crate::wire::Answer;

/// Progress of an exchange, to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A piece of the answer's text.
    Text(String),
    /// A piece of the model's reasoning.
    Reasoning(String),
    /// The call was refused and waits before it is sent again.
    Waiting {
        /// The reason, in the server's words.
        why: String,
        /// How long it waits.
        time: Duration,
    },
    /// The call is sent again.
    TryingAgain,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The answer; it came to its end and has no fault.
    pub answer: Answer,
    /// Status and headers (those that are kept), an empty line, and the body as it came, up to 8 MB.
    pub raw: Vec<u8>,
}
