//! Folders for the writes of commands: temporary files, and the upper side of overlays. Each is locked by the process
//! that uses it, so that folders of dead processes can be recognised and removed.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::store::FileLock;

/// One command's folder, removed with everything in it when dropped (blocks for as long as that takes).
#[derive(Debug)]
pub struct Scratch {
    dir: PathBuf,
    /// Released after the folder is removed.
    #[allow(dead_code, reason = "it is held, and that is all")]
    lock: FileLock,
}

impl Scratch {
    /// Makes a folder.
    pub(super) fn create(base: &Path) -> io::Result<Self> {
        loop {
            let name = random_name()?;
            let lock = File::options().write(true).create_new(true).mode(0o600).open(lock_path(&base.join(&name)))?;
            // Another process may have swept it before it was locked.
            if lock.try_lock().is_err() || lock.metadata()?.nlink() == 0 {
                continue;
            }
            let scratch = Self { dir: base.join(name), lock: FileLock::of(lock) };
            for dir in [scratch.dir.clone(), scratch.upper(), scratch.work(), scratch.temp(), scratch.caches()] {
                DirBuilder::new().mode(0o700).create(dir)?;
            }
            return Ok(scratch);
        }
    }

    /// Returns the folder's path.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Returns the upper side of an overlay mounted with `userxattr`: it has written files at the same relative paths
    /// and a character device 0/0 for each removed one; a folder that replaces one has the attribute
    /// `user.overlay.opaque`.
    pub fn upper(&self) -> PathBuf {
        self.dir.join("upper")
    }

    /// Gives the upper side the permission bits of the workspace, which is seen with those of the upper side.
    pub(super) fn copy_mode_of(&self, workspace: &Path) -> io::Result<()> {
        fs::set_permissions(self.upper(), fs::metadata(workspace)?.permissions())
    }

    pub(super) fn work(&self) -> PathBuf {
        self.dir.join("work")
    }

    pub(super) fn temp(&self) -> PathBuf {
        self.dir.join("temp")
    }

    /// Returns the folder that takes writes to the caches of tools.
    pub(super) fn caches(&self) -> PathBuf {
        self.dir.join("caches")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder that can't be removed now is swept later: its lock is gone with this process.
        if remove_tree(&self.dir).is_ok() {
            let _ = fs::remove_file(lock_path(&self.dir));
        }
    }
}

/// Makes the folder for scratch folders, and checks that it is the user's own.
pub(super) fn prepare(base: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(base)?;
    let data = fs::symlink_metadata(base)?;
    let own = data.is_dir() && data.uid() == nix::unistd::geteuid().as_raw() && data.mode() & 0o022 == 0;
    if own { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// Removes the scratch folders of processes that are gone.
pub(super) fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let path = entry.path();
        let (dir, lock) = match path.extension() {
            Some(end) if end == "lock" => (path.with_extension(""), path),
            _ => (path.clone(), lock_path(&path)),
        };
        // Held until it is removed, so that nobody else removes it too.
        let held = match File::options().write(true).open(&lock) {
            Ok(file) => match file.try_lock() {
                Ok(()) => Some(FileLock::of(file)),
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => continue,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => continue,
        };
        if remove_tree(&dir).is_ok() {
            let _ = fs::remove_file(&lock);
        }
        drop(held);
    }
}

fn lock_path(dir: &Path) -> PathBuf {
    dir.with_extension("lock")
}

pub(super) fn random_name() -> io::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// Removes a folder with everything in it, also folders that nobody may enter (the kernel leaves one in an overlay's
/// work folder). Never follows a link. Nothing else may be at work in there.
pub(super) fn remove_tree(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(()) => return Ok(()),
        Err(_) => {}
    }
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    fs::remove_dir_all(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_of_the_dead_is_swept_and_no_other() {
        let base = tempfile::tempdir().unwrap();
        prepare(base.path()).unwrap();
        let live = Scratch::create(base.path()).unwrap();
        let dead = Scratch::create(base.path()).unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), dead.upper().join("link")).unwrap();
        let closed = dead.work().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::create_dir(closed.join("in it")).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
        let dir = dead.path().to_owned();
        dead.lock.unlock().unwrap();
        sweep(base.path());
        assert!(!dir.exists());
        assert!(live.path().exists());
        assert!(outside.path().join("kept").exists());
        std::mem::forget(dead);
        drop(live);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }
}
