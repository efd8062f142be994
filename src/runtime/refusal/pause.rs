//! The refusals of a pause.

/// The reason why nothing can be paused.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum PauseRefusal {
    /// The run has ended.
    #[error("nothing runs, so nothing can be paused")]
    NothingRuns,
    /// Every branch is at a stop.
    #[error("every branch is paused already")]
    AllPaused,
}
