//! Files that survive a crash: whole or not at all, and their folder's entry synced.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::points::{crash_point, fail_point};
use super::sparse;

/// Names a file's error.
pub(super) fn file_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.display().to_string();
    move |error| StoreError::File { what, path, why: error.to_string() }
}

/// Makes a folder's entries durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    fail_point("folder-sync").and_then(|()| File::open(path)?.sync_all()).map_err(file_error("sync the folder", path))
}

/// Replaces a file as a whole (0600): written beside it, synced, renamed, folder synced.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|file| {
        fail_point("file-write")?;
        sparse::write(file.as_file(), bytes)?;
        fail_point("file-sync")?;
        file.as_file().sync_all()?;
        fail_point("file-rename")?;
        file.persist(path).map_err(|failed| failed.error)
    });
    written.map_err(file_error("write", path))?;
    sync_dir(folder)
}

/// Does what [`replace`] does for many files of one folder, with one sync of them all.
pub(super) fn replace_all(folder: &Path, files: &[(PathBuf, &[u8])]) -> Result<(), StoreError> {
    // Opened first: the system tells this handle of what could not be written from here on.
    let handle = File::open(folder).map_err(file_error("open the folder", folder))?;
    let mut written = Vec::with_capacity(files.len());
    for (path, bytes) in files {
        let temporary = tempfile::NamedTempFile::new_in(folder).and_then(|file| {
            fail_point("file-write")?;
            sparse::write(file.as_file(), bytes)?;
            if !SYNCS_AT_ONCE {
                file.as_file().sync_all()?;
            }
            // Closed: there may be more of them than handles.
            Ok(file.into_temp_path())
        });
        written.push(temporary.map_err(file_error("write", path))?);
    }
    let synced = fail_point("file-sync").and_then(|()| sync_file_system(&handle));
    synced.map_err(file_error("sync the files of", folder))?;
    crash_point("blobs-written");
    for (temporary, (path, _)) in written.into_iter().zip(files) {
        temporary.persist(path).map_err(|failed| file_error("write", path)(failed.error))?;
    }
    crash_point("blobs-renamed");
    handle.sync_all().map_err(file_error("sync the folder", folder))
}

/// Makes files of one folder durable that may have been written without a sync.
pub(super) fn sync_files(folder: &Path, paths: &[PathBuf]) -> Result<(), StoreError> {
    // For a few, the whole file system is not made to wait.
    const FEW: usize = 16;
    if paths.len() > FEW && SYNCS_AT_ONCE {
        let synced = File::open(folder).and_then(|handle| sync_file_system(&handle));
        return synced.map_err(file_error("sync the files of", folder));
    }
    for path in paths {
        File::open(path).and_then(|file| file.sync_all()).map_err(file_error("sync", path))?;
    }
    if paths.is_empty() { Ok(()) } else { sync_dir(folder) }
}

/// True where many files can be synced in one go.
const SYNCS_AT_ONCE: bool = cfg!(target_os = "linux");

#[cfg(target_os = "linux")]
fn sync_file_system(handle: &File) -> io::Result<()> {
    Ok(nix::unistd::syncfs(handle)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &File) -> io::Result<()> {
    Ok(())
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
