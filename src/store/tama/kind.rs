//! The kind of a database, by its first bytes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::store::StoreError;
use crate::store::files::file_error;

/// The kinds of databases that tama has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// tama 0.0.4 and later.
    Sqlite,
    /// tama 0.0.1 and 0.0.2.
    Duck,
}

impl Kind {
    /// Its name, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Duck => "DuckDB",
        }
    }

    /// The ends of the names of the files that belong to a database.
    pub(super) fn companions(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &["-wal", "-journal"],
            Self::Duck => &[".wal"],
        }
    }

    /// The kind of a file; an error says that it is none.
    pub(super) fn of(path: &Path) -> Result<Self, StoreError> {
        let mut first = Vec::new();
        open(path).and_then(|file| file.take(16).read_to_end(&mut first)).map_err(file_error("read", path))?;
        match first.as_slice() {
            b"SQLite format 3\0" => Ok(Self::Sqlite),
            bytes if bytes.get(8..12) == Some(b"DUCK") => Ok(Self::Duck),
            [] => Err(refusal(path, "it is empty")),
            _ => Err(refusal(path, "it is neither a SQLite nor a DuckDB database")),
        }
    }
}

/// Opens a regular file to read it; a pipe or a device is refused, and not waited for.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Says why a file is not one that can be read here.
pub(super) fn refusal(path: &Path, why: &str) -> StoreError {
    StoreError::File {
        what: "read",
        path: path.display().to_string(),
        why: format!("{why}. Name the runs.db or runs.duckdb that tama has left in the .tama folder of its project"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        let kind = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Kind::of(&path).map_err(|error| error.to_string())
        };
        assert_eq!(kind(b"SQLite format 3\0\x10\0"), Ok(Kind::Sqlite));
        assert_eq!(kind(b"12345678DUCKxyz"), Ok(Kind::Duck));
        assert!(kind(b"").unwrap_err().contains("it is empty"));
        assert!(kind(b"SQLite").unwrap_err().contains("neither"));
        assert!(Kind::of(folder.path()).is_err(), "a folder");
    }
}
