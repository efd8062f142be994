//! The refusals of tries with choices.

use super::RetryRefusal;
use crate::model::{Seq, TrySettings};
use crate::pipeline::WithModelError;

/// The reason why tries don't begin, or a try is not kept.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum TriesRefusal {
    /// The retry that each try begins with would be refused.
    #[error(transparent)]
    Retry(#[from] RetryRefusal),
    /// One of the models can't be tried.
    #[error("failed to {0}. Nothing ran and nothing was undone")]
    Model(WithModelError),
    /// The number of tries.
    #[error("failed to try it {asked} times: at least 1 and at most {} at once", TrySettings::MOST)]
    Count { asked: u32 },
    /// The run is under way.
    #[error("failed to try it several times: the run is under way; wait until it has ended, or cancel it with X")]
    UnderWay,
    /// The plan holds an action that can't be undone.
    #[error(
        "failed to try it several times: {action} {key} can't be undone: {why}. A plain retry keeps it. Nothing ran and \
         nothing was undone"
    )]
    Stays { action: Seq, key: String, why: String },
    /// The plan holds an action that could not be put back.
    #[error(
        "failed to try it several times: {action} {key} {why}, so the run could not be put back as it is. Use a plain \
         retry. Nothing ran and nothing was undone"
    )]
    NotPutBack { action: Seq, key: String, why: String },
    /// There are no tries.
    #[error("there are no tries to choose from")]
    None,
    /// Tries are under way.
    #[error("the tries are not over yet; wait, or cancel them with X")]
    NotOver,
    /// No try has this number.
    #[error("there is no try {number}")]
    NoTry { number: u32 },
    /// A try could not be put in place.
    #[error("failed to keep try {number}: {why}. The run is as it was before the tries")]
    NotKept { number: u32, why: String },
    /// Something else would change the run meanwhile.
    #[error("tries are under way: keep one of them, or none, first (R shows them)")]
    InTheWay,
    /// The program failed in the check.
    #[error("failed to try it: the program failed while it checked it. Nothing ran and nothing was undone")]
    Failed,
}
