//! The log file: the newest rows, durable with one sync, until they are in the database.
//!
//! Its entries (`entries`) are only appended. Once the database has all of them, it is emptied; what it still has by then
//! does no harm, since rows that the database has are passed over. Closing the run removes it.
//!
//! An emptied file keeps its length and is full of zeros: a sync of bytes that replace others needs no change of the
//! file system's own records, and takes a quarter less time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::encode::Stored;
use super::entries::Entries;
use super::files::{file_error, sync_dir};
use super::inside::read_file;
use super::points::{crash_point, fail_point};
use super::schema::Layout;
use super::stamp::Signed;
use super::{entries, meter};

/// Its name in the run's folder.
pub(super) const NAME: &str = "run.log";

/// The largest file that is read: more than the writer ever leaves.
const LARGEST: u64 = 2 << 30;

/// The longest file that keeps its length.
const ROOM: u64 = 1 << 20;

/// The log file, open to append.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    path: PathBuf,
    /// Where the next entry goes.
    length: u64,
    /// The file's own length: zeros follow the entries.
    room: u64,
}

impl LogFile {
    /// Starts an empty one, in the place of what is there: the caller has moved all of that.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        // A new file, not an empty one: `recover` may have kept the old one under a second name.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file_error("remove", path)(error)),
            _ => {}
        }
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let opened = opened.map_err(file_error("create the log file", path))?;
        sync_dir(path.parent().unwrap_or(Path::new(".")))?;
        Ok(Self::of(opened, path))
    }

    /// Takes a file that is empty.
    pub(super) fn of(file: File, path: &Path) -> Self {
        Self { file, path: path.to_owned(), length: 0, room: 0 }
    }

    /// Appends rows as one entry, and the signature of their end as another; durable when it returns.
    pub(super) fn append(&mut self, rows: &[Stored], signed: Option<&Signed>) -> Result<(), StoreError> {
        let entry = entries::encode(rows).ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge));
        let signed = signed.map(entries::encode_signed).unwrap_or_default();
        let entry = entry.map(|entry| [entry, signed].concat());
        let written = entry.and_then(|entry| self.write(&entry).map(|()| entry.len() as u64));
        if written.is_err() {
            // Nothing follows it, and nobody was told of it; a torn entry is passed over anyway.
            drop(self.file.set_len(self.length));
        }
        self.length += written.map_err(file_error("write to", &self.path))?;
        self.room = self.room.max(self.length);
        Ok(())
    }

    fn write(&mut self, entry: &[u8]) -> io::Result<()> {
        crash_point("log-begin");
        fail_point("log-write")?;
        let (first, second) = entry.split_at(entry.len() / 2);
        self.file.write_all(first)?;
        crash_point("log-half");
        self.file.write_all(second)?;
        crash_point("log-written");
        fail_point("log-sync")?;
        self.file.sync_data()?;
        meter::synced();
        crash_point("log-synced");
        Ok(())
    }

    /// The length of its entries in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Empties it: the database has every row of it.
    pub(super) fn cut(&mut self) -> Result<(), StoreError> {
        if self.length > 0 {
            let cut = fail_point("log-cut").and_then(|()| self.empty());
            cut.map_err(file_error("cut", &self.path))?;
            self.length = 0;
            crash_point("log-cut");
        }
        Ok(())
    }

    fn empty(&mut self) -> io::Result<()> {
        self.file.rewind()?;
        if self.room > ROOM {
            self.room = 0;
            return self.file.set_len(0);
        }
        self.file.write_all(&vec![0; usize::try_from(self.length).unwrap_or(0)])?;
        self.file.rewind()
    }

    /// Removes it: the run is closed.
    pub(super) fn remove(&self) -> Result<(), StoreError> {
        fs::remove_file(&self.path).map_err(file_error("remove", &self.path))?;
        crash_point("log-removed");
        Ok(())
    }
}

/// The content of the log file in a run's folder, with the columns of the run's database; nothing where there is none.
pub(super) fn read(folder: &Path, layout: &Layout) -> Result<Entries, StoreError> {
    match read_file(folder, &[NAME], LARGEST) {
        Ok(bytes) => Ok(entries::decode(&bytes, layout)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entries::default()),
        Err(error) => Err(file_error("read", &folder.join(NAME))(error)),
    }
}

/// True if a run's folder has a log file with anything in it.
pub(super) fn is_filled(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.len() > 0)
}
