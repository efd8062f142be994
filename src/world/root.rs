//! The workspace as one folder: the one that was opened, whatever its name means by now.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, MetadataExt as _};

use super::WorldError;

/// The folder of the workspace, open, and the path by which it was opened.
pub(super) struct Root {
    folder: Dir,
    path: PathBuf,
    /// Device and inode.
    id: (u64, u64),
}

impl Root {
    /// `path`: absolute and without links.
    pub(super) fn new(folder: Dir, path: &Path) -> std::io::Result<Self> {
        let found = folder.dir_metadata()?;
        Ok(Self { folder, path: path.to_owned(), id: (found.dev(), found.ino()) })
    }

    /// The path by which it was opened.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its device and inode.
    pub(super) fn id(&self) -> (u64, u64) {
        self.id
    }

    /// Its device.
    pub(super) fn device(&self) -> u64 {
        self.id.0
    }

    /// The open folder, if it is still the one at its path.
    pub(super) fn folder(&self) -> Result<&Dir, WorldError> {
        let there = fs::symlink_metadata(&self.path);
        if there.as_ref().is_ok_and(|found| (found.dev(), found.ino()) == self.id) {
            return Ok(&self.folder);
        }
        let what = match (self.place_now(), there) {
            (Some(now), Ok(_)) => format!("it was moved to {}, and something else is in its place", now.display()),
            (Some(now), Err(_)) => format!("it was moved to {}", now.display()),
            (None, Ok(_)) => "another folder is in its place".to_owned(),
            (None, Err(_)) => "it was removed, or its file system was unmounted".to_owned(),
        };
        Err(WorldError::Moved { path: self.path.display().to_string(), what })
    }

    /// Where the folder is now, if the system can tell and it is still there.
    fn place_now(&self) -> Option<PathBuf> {
        let now = fs::read_link(format!("/proc/self/fd/{}", self.folder.as_raw_fd())).ok()?;
        fs::metadata(&now).is_ok_and(|found| (found.dev(), found.ino()) == self.id).then_some(now)
    }
}
