//! What can go wrong while looking for changes.

use std::io;
use std::path::Path;

/// Why changes could not be captured; phrased to follow "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// Something in the workspace could not be looked at.
    #[error("{what} `{path}` of the workspace: {why}")]
    Workspace {
        /// What was tried.
        what: &'static str,
        /// Where, as people read it.
        path: String,
        /// What the system said.
        why: String,
    },
    /// Before-images or their list could not be kept or read.
    #[error("{what} `{path}`: {why}")]
    Store {
        /// What was tried.
        what: &'static str,
        /// Which file or folder.
        path: String,
        /// What the system said.
        why: String,
    },
    /// What is stored is not what was written.
    #[error("read what was kept before the command: {0}")]
    Damaged(String),
    /// Bytes that are not kept.
    #[error("find the bytes {0}: they are not kept")]
    Missing(String),
    /// A pattern that can't be read.
    #[error("read the glob `{glob}`: {why}")]
    Glob {
        /// The pattern.
        glob: String,
        /// What is wrong with it.
        why: String,
    },
    /// The overlay's layer holds something that can't be read without the mount.
    #[error("read the changes at `{path}`: {why}")]
    Overlay {
        /// Where.
        path: String,
        /// What is there.
        why: &'static str,
    },
}

/// Names an error in the workspace; `path` is relative to it.
pub(super) fn workspace_error(what: &'static str, path: &[u8]) -> impl FnOnce(io::Error) -> CaptureError {
    let path = crate::model::readable_name(&crate::model::name_from_bytes(if path.is_empty() { b"." } else { path }));
    move |error| CaptureError::Workspace { what, path, why: error.to_string() }
}

/// Names an error in the store.
pub(super) fn store_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CaptureError {
    let path = path.display().to_string();
    move |error| CaptureError::Store { what, path, why: error.to_string() }
}
