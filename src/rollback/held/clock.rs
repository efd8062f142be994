//! The time of the last look at a layer, on the clock of the file system.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The clock of files goes in steps of some milliseconds.
const STEP: Duration = Duration::from_millis(1);

/// Sets the time of a look to now: what changes later has this time or a later one, what changed before an earlier one.
/// Blocks for some milliseconds.
///
/// # Errors
/// When the file can't be written.
pub fn mark_look(looked: &Path) -> io::Result<SystemTime> {
    let before = write(looked)?;
    loop {
        let now = write(looked)?;
        if now > before {
            return Ok(now);
        }
        std::thread::sleep(STEP);
    }
}

/// The time of the last look; `None`: nobody looked, or it is not known.
pub(super) fn last_look(looked: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(looked).ok()?.modified().ok()
}

fn write(looked: &Path) -> io::Result<SystemTime> {
    let file = File::options().write(true).open(looked)?;
    io::Write::write_all(&mut &file, b".")?;
    file.metadata()?.modified()
}
