//! The mark: outside of the database, the last row that was acknowledged, so that rows lost by the database are
//! noticed.
//!
//! Order: rows are synced in the log file, then the mark is written, then waiters get their answer. So the mark never
//! names a row that was not on disk, and every row that was acknowledged is at or before the mark. A process killed in
//! between leaves rows after the mark, which is fine; a log that ends before the mark has lost rows.
//!
//! The mark is synced before the log file is cut, not at each write: until then the log file has the rows, and a system
//! that stops leaves at worst a mark that is behind them.
//!
//! The file has two lines of one length, written in turn and in place: a torn write leaves the other line, which is
//! one write older. Behind them stands the seal of a run that was closed (`seal`).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::chain::Chain;
use super::files::file_error;
use super::points::{crash_point, fail_point};
use super::{StoreError, meter};
use crate::model::Seq;

const CHECK: usize = 16;
const LINE: usize = 20 + 1 + 32 + 1 + CHECK + 1;

/// The end of the log as the mark remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted {
    /// The last row.
    pub(super) seq: Seq,
    /// The chain up to it.
    pub(super) chain: Chain,
}

impl Noted {
    fn line(self) -> String {
        let line = format!("{:020} {}", self.seq.0, self.chain);
        let check = blake3::hash(line.as_bytes()).to_hex();
        format!("{line} {}\n", &check[..CHECK])
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let noted = Self { seq: Seq(words.next()?.parse().ok()?), chain: Chain::parse(words.next()?)? };
        (noted.line() == line).then_some(noted)
    }
}

/// The mark file of one run.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
    path: String,
    next: u64,
}

impl Mark {
    /// Starts a mark for an empty log.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        let line = Noted { seq: Seq(0), chain: Chain::default() }.line();
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
        let file = file
            .and_then(|file| {
                file.write_all_at(line.repeat(2).as_bytes(), 0)?;
                file.sync_all().map(|()| file)
            })
            .map_err(file_error("create the mark", path))?;
        Ok(Self { file, path: path.display().to_string(), next: 0 })
    }

    /// Reads the mark; `None` when it can't be read.
    pub(super) fn read(path: &Path) -> Option<Noted> {
        lines(path).into_iter().flatten().max_by_key(|noted| noted.seq)
    }

    /// Reads the text behind the mark: the seal of a run that was closed.
    pub(super) fn read_seal(path: &Path) -> Vec<u8> {
        std::fs::read(path).ok().and_then(|bytes| Some(bytes.get(2 * LINE..)?.to_vec())).unwrap_or_default()
    }

    /// Opens the mark to go on.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let [first, second] = lines(path);
        let seq = |noted: Option<Noted>| noted.map(|noted| noted.seq);
        let next = u64::from(seq(first) > seq(second));
        let file = OpenOptions::new().write(true).open(path).map_err(file_error("open the mark", path))?;
        // The seal is broken: what follows changes the database.
        file.set_len(2 * LINE as u64).map_err(file_error("open the mark", path))?;
        Ok(Self { file, path: path.display().to_string(), next })
    }

    /// A second handle, for the thread that makes it durable.
    pub(super) fn syncer(&self) -> Result<MarkSync, StoreError> {
        let file = self.file.try_clone().map_err(file_error("open the mark", Path::new(&self.path)))?;
        Ok(MarkSync { file, path: self.path.clone() })
    }

    /// Remembers the end of the log; a process that dies leaves it so, [`MarkSync::sync`] makes it durable.
    pub(super) fn note(&mut self, noted: Noted) -> Result<(), StoreError> {
        let written = self.write(&noted.line());
        written.map_err(file_error("write the mark", Path::new(&self.path)))?;
        self.next = 1 - self.next;
        Ok(())
    }

    fn write(&self, line: &str) -> std::io::Result<()> {
        let at = self.next * LINE as u64;
        fail_point("mark-write")?;
        let (first, second) = line.as_bytes().split_at(LINE / 2);
        self.file.write_all_at(first, at)?;
        crash_point("mark-half");
        self.file.write_all_at(second, at + first.len() as u64)?;
        crash_point("mark-written");
        Ok(())
    }
}

/// Makes a mark durable.
#[derive(Debug)]
pub(super) struct MarkSync {
    file: File,
    path: String,
}

impl MarkSync {
    /// Makes what was written durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let synced = fail_point("mark-sync").and_then(|()| self.file.sync_data());
        meter::synced();
        synced.map_err(file_error("write the mark", Path::new(&self.path)))
    }

    /// Leaves a seal behind the mark; without one the next opening is more careful.
    pub(super) fn seal(&self, seal: &str) -> Result<(), StoreError> {
        let end = 2 * LINE as u64;
        let written = self.file.set_len(end).and_then(|()| self.file.write_all_at(seal.as_bytes(), end));
        written.and_then(|()| self.file.sync_data()).map_err(file_error("seal the mark", Path::new(&self.path)))
    }
}

fn lines(path: &Path) -> [Option<Noted>; 2] {
    let bytes = std::fs::read(path).unwrap_or_default();
    [0, LINE].map(|at| bytes.get(at..at + LINE).and_then(|line| Noted::parse(std::str::from_utf8(line).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema::Table;

    fn noted(seq: u64) -> Noted {
        Noted { seq: Seq(seq), chain: Chain::default().after(Table::Events, &[seq.into()]) }
    }

    #[test]
    fn the_newest_whole_line_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mark");
        let mut mark = Mark::create(&path).unwrap();
        assert_eq!(Mark::read(&path).unwrap().seq, Seq(0));
        for seq in 1..4 {
            mark.note(noted(seq)).unwrap();
            assert_eq!(Mark::read(&path), Some(noted(seq)));
        }
        let mut mark = Mark::open(&path).unwrap();
        mark.note(noted(4)).unwrap();
        // 4 was written over 2: tearing it leaves 3.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("00004 ", "00005 ")).unwrap();
        assert_eq!(Mark::read(&path), Some(noted(3)));
    }

    #[test]
    fn a_spoilt_mark_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mark");
        std::fs::write(&path, "x".repeat(2 * LINE)).unwrap();
        assert_eq!(Mark::read(&path), None);
        assert_eq!(Mark::read(&folder.path().join("none")), None);
    }
}
