//! The refusals of a fork.

use crate::effects::llm::LlmError;
use crate::model::SpanId;
use crate::pipeline::WithModelError;
use crate::rollback::PlanError;
use crate::store::{Incompatible, StoreError};
use crate::world::WorldError;

use super::PromptError;

/// The reason why a run is not forked. Nothing is left of the fork, and the parent is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// The span can't be forked at.
    #[error("failed to {0}")]
    NoPlan(#[from] PlanError),
    /// A run can't be read or written.
    #[error("failed to {0}")]
    Store(#[from] StoreError),
    /// The workspace can't be used.
    #[error("failed to {0}")]
    World(#[from] WorldError),
    /// Its requests are hashed in a way that this version doesn't know.
    #[error("failed to fork: {0}")]
    Incompatible(#[from] Incompatible),
    /// The prompt can't be edited.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The model can't be tried.
    #[error("failed to {0}")]
    Model(#[from] WithModelError),
    /// The models are not usable.
    #[error(transparent)]
    Models(#[from] LlmError),
    /// The run watched an agent of another program.
    #[error("failed to fork: only the agent of another program can continue this run")]
    Wrapped,
    /// The pipeline of the run was lost.
    #[error("failed to fork: its pipeline was lost with the damaged part of its log")]
    NoPipeline,
    /// The log is damaged.
    #[error("failed to fork: the log of the run is damaged: {0}. `tama-tui runs recover` reads what is left of it")]
    Damaged(String),
    /// The span takes no such edit.
    #[error("failed to fork with other {what}: {span} is of the kind {kind}, and only the kind {of} has {what}")]
    NoEdit {
        /// The edit.
        what: &'static str,
        /// The span.
        span: SpanId,
        /// Its kind.
        kind: &'static str,
        /// The kind that has it.
        of: &'static str,
    },
    /// The workspace is not as it was there, and nobody said what to do about it.
    #[error("failed to fork: the workspace is not as it was there, and nobody said what to do about it")]
    Moved,
    /// A path can't be put back.
    #[error("failed to restore the workspace: {0}")]
    NotRestored(String),
    /// The workspace can't be copied.
    #[error("failed to copy the workspace to {to}: {why}")]
    NotCopied {
        /// The folder of the copy.
        to: String,
        /// The system's words.
        why: String,
    },
    /// The program failed in it.
    #[error("failed to fork: the program failed in it")]
    Failed,
}
