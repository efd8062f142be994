//! Texts of a run that may have ended: a fast run closes its log before its last events are printed.

use std::sync::Arc;
use std::time::Duration;

use crate::model::TextHash;
use crate::store::{Access, Opened, Recorder, RunFolder, RunLog, StoreError};

/// Reads texts of a run while its log is open, and from its folder afterwards.
pub(super) struct RunTexts {
    log: RunLog,
    folder: Option<RunFolder>,
    /// The run opened again for reading, once that was needed.
    stored: Option<Arc<dyn Recorder>>,
}

impl RunTexts {
    /// Reads from a log; from the folder when the log is closed.
    pub fn new(log: RunLog, folder: Option<RunFolder>) -> Self {
        Self { log, folder, stored: None }
    }

    /// Returns a text.
    ///
    /// # Errors
    /// When neither the log nor the folder can be read.
    pub fn read(&mut self, hash: TextHash) -> Result<String, StoreError> {
        let live = match &self.stored {
            Some(stored) => return stored.text(hash),
            None => self.log.recorder().text(hash),
        };
        let (Err(_), Some(folder)) = (&live, &self.folder) else { return live };
        let opened = open_after_close(folder)?;
        self.stored.insert(opened.log.recorder().clone()).text(hash)
    }
}

/// Opens a run for reading. The session holds its lock until its log is closed to the last row.
fn open_after_close(folder: &RunFolder) -> Result<Opened, StoreError> {
    const STEP: Duration = Duration::from_millis(5);
    const MOST: u32 = 400;
    for _ in (0..MOST).take_while(|_| folder.is_held()) {
        std::thread::sleep(STEP);
    }
    folder.open(Box::new(|_| {}), Access::ReadOnly)
}
