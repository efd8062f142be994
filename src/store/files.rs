//! Files that survive a crash: whole or not at all, and their folder's entry synced.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::StoreError;

/// Names a file's error.
pub(super) fn file_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.display().to_string();
    move |error| StoreError::File { what, path, why: error.to_string() }
}

/// Makes a folder's entries durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(file_error("sync the folder", path))
}

/// Replaces a file as a whole (0600): written beside it, synced, renamed, folder synced.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|failed| failed.error)
    });
    written.map_err(file_error("write", path))?;
    sync_dir(folder)
}

/// Creates a folder that only its owner can enter; one that is there is kept as it is.
pub(super) fn private_dir(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(file_error("create the folder", path))
}

/// The bytes of all files in a folder and below it; what can't be read counts nothing.
pub(super) fn size_of(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let sizes = entries.flatten().filter_map(|entry| {
        let kind = entry.file_type().ok()?;
        if kind.is_dir() { Some(size_of(&entry.path())) } else { Some(entry.metadata().ok()?.len()) }
    });
    sizes.sum()
}
