//! The refusals of a resume.

use super::RetryRefusal;
use crate::model::SpanId;

/// The reason why a run does not go on.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum ResumeRefusal {
    /// It came to its end.
    #[error("nothing to resume: the run has ended. Retry a span of it instead")]
    Ended,
    /// The process died before the first row was on disk.
    #[error("nothing to resume: the process died before anything of the run was on disk. Run its pipeline anew")]
    NotBegun,
    /// It runs.
    #[error("nothing to resume: the run is under way")]
    UnderWay,
    /// It watched an agent of another program.
    #[error(
        "failed to resume: this run watched an agent of another program, and only that program can continue it. Its \
         changes can be undone"
    )]
    Wrapped,
    /// It changed after its plan was made.
    #[error("failed to resume: the run changed while the plan was shown; look at the new plan")]
    Changed,
    /// A question of the plan has no answer.
    #[error("failed to resume: {path} ({span}) needs a decision: was it done, or does it run again? Nothing ran")]
    Undecided {
        /// The call.
        span: SpanId,
        /// Its path.
        path: String,
    },
    /// As of a retry.
    #[error(transparent)]
    Retry(#[from] RetryRefusal),
}
