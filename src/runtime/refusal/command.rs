//! The refusal of any command.

use super::super::gates::BadGlob;
use super::{EditRefusal, PauseRefusal, ReleaseRefusal, ResumeRefusal, RetryRefusal, TriesRefusal, UndoRefusal};
use crate::model::Seq;
use crate::store::StoreError;

/// The reason why a command of the user is not carried out.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Refusal {
    /// A continue, a step or an answer.
    #[error(transparent)]
    Release(#[from] ReleaseRefusal),
    /// A pause.
    #[error(transparent)]
    Pause(#[from] PauseRefusal),
    /// An edit.
    #[error(transparent)]
    Edit(#[from] EditRefusal),
    /// An undo or a redo.
    #[error(transparent)]
    Undo(#[from] UndoRefusal),
    /// A retry or its plan.
    #[error(transparent)]
    Retry(#[from] RetryRefusal),
    /// A resume or its plan.
    #[error(transparent)]
    Resume(#[from] ResumeRefusal),
    /// Tries with choices.
    #[error(transparent)]
    Tries(#[from] TriesRefusal),
    /// A breakpoint.
    #[error(transparent)]
    Breakpoint(#[from] BadGlob),
    /// The diff of an action.
    #[error(transparent)]
    Diff(#[from] NoAction),
    /// Anything that would change a run that is only looked at.
    #[error("{0}")]
    LookOnly(String),
    /// A cancel after the run's end.
    #[error("the run has ended; there is nothing to cancel")]
    NothingToCancel,
    /// The store did not close when the run was left.
    #[error("failed to {0}")]
    NotClosed(#[from] StoreError),
    /// The store takes too long to close.
    #[error("failed to close the run within {seconds} s; what is left of it is finished when it is opened again")]
    CloseTimedOut { seconds: u64 },
}

/// The run has no such action.
#[derive(Debug, thiserror::Error)]
#[error("there is no action {0}")]
pub(in super::super) struct NoAction(pub Seq);
