//! One thing that a command changed.

use crate::model::{Key, KeyKind, KeyState};

/// One thing that a command changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its path, relative to the workspace, as in [`crate::model::Key`].
    pub path: String,
    /// The before-image.
    pub old: KeyState,
    /// The after-image (in overlay mode: the state once the change is applied).
    pub new: KeyState,
    /// The reason why its bytes are not kept, so that it can't be undone: too large, excluded, not a file.
    pub left_out: Option<String>,
    /// The other path of a file that was only renamed and is too large to be kept: its bytes are nowhere but in the file
    /// itself.
    pub moved: Option<String>,
}

/// The end of the reasons for what is neither file, folder nor link.
pub(super) const LEFT_ALONE: &str = "left alone";
/// The reason for a file that was written to while it was read.
pub(super) const UNSTEADY: &str = "it was being written to";

impl Changed {
    /// True for a pipe, a socket or a device that was made: where a command writes beside the workspace, it stays there.
    #[must_use]
    pub fn stays(&self) -> bool {
        self.new == KeyState::Unknown && self.left_out.as_ref().is_some_and(|why| why.ends_with(LEFT_ALONE))
    }

    /// True for a file that was written to while it was read.
    #[must_use]
    pub fn is_unsteady(&self) -> bool {
        self.new == KeyState::Unknown && self.left_out.as_deref() == Some(UNSTEADY)
    }

    /// Returns its key; its kind is that of the after-image, or of the before-image when it was removed.
    #[must_use]
    pub fn key(&self) -> Key {
        let state = if self.new == KeyState::Absent { &self.old } else { &self.new };
        let kind = match state {
            KeyState::Directory { .. } => KeyKind::Directory,
            KeyState::Symlink { .. } => KeyKind::Symlink,
            _ => KeyKind::File,
        };
        Key { kind, name: self.path.clone() }
    }
}
