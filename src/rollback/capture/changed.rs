//! One thing that a command changed.

use crate::model::KeyState;

/// One thing that a command changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its path, relative to the workspace, as in [`crate::model::Key`].
    pub path: String,
    /// What was there before.
    pub old: KeyState,
    /// What is there now (in the overlay lane: what will be there once it has landed).
    pub new: KeyState,
    /// Why its bytes are not kept, so that it can't be undone: too large, excluded, not a file.
    pub left_out: Option<String>,
}
