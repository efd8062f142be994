//! Errors of capture.

use std::io;
use std::path::Path;

/// An error while capturing changes; phrased to follow "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// Something in the workspace could not be looked at.
    #[error("{what} `{path}` of the workspace: {why}")]
    Workspace {
        /// The operation that failed.
        what: &'static str,
        /// The path, as people read it.
        path: String,
        /// The system's error.
        why: String,
    },
    /// Before-images or their list could not be kept or read.
    #[error("{what} `{path}`: {why}")]
    Store {
        /// The operation that failed.
        what: &'static str,
        /// The file or folder.
        path: String,
        /// The system's error.
        why: String,
    },
    /// The stored data differ from the written ones.
    #[error("read the snapshot: {0}")]
    Damaged(String),
    /// Bytes that are not kept.
    #[error("find the bytes {0}: the snapshot has no copy of them")]
    Missing(String),
    /// A pattern that can't be read.
    #[error("read the glob `{glob}`: {why}")]
    Glob {
        /// The pattern.
        glob: String,
        /// The fault.
        why: String,
    },
    /// The overlay's layer holds something that can't be read without the mount.
    #[error("read the changes at `{path}`: {why}")]
    Overlay {
        /// The path.
        path: String,
        /// The unreadable mark.
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
