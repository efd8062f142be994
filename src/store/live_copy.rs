//! A copy of a run that another process is writing, to look at. The writer is not held up: nothing of it is locked.
//!
//! The mark is copied first, then the log file, then the database with its own log. A row that leaves the log file
//! meanwhile is in the database by then, so the copy has every row up to the mark. The database's file itself changes only
//! when it is packed: a copy that this came in between of is made anew.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use tempfile::TempDir;

use super::files::file_error;
use super::inside::open_file;
use super::{StoreError, log_file, mark};

const DATABASE: &str = "run.duckdb";
const WAL: &str = "run.duckdb.wal";

/// Copies that are tried before it is given up.
const TRIES: u32 = 20;

/// Copies the log of the run in a folder into a folder for temporary files.
pub(super) fn make(run: &Path) -> Result<TempDir, StoreError> {
    let failed = |error| file_error("copy the run in", run)(error);
    for _ in 0..TRIES {
        let copy = tempfile::Builder::new().prefix("tama-tui-look-").tempdir().map_err(failed)?;
        check_room(run, copy.path()).map_err(failed)?;
        for name in [mark::NAME, log_file::NAME] {
            copy_file(run, name, copy.path()).map_err(failed)?;
        }
        let before = state(run).map_err(failed)?;
        for name in [DATABASE, WAL] {
            copy_file(run, name, copy.path()).map_err(failed)?;
        }
        if state(run).map_err(failed)? == before {
            return Ok(copy);
        }
    }
    Err(StoreError::Unreadable("the process that writes it changes it too often; try again".to_owned()))
}

/// Copies a file; one that isn't there is left out.
fn copy_file(run: &Path, name: &str, to: &Path) -> io::Result<()> {
    let mut from = match open_file(run, &[name]) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to.join(name))?;
    io::copy(&mut from, &mut copy).map(drop)
}

/// Tells one state of the database's file from another.
fn state(run: &Path) -> io::Result<(u64, u64, i64, i64)> {
    let found = open_file(run, &[DATABASE])?.metadata()?;
    Ok((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// A file that is longer than there is room for is not copied.
fn check_room(run: &Path, to: &Path) -> io::Result<()> {
    let length = |name: &str| fs::symlink_metadata(run.join(name)).map_or(0, |found| found.len());
    let wanted = [DATABASE, WAL, log_file::NAME].map(length).into_iter().fold(0_u64, u64::saturating_add);
    let found = nix::sys::statvfs::statvfs(to)?;
    #[allow(clippy::useless_conversion, reason = "the widths differ from system to system")]
    let free = u64::from(found.blocks_available()).saturating_mul(u64::from(found.fragment_size()));
    if wanted < free { Ok(()) } else { Err(ErrorKind::StorageFull.into()) }
}
