//! Finding out what a command changed in the workspace.
//!
//! Two lanes give the same list of [`Changed`] things, in an order in which they can be made (and, backwards, undone).

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
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct CaptureError;
impl CaptureError {
    pub fn gone() -> Self {
        Self
    }
}
#[derive(Clone, Default)]
pub struct Rules;
impl Rules {
    pub fn for_data(_: Option<&std::path::Path>) -> Self {
        Self
    }
}
pub struct Snapshots;
use crate::model::BlobHash;
use std::path::Path;
impl Snapshots {
    pub fn open(_: &Path, _: &Path, _: &Path, _: Rules) -> Result<Self, CaptureError> {
        Ok(Self)
    }
    pub fn recover(_: &Path, _: &Path, _: Rules) -> Result<Option<Self>, CaptureError> {
        Ok(None)
    }
    pub fn take(&mut self) -> Result<BlobHash, CaptureError> {
        Err(CaptureError)
    }
    pub fn changes(&mut self) -> Result<Vec<Changed>, CaptureError> {
        Err(CaptureError)
    }
    pub fn settled(&mut self) -> Result<(), CaptureError> {
        Err(CaptureError)
    }
    pub fn content(&self, _: BlobHash) -> Result<Vec<u8>, CaptureError> {
        Err(CaptureError)
    }
}
pub struct OverlayChanges {
    pub changes: Vec<Changed>,
    pub touched: Vec<(String, std::time::SystemTime)>,
}
impl OverlayChanges {
    pub fn content(&self, _: &str) -> Result<Vec<u8>, CaptureError> {
        Err(CaptureError)
    }
    pub fn modified(&self, _: &str) -> Option<std::time::SystemTime> {
        None
    }
}
pub fn overlay_changes(_: &Path, _: &Path, _: &Rules) -> Result<OverlayChanges, CaptureError> {
    Err(CaptureError)
}
pub fn renames(_: &[Changed]) -> Vec<(usize, usize)> {
    Vec::new()
}
