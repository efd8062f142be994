//! A private copy of a database, with its write-ahead log: the database's code may write to it as it likes.
//!
//! The program that writes the database may be at work meanwhile. It is not held up; a copy that a change came in
//! between of is made anew.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::kind::{self, Kind};
use crate::store::StoreError;
use crate::store::files::file_error;

/// Copies that are tried before it is given up.
const TRIES: u32 = 20;

/// A copy of a database; it goes with its value.
pub(super) struct Copy {
    folder: TempDir,
    /// The kind of the database.
    pub kind: Kind,
    /// Bytes of all its files.
    pub bytes: u64,
}

impl Copy {
    /// Copies a database.
    pub(super) fn make(path: &Path) -> Result<Self, StoreError> {
        let kind = Kind::of(path)?;
        let failed = |error| file_error("copy", path)(error);
        for _ in 0..TRIES {
            let folder = tempfile::Builder::new().prefix("tama-tui-db-").tempdir().map_err(failed)?;
            let before = state(path, kind).map_err(failed)?;
            let bytes = before.iter().flatten().map(|file| file.1).fold(0, u64::saturating_add);
            check_room(bytes, folder.path()).map_err(failed)?;
            let copy = Self { folder, kind, bytes };
            copy_file(path, &copy.path()).map_err(failed)?;
            for end in kind.companions() {
                match copy_file(&beside(path, end), &beside(&copy.path(), end)) {
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    copied => copied.map_err(failed)?,
                }
            }
            if state(path, kind).map_err(failed)? == before {
                return Ok(copy);
            }
        }
        Err(kind::refusal(path, "the program that writes it changes it too often; try again"))
    }

    /// The copied database.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("copy.db")
    }
}

/// The path with an end put to it.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = kind::open(from)?;
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut from, &mut copy).map(drop)
}

/// Inode, length and time of change of a file.
type FileState = (u64, u64, i64, i64);

/// Tells one state of a database's files from another.
fn state(path: &Path, kind: Kind) -> io::Result<Vec<Option<FileState>>> {
    let of = |path: &Path| -> io::Result<FileState> {
        let found = path.metadata()?;
        Ok((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
    };
    let others = kind.companions().iter().map(|end| match of(&beside(path, end)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    });
    std::iter::once(of(path).map(Some)).chain(others).collect()
}

/// Files that are longer than there is room for are not copied.
fn check_room(bytes: u64, to: &Path) -> io::Result<()> {
    let found = nix::sys::statvfs::statvfs(to)?;
    #[allow(clippy::useless_conversion, reason = "the widths differ from system to system")]
    let free = u64::from(found.blocks_available()).saturating_mul(u64::from(found.fragment_size()));
    if bytes < free { Ok(()) } else { Err(ErrorKind::StorageFull.into()) }
}
