//! The refusals of an undo or a redo.

use super::NoAction;

/// The reason why an undo or a redo does not start, or did not finish.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum UndoRefusal {
    /// The run records nothing.
    #[error("failed to undo: this run is not recorded")]
    NotRecorded,
    /// The run has no such action.
    #[error(transparent)]
    NoAction(#[from] NoAction),
    /// The span has nothing to undo.
    #[error("nothing to undo: this span has no applied changes")]
    NothingToUndo,
    /// A span at or below it is at work.
    #[error("{label} is still running; pause it first (p)")]
    StillRunning { label: String },
    /// Another undo is under way.
    #[error("an undo is running; wait for it, or cancel it (X)")]
    UnderWay,
    /// A tool or a command has the workspace.
    #[error("{holder} is using the workspace; wait for it, or pause the run")]
    InUse { holder: String },
    /// The changes of the span that is to continue are being undone.
    #[error("changes of {label} are being undone; wait for it, or cancel it (X)")]
    BeingUndone { label: String },
    /// The undo was asked to stop, and goes on.
    #[error("failed to stop this undo within {seconds} s; wait for it, or quit and open the run again to finish it")]
    NotStopped { seconds: u64 },
    /// The program failed in the undo.
    #[error("failed to finish this undo; open the run again to finish it")]
    NotFinished,
}
