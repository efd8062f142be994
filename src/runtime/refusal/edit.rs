//! The refusals of an edit.

use crate::model::{DocError, SpanId};

/// The reason why nothing is edited.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum EditRefusal {
    /// The call left its stop while its text was edited.
    #[error("failed to edit: it was sent meanwhile; nothing was changed")]
    SentMeanwhile,
    /// The edited request can't be read.
    #[error(transparent)]
    Document(#[from] DocError),
    /// The edited arguments can't be read.
    #[error("the arguments are no JSON ({0}); nothing was changed")]
    Arguments(#[source] serde_json::Error),
    /// There is no prompt to edit.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A span of this kind has no such part.
    #[error("failed to edit: {span} is of the kind {kind}, which has no {part}")]
    NoPart {
        /// The part.
        part: &'static str,
        /// The span.
        span: SpanId,
        /// Its kind.
        kind: &'static str,
    },
}

/// The reason why a span has no prompt to edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// It is neither an agent nor a call of one.
    #[error("select an agent or a call to edit its prompt")]
    NoAgent,
    /// Its parts have prompts, and it has none.
    #[error("{agent} has no prompt of its own; its parts do")]
    NoPrompt {
        /// The agent's edit name.
        agent: String,
    },
}
