//! A tool call that did not run, because the policy denies it or nobody was there to approve it.

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
