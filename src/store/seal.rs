//! The seal: what closing leaves behind the mark, so that the next opening knows that nothing happened to the database
//! in between.
//!
//! It names the data folder (`home`) and the database's length and hash. A run with a seal that fits is read by this
//! program itself; any other may be damaged, or made elsewhere, and is first read by another process
//! (`inspect`), because a database that is not what it should be can end the process that reads it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::inside::open_file;
use super::mark::SEAL;
use super::{home, log_file};

/// The files that a seal is about.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    /// The database.
    pub(super) database: PathBuf,
    /// The data folder.
    pub(super) data: PathBuf,
}

impl Sealed {
    /// The seal of the database as it is now; `None` when there is more than the database (its own log, or the run's
    /// log file), or no home.
    pub(super) fn seal(&self) -> Option<String> {
        if wal(&self.database).exists() || log_file::is_filled(&self.database.with_file_name(log_file::NAME)) {
            return None;
        }
        let home = home::read(&self.data)?;
        let (length, hash) = digest(&self.database).ok()?;
        Some(format!("{SEAL}{home} {length:020} {hash}\n"))
    }

    /// True if the text behind the mark is the seal of the database as it is now.
    pub(super) fn fits(&self, found: &[u8]) -> bool {
        // The length tells most of them apart without reading everything.
        let length = fs::symlink_metadata(&self.database).map_or(0, |file| file.len());
        let Ok(text) = std::str::from_utf8(found) else { return false };
        text.contains(&format!(" {length:020} ")) && self.seal().is_some_and(|seal| seal == text)
    }
}

/// A database's own log.
pub(super) fn wal(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".wal");
    path.into()
}

fn digest(path: &Path) -> io::Result<(u64, blake3::Hash)> {
    let mut hasher = blake3::Hasher::new();
    let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    let length = io::copy(&mut open_file(path.parent().unwrap_or(Path::new(".")), &[name])?, &mut hasher)?;
    Ok((length, hasher.finalize()))
}
