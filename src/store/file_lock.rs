//! A lock on a file that ends when it is dropped.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

/// A locked file. Closing it would not be enough: a process that another thread is just starting has the same file
/// open until it becomes another program, and would hold the lock meanwhile (flock(2)).
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Takes care of a lock that was taken on this file.
    #[must_use]
    pub fn of(locked: File) -> Self {
        Self(locked)
    }

    /// Locks a file that is there; `None`: it is not, or another process has locked it.
    pub(super) fn try_take(path: &Path) -> Option<Self> {
        let file = File::options().read(true).write(true).open(path).ok()?;
        file.try_lock().ok().map(|()| Self(file))
    }
}

impl Deref for FileLock {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing it, which comes next, is all that can be done otherwise.
        let _ = self.0.unlock();
    }
}
