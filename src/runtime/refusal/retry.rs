//! The refusals of a retry.

use std::path::PathBuf;

use super::UndoRefusal;
use crate::effects::llm::LlmError;
use crate::model::Seq;
use crate::pipeline::{Faults, WithModelError};
use crate::rollback::PlanError;
use crate::store::{Incompatible, StoreError};
use crate::world::WorldError;

/// The reason why a retry does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum RetryRefusal {
    /// There is no plan for the span.
    #[error("failed to {0}")]
    NoPlan(#[from] PlanError),
    /// The workspace is no longer the folder that was opened.
    #[error("failed to retry: failed to {0}")]
    Workspace(WorldError),
    /// The run changed after its plan was made.
    #[error("failed to retry: the run changed while the plan was shown; look at the new plan")]
    PlanChanged,
    /// The run's process died.
    #[error("failed to try it several times: this run was interrupted; resume it first, or retry it once")]
    Interrupted,
    /// The agent of another program can't be started from here.
    #[error("failed to retry: the agent can't be started here. Its changes can be undone")]
    NoAgent,
    /// A model was named for an agent of another program.
    #[error("failed to retry with {model}: an agent of another program chooses its model itself. Nothing was undone")]
    AgentsModel {
        /// The model.
        model: String,
    },
    /// Several tries of an agent of another program.
    #[error("failed to make several tries: an agent of another program is retried one at a time. Nothing was undone")]
    AgentsTries,
    /// Changes of an agent of another program are held.
    #[error("failed to retry: changes of the agent are held; apply or discard them first. Nothing was undone")]
    Held,
    /// Its requests are hashed in a way that this version doesn't know.
    #[error("failed to retry: {0}")]
    Incompatible(#[from] Incompatible),
    /// The record of the run's calls can't be read.
    #[error("failed to {0}. Nothing ran and nothing was undone")]
    Record(StoreError),
    /// The models of today's pipeline are not usable.
    #[error(transparent)]
    Models(#[from] LlmError),
    /// The model to retry with can't be tried.
    #[error("failed to {0}. Nothing ran and nothing was undone")]
    WithModel(#[from] WithModelError),
    /// The span takes no such edit.
    #[error("failed to retry with other {what}: {span} is of the kind {kind}, and only the kind {of} has {what}")]
    NoEdit {
        /// The edit.
        what: &'static str,
        /// The span.
        span: crate::model::SpanId,
        /// Its kind.
        kind: &'static str,
        /// The kind that has it.
        of: &'static str,
    },
    /// The undo that the retry begins with can't start.
    #[error(transparent)]
    Undo(#[from] UndoRefusal),
    /// A conflict that was found before anything was stopped.
    #[error("failed to retry: {action} ({key}) was changed since. Nothing ran and nothing was undone")]
    Conflict { action: Seq, key: String },
    /// An agent that would run again is gone from today's file.
    #[error("failed to retry: {name} is not in the pipeline's file any more; put it back. Nothing was undone")]
    AgentGone { name: String },
    /// The plan grew while the set was stopped.
    #[error("failed to retry: more depends on it than the plan showed; look at the new plan")]
    PlanGrew,
    /// The check of the retry took too long.
    #[error("failed to retry: it was not checked within {seconds} s; try again. Nothing ran and nothing was undone")]
    NotChecked { seconds: u64 },
    /// The user cancelled it before it undid anything.
    #[error("the retry was cancelled. Nothing ran and nothing was undone")]
    Cancelled,
    /// The program failed in the check of the retry.
    #[error("failed to retry: the program failed while it checked it. Nothing ran and nothing was undone")]
    CheckFailed,
    /// A call of the set went on.
    #[error("failed to retry: a tool of it did not stop within {seconds} s. Nothing ran and nothing was undone")]
    NotHalted { seconds: u64 },
    /// Another tool kept the workspace.
    #[error("failed to retry: {holder} is using the workspace. Nothing ran and nothing was undone")]
    NotHeld { holder: String },
    /// The undo did not do all that it should.
    #[error("failed to retry: {0}. Nothing ran")]
    Stopped(#[from] RetryStopped),
}

/// The part of a retry's undo that failed.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum RetryStopped {
    /// Another action, program or person changed a key meanwhile.
    #[error("{action} ({key}) was changed since")]
    Conflict { action: Seq, key: String },
    /// The second reading differs from the record.
    #[error("the undo did not restore everything: {}", .differs.join("; "))]
    NotRestored { differs: Vec<String> },
    /// Actions that should be undone, and are not.
    #[error("{}", .left.join("; "))]
    Left { left: Vec<String> },
    /// The undo did not come to its end.
    #[error(transparent)]
    Undo(#[from] UndoRefusal),
}

/// The reason why today's pipeline can't be read.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum TodayError {
    /// The run does not say where its pipeline came from.
    #[error("its file is not known")]
    NoFile,
    /// The file has faults.
    #[error("{} has faults: {faults}", .file.display())]
    Faults {
        file: PathBuf,
        #[source]
        faults: Faults,
    },
}
