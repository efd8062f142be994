//! The ends of an effect or an agent that are no success: a failure that a pattern may go on from, and a halt that ends
//! the whole execution.

/// An end that is no success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A model call, a tool or an agent failed: a fan-out turns it into text, anything else fails with it.
    #[error(transparent)]
    Agent(#[from] AgentFailure),
    /// The execution ends here.
    #[error(transparent)]
    Halt(#[from] Halt),
}

/// The failure of a model call, a tool or an agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct AgentFailure {
    /// In one paragraph.
    pub text: String,
    /// True when the user has been stopped at it already.
    pub shown: bool,
}

/// The end of a whole execution. No pattern can turn it into text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The pattern code does something else than is recorded.
    #[error(transparent)]
    Diverged(#[from] Box<Divergence>),
    /// A limit of the pipeline was reached, and nobody was there to raise it.
    #[error("{0}")]
    Limit(String),
    /// A person was asked, and nobody was there to answer.
    #[error("{0}")]
    Unanswered(String),
    /// The log can't be written any more, so nothing may be done.
    #[error("{0}")]
    NotRecorded(String),
    /// The run was cancelled, or this pattern code was dropped.
    #[error("the run was stopped")]
    Stopped,
}

/// The first difference between an execution and its record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("divergence at {path}: recorded is {recorded}; the pipeline asks for {asked}")]
pub struct Divergence {
    /// The path.
    pub path: String,
    /// The record, as far as it differs.
    pub recorded: String,
    /// The request, as far as it differs.
    pub asked: String,
}

impl Failure {
    /// A failure that the user was not stopped at yet.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self::Agent(AgentFailure { text: text.into(), shown: false })
    }

    /// Marks it as shown to the user.
    pub(super) fn into_shown(self) -> Self {
        match self {
            Self::Agent(failure) => Self::Agent(AgentFailure { shown: true, ..failure }),
            halt @ Self::Halt(_) => halt,
        }
    }

    /// True when the user need not be stopped at it: a halt was shown where it arose.
    pub(super) fn is_shown(&self) -> bool {
        match self {
            Self::Agent(failure) => failure.shown,
            Self::Halt(_) => true,
        }
    }

    /// Changes its text, unless it is a divergence or a stop.
    pub(super) fn map_text(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Agent(failure) => Self::Agent(AgentFailure { text: change(failure.text), ..failure }),
            Self::Halt(Halt::Limit(text)) => Self::Halt(Halt::Limit(change(text))),
            Self::Halt(Halt::NotRecorded(text)) => Self::Halt(Halt::NotRecorded(change(text))),
            halt @ Self::Halt(_) => halt,
        }
    }
}

/// Splits a result for a fan-out: a failure is a result, a halt is not.
pub(super) trait OrHalt<T> {
    /// Returns the halt as the error.
    fn or_halt(self) -> Result<Result<T, AgentFailure>, Failure>;
}

impl<T> OrHalt<T> for Result<T, Failure> {
    fn or_halt(self) -> Result<Result<T, AgentFailure>, Failure> {
        match self {
            Ok(value) => Ok(Ok(value)),
            Err(Failure::Agent(failure)) => Ok(Err(failure)),
            Err(halt @ Failure::Halt(_)) => Err(halt),
        }
    }
}
