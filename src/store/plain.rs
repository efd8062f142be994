//! The folder of a run that is going to be written: nothing in it may lead elsewhere.

use std::fs::{self, DirEntry};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::StoreError;
use super::files::file_error;

/// The folders that a recovery left: their files may have a second name.
const ASIDE: &str = "damaged-";

/// Checks that everything in a run's folder is a file or a folder. `deep`: also in its folders, and that no file of it
/// has a second name, as in a folder that another program or person may have made.
///
/// # Errors
/// The first entry that is not.
pub(super) fn check(folder: &Path, deep: bool) -> Result<(), StoreError> {
    let unread = |error| file_error("read the folder", folder)(error);
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let found = entry.metadata().map_err(unread)?;
            if !found.is_dir() && !found.is_file() {
                return Err(refused(&entry, "is neither a file nor a folder. Remove it"));
            }
            if deep && found.is_file() && found.nlink() > 1 {
                return Err(refused(&entry, "has a second name (a hard link). Copy the run's folder with `cp -r`"));
            }
            if deep && found.is_dir() && !entry.file_name().to_string_lossy().starts_with(ASIDE) {
                open.push(entry.path());
            }
        }
    }
    Ok(())
}

fn refused(entry: &DirEntry, why: &str) -> StoreError {
    StoreError::Unsafe(format!("{} {why}, and try again", entry.path().display()))
}
