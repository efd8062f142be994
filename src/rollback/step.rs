//! The steps of an undo, and the keys as they will be after them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::{ActionRecord, BlobHash, Key, KeyState, Seq};
use crate::store::{RunLog, StoreError};
use crate::world::path::ROOT;

/// One undo that may be carried out.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The action.
    pub action: Seq,
    /// Its row.
    pub record: Arc<ActionRecord>,
    /// The present state (unknown for memory, which equals the log; the action's result for a compensation).
    pub present: KeyState,
    /// The bytes to keep for a redo.
    pub keep: Option<BlobHash>,
    /// True when the log has no outcome of the action, but the world shows that it was applied.
    pub lacks_outcome: bool,
}

/// Keys as they will be after the steps planned so far.
#[derive(Default)]
pub(super) struct Projection {
    /// The actions they undo.
    pub undone: HashSet<Seq>,
    /// Those of them that will stay after all, such as folders that are not empty at their turn.
    pub kept: HashSet<Seq>,
    /// The states they leave, by path.
    pub states: HashMap<String, KeyState>,
    /// The actions that are asked for.
    pub wanted: HashSet<Seq>,
    /// True when nothing will be done, so that no after-image needs to be stored.
    pub is_preview: bool,
    /// After-images for a redo, not yet on disk.
    pub unsaved: Vec<Vec<u8>>,
}

impl Projection {
    /// True when an action will be undone by then.
    pub fn undoes(&self, action: Seq) -> bool {
        self.undone.contains(&action) && !self.kept.contains(&action)
    }

    /// Stores an after-image; it is on disk after [`Projection::flush`].
    pub fn store(&mut self, log: &RunLog, bytes: Vec<u8>) -> Result<(), StoreError> {
        const AT_ONCE: usize = 64 << 20;
        self.unsaved.push(bytes);
        if self.unsaved.iter().map(Vec::len).sum::<usize>() > AT_ONCE { self.flush(log) } else { Ok(()) }
    }

    /// True when a folder above a path will differ from the present one.
    pub fn opens(&self, key: &Key) -> bool {
        self.states.contains_key(ROOT)
            || key.name.match_indices('/').any(|(at, _)| self.states.contains_key(&key.name[..at]))
    }

    /// Writes the stored after-images to disk.
    pub fn flush(&mut self, log: &RunLog) -> Result<(), StoreError> {
        if self.unsaved.is_empty() {
            return Ok(());
        }
        let unsaved = std::mem::take(&mut self.unsaved);
        let all: Vec<&[u8]> = unsaved.iter().map(Vec::as_slice).collect();
        log.recorder().put_blobs(&all).map(drop)
    }
}
