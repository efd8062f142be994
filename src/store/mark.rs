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
//! one write older. Two lines follow that sign them with the user's secret, each written before the line that it is about
//! (`stamp`). Behind them stands the seal of a run that was closed (`seal`). Earlier versions know no signed lines: they
//! pass over them, and cut them off when they write.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::libc::O_NOFOLLOW;

use super::chain::Chain;
use super::files::file_error;
use super::inside::read_file;
use super::points::{crash_point, fail_point};
use super::stamp::{MarkKey, Signed};
use super::{StoreError, meter};
use crate::model::Seq;

const CHECK: usize = 16;
const LINE: usize = 20 + 1 + 32 + 1 + CHECK + 1;

/// Stands before each signed line.
const SIGNED: &str = "own ";
const SIGNED_LINE: usize = SIGNED.len() + 20 + 1 + 32 + 1 + 64 + 1;

/// Where the signed lines begin; the seal, where there are none.
const SIGNED_AT: usize = 2 * LINE;
/// Where the seal begins behind signed lines.
const SEAL_AT: usize = SIGNED_AT + 2 * SIGNED_LINE;

/// The seal's first word.
pub(super) const SEAL: &str = "closed ";

/// The largest file that is read: more than a mark ever has.
const LARGEST: u64 = 1 << 16;

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

impl Signed {
    fn line(&self) -> String {
        format!("{SIGNED}{:020} {} {}\n", self.noted.seq.0, self.noted.chain, self.hash)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix(SIGNED)?.split_ascii_whitespace();
        let noted = Noted { seq: Seq(words.next()?.parse().ok()?), chain: Chain::parse(words.next()?)? };
        let signed = Self { noted, hash: blake3::Hash::from_hex(words.next()?).ok()? };
        (signed.line() == line).then_some(signed)
    }
}

/// All that a mark file says.
#[derive(Debug, Clone, Default)]
pub(super) struct Marked {
    lines: [Option<Noted>; 2],
    /// The signed lines that can be read, with any key.
    pub(super) signed: Vec<Signed>,
    /// The text behind: the seal of a run that was closed.
    pub(super) seal: Vec<u8>,
}

impl Marked {
    /// Reads the mark file in a run's folder; one that can't be read says nothing.
    pub(super) fn read(folder: &Path) -> Self {
        let bytes = read_file(folder, &[NAME], LARGEST).unwrap_or_default();
        let text = |at: usize, length: usize| std::str::from_utf8(bytes.get(at..at + length)?).ok();
        let lines = [0, LINE].map(|at| text(at, LINE).and_then(Noted::parse));
        let signed = [0, 1].map(|at| text(SIGNED_AT + at * SIGNED_LINE, SIGNED_LINE).and_then(Signed::parse));
        let plain = bytes.get(SIGNED_AT..).is_some_and(|rest| rest.starts_with(SEAL.as_bytes()));
        let seal = bytes.get(if plain { SIGNED_AT } else { SEAL_AT }..).unwrap_or_default().to_vec();
        Self { lines, signed: signed.into_iter().flatten().collect(), seal }
    }

    /// The end of the log as it was last noted; `None` when neither line can be read.
    pub(super) fn newest(&self) -> Option<Noted> {
        self.lines.into_iter().flatten().max_by_key(|noted| noted.seq)
    }
}

/// Its name in the run's folder.
pub(super) const NAME: &str = "mark";

/// The mark file of one run.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
    path: String,
    next: u64,
    /// Signs the lines; `None`: there is no secret.
    key: Option<MarkKey>,
}

impl Mark {
    /// Starts a mark for an empty log.
    pub(super) fn create(path: &Path, key: Option<MarkKey>) -> Result<Self, StoreError> {
        let first = Noted { seq: Seq(0), chain: Chain::default() };
        let signed = key.as_ref().map_or_else(String::new, |key| key.sign(first).line().repeat(2));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
        let file = file
            .and_then(|file| {
                file.write_all_at((first.line().repeat(2) + &signed).as_bytes(), 0)?;
                file.sync_all().map(|()| file)
            })
            .map_err(file_error("create the mark", path))?;
        Ok(Self { file, path: path.display().to_string(), next: 0, key })
    }

    /// Opens the mark to go on; what it says, it says from then on with this key.
    pub(super) fn open(path: &Path, key: Option<MarkKey>) -> Result<Self, StoreError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let Marked { lines: [first, second], signed, .. } = Marked::read(folder);
        let seq = |noted: Option<Noted>| noted.map(|noted| noted.seq);
        let next = u64::from(seq(first) > seq(second));
        let opened = OpenOptions::new().write(true).custom_flags(O_NOFOLLOW).open(path);
        let file = opened.map_err(file_error("open the mark", path))?;
        // The seal is broken: what follows changes the database. It may stand where signed lines will.
        let ends = [(signed.is_empty(), SIGNED_AT), (key.is_some(), SEAL_AT), (key.is_none(), SIGNED_AT)];
        for (_, end) in ends.into_iter().filter(|(cuts, _)| *cuts) {
            file.set_len(end as u64).map_err(file_error("open the mark", path))?;
        }
        Ok(Self { file, path: path.display().to_string(), next, key })
    }

    /// A second handle, for the thread that makes it durable.
    pub(super) fn syncer(&self) -> Result<MarkSync, StoreError> {
        let file = self.file.try_clone().map_err(file_error("open the mark", Path::new(&self.path)))?;
        let seal_at = if self.key.is_some() { SEAL_AT } else { SIGNED_AT };
        Ok(MarkSync { file, path: self.path.clone(), seal_at })
    }

    /// Signs the end of the log; `None` without a secret.
    pub(super) fn sign(&self, noted: Noted) -> Option<Signed> {
        self.key.as_ref().map(|key| key.sign(noted))
    }

    /// Remembers the end of the log; a process that dies leaves it so, [`MarkSync::sync`] makes it durable.
    pub(super) fn note(&mut self, noted: Noted) -> Result<(), StoreError> {
        self.note_signed(noted, self.sign(noted))
    }

    /// Does what [`Mark::note`] does, with a signature that was made already.
    pub(super) fn note_signed(&mut self, noted: Noted, signed: Option<Signed>) -> Result<(), StoreError> {
        let written = self.write(&noted.line(), signed);
        written.map_err(file_error("write the mark", Path::new(&self.path)))?;
        self.next = 1 - self.next;
        Ok(())
    }

    fn write(&self, line: &str, signed: Option<Signed>) -> std::io::Result<()> {
        let at = self.next * LINE as u64;
        fail_point("mark-write")?;
        if let Some(signed) = signed {
            // First: no line is ever there without its signature.
            let at = SIGNED_AT as u64 + self.next * SIGNED_LINE as u64;
            self.file.write_all_at(signed.line().as_bytes(), at)?;
        }
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
    seal_at: usize,
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
        let end = self.seal_at as u64;
        let written = self.file.set_len(end).and_then(|()| self.file.write_all_at(seal.as_bytes(), end));
        written.and_then(|()| self.file.sync_data()).map_err(file_error("seal the mark", Path::new(&self.path)))
    }
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
        let read = || Marked::read(folder.path()).newest();
        let mut mark = Mark::create(&path, None).unwrap();
        assert_eq!(read().unwrap().seq, Seq(0));
        for seq in 1..4 {
            mark.note(noted(seq)).unwrap();
            assert_eq!(read(), Some(noted(seq)));
        }
        let mut mark = Mark::open(&path, None).unwrap();
        mark.note(noted(4)).unwrap();
        // 4 was written over 2: tearing it leaves 3.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("00004 ", "00005 ")).unwrap();
        assert_eq!(read(), Some(noted(3)));
    }

    #[test]
    fn a_spoilt_mark_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mark");
        std::fs::write(&path, "x".repeat(2 * LINE)).unwrap();
        assert_eq!(Marked::read(folder.path()).newest(), None);
        assert_eq!(Marked::read(&folder.path().join("none")).newest(), None);
    }

    #[test]
    fn a_signed_line_stands_before_its_line_and_the_seal_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mark");
        let key = MarkKey::for_tests(1);
        let mut mark = Mark::create(&path, Some(key.clone())).unwrap();
        for seq in 1..4 {
            mark.note(noted(seq)).unwrap();
            let marked = Marked::read(folder.path());
            assert!(marked.signed.iter().any(|signed| signed.noted == noted(seq) && key.fits(signed)));
            assert!(!marked.signed.iter().any(|signed| MarkKey::for_tests(2).fits(signed)));
        }
        mark.syncer().unwrap().seal("closed so\n").unwrap();
        let marked = Marked::read(folder.path());
        assert_eq!((marked.newest(), &marked.seal[..]), (Some(noted(3)), &b"closed so\n"[..]));
        assert_eq!(marked.signed.len(), 2);
        // As an earlier version leaves it.
        Mark::open(&path, None).unwrap().syncer().unwrap().seal("closed so\n").unwrap();
        let marked = Marked::read(folder.path());
        assert_eq!((marked.newest(), &marked.seal[..]), (Some(noted(3)), &b"closed so\n"[..]));
        assert!(marked.signed.is_empty());
        let mut mark = Mark::open(&path, Some(key.clone())).unwrap();
        mark.note(noted(4)).unwrap();
        let marked = Marked::read(folder.path());
        assert!(marked.signed.len() == 1 && key.fits(&marked.signed[0]) && marked.seal.is_empty());
    }
}
