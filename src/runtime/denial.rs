//! A tool call that did not run, because the policy denies it or nobody was there to approve it; and a question to a
//! person that nobody was there to answer.

use crate::model::SpanId;

/// A denied tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Its span.
    pub span: SpanId,
    /// Its path.
    pub path: String,
    /// The tool.
    pub tool: String,
    /// The cause.
    pub why: String,
    /// The remedy.
    pub hint: String,
}

impl Denial {
    /// The result that the model gets; the remedy is not the model's.
    pub(super) fn result(&self) -> String {
        format!("denied: {}", self.why)
    }
}

/// A question that nobody was there to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// Its path.
    pub path: String,
    /// The agent that asked.
    pub agent: String,
    /// The question, with secrets masked.
    pub question: String,
}

impl Unanswered {
    /// The remedy.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("answer it with --answer {}=TEXT", self.agent)
    }

    /// The error of the run.
    pub(super) fn error(&self) -> String {
        format!("{} asks, and nobody is there to answer: {}", self.agent, self.question)
    }
}
