//! Reads the bytes of files: to hash them, and, before a command, to store them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sys::stat::fstat;

use super::entry::{Bytes, Entry, Kind, Place, Stat, now};
use super::error::{CaptureError, workspace_error};
use super::left_out::LeftOut;
use super::pack::PackWriter;
use super::tree::{Opener, Tree, is_fatal, is_gone};
use super::walk::{thread_count, thread_error};
use crate::model::BlobHash;
use crate::world::Lent;

/// Files up to this size are read at once.
const SMALL: u64 = 4 << 20;
/// Small files are written together.
const BATCH: usize = 1 << 20;
/// Attempts to read a file that changes meanwhile.
const TRIES: usize = 3;
/// Files that a thread takes at a time.
const SHARE: usize = 32;

/// A file to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Its place in the list.
    pub(super) at: usize,
    /// Its former bytes; when they are the same again, they are stored already.
    pub(super) was: Option<Bytes>,
}

/// Result of reading a file.
enum Outcome {
    Read(Stat, Bytes),
    LeftOut(LeftOut),
    Gone,
}

/// Reads some entries of the list, and stores their bytes when there is a writer. Removes entries whose file is gone
/// from the list.
pub(super) fn read_all(
    tree: &Tree,
    entries: &mut Vec<Entry>,
    wanted: &[Wanted],
    writer: Option<&PackWriter>,
) -> Result<(), CaptureError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let next = AtomicUsize::new(0);
    let shared: &[Entry] = entries;
    let done: Vec<Result<Vec<(Wanted, Outcome)>, CaptureError>> = thread::scope(|scope| {
        let work = || Reader::new(tree, writer).run(shared, wanted, &next);
        let readers: Vec<_> = (0..thread_count()).map(|_| scope.spawn(work)).collect();
        readers.into_iter().map(|reader| reader.join().unwrap_or_else(|_| Err(thread_error()))).collect()
    });
    let mut gone = HashSet::new();
    for some in done {
        for (Wanted { at, was }, outcome) in some? {
            match outcome {
                Outcome::Read(stat, mut bytes) => {
                    let kept = was.filter(|was| was.hash == bytes.hash).and_then(|was| was.place);
                    bytes.place = bytes.place.or(kept);
                    entries[at].stat = stat;
                    entries[at].bytes = Some(bytes);
                }
                Outcome::LeftOut(why) => entries[at].left_out = Some(why),
                Outcome::Gone => drop(gone.insert(at)),
            }
        }
    }
    if !gone.is_empty() {
        let mut at = 0..;
        entries.retain(|_| !at.next().is_some_and(|at| gone.contains(&at)));
    }
    Ok(())
}

struct Reader<'a> {
    opener: Opener,
    writer: Option<&'a PackWriter>,
    buffer: Vec<u8>,
    batch: Vec<u8>,
    /// Outcomes whose place is relative to the batch, from this one on.
    unplaced: Vec<usize>,
    done: Vec<(Wanted, Outcome)>,
}

impl<'a> Reader<'a> {
    fn new(tree: &Tree, writer: Option<&'a PackWriter>) -> Self {
        let (buffer, batch, unplaced, done) = Default::default();
        Self { opener: tree.opener(), writer, buffer, batch, unplaced, done }
    }

    fn run(
        mut self,
        entries: &[Entry],
        wanted: &[Wanted],
        next: &AtomicUsize,
    ) -> Result<Vec<(Wanted, Outcome)>, CaptureError> {
        loop {
            let from = next.fetch_add(SHARE, Ordering::Relaxed);
            let Some(share) = wanted.get(from..) else { break };
            for wanted in share.iter().take(SHARE) {
                let outcome = self.file(&entries[wanted.at].path)?;
                self.done.push((*wanted, outcome));
            }
        }
        self.flush()?;
        Ok(self.done)
    }

    fn file(&mut self, path: &[u8]) -> Result<Outcome, CaptureError> {
        for _ in 0..TRIES {
            match self.read_once(path) {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                Err(Failure::Keep(error)) => return Err(error),
                Err(Failure::Read(error)) if is_fatal(&error) => return Err(workspace_error("read", path)(error)),
                Err(Failure::Read(error)) if is_gone(&error) => return Ok(Outcome::Gone),
                Err(Failure::Read(_)) => return Ok(Outcome::LeftOut(LeftOut::Unreadable)),
            }
        }
        Ok(Outcome::LeftOut(LeftOut::Unsteady))
    }

    /// Opens a file; one that denies its owner is made readable for a moment.
    fn open(&mut self, path: &[u8]) -> io::Result<File> {
        let barred = match self.opener.file(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => error,
            other => return other,
        };
        let (folder, name) = self.opener.parent(path)?;
        let _lent = Lent::to_read(&folder, OsStr::from_bytes(name))?.ok_or(barred)?;
        self.opener.file(path)
    }

    /// `None` when it changed while it was read.
    fn read_once(&mut self, path: &[u8]) -> Result<Option<Outcome>, Failure> {
        let at = now();
        let mut file = self.open(path)?;
        let (kind, before) = Stat::of(&fstat(&file).map_err(io::Error::from)?);
        if kind != Kind::File {
            return Ok(None);
        }
        let (hash, place) = if before.size <= SMALL {
            self.buffer.clear();
            (&mut file).take(before.size + 1).read_to_end(&mut self.buffer)?;
            if self.buffer.len() as u64 != before.size || !steady(&file, &before)? {
                return Ok(None);
            }
            let hash = crate::store::hash_blob(&self.buffer);
            (hash, self.keep_small(hash)?)
        } else {
            let Some(hash) = hash_steady(&mut file, &before, |_, _| Ok(()))? else { return Ok(None) };
            match self.writer.map(|writer| (writer, writer.known(hash))) {
                None => (hash, None),
                Some((_, Some(place))) => (hash, Some(place)),
                Some((writer, None)) => {
                    let place = writer.reserve(before.size);
                    io::Seek::rewind(&mut file)?;
                    let write = |bytes: &[u8], at: u64| writer.write(bytes, place.offset + at);
                    let Some(hash) = hash_steady(&mut file, &before, write)? else { return Ok(None) };
                    writer.learn(hash, place);
                    (hash, Some(place))
                }
            }
        };
        Ok(Some(Outcome::Read(before, Bytes { hash, place, racy: before.is_racy(at) })))
    }

    /// Puts what is in the buffer into the batch. The place is right once the batch is written.
    fn keep_small(&mut self, hash: BlobHash) -> Result<Option<Place>, CaptureError> {
        let Some(writer) = self.writer else { return Ok(None) };
        if self.buffer.is_empty() {
            return Ok(Some(Place::NOWHERE));
        }
        if let Some(place) = writer.known(hash) {
            return Ok(Some(place));
        }
        if self.batch.len() + self.buffer.len() > BATCH {
            self.flush()?;
        }
        let from = self.batch.len();
        self.batch.resize(from + lz4_flex::block::get_maximum_output_size(self.buffer.len()), 0);
        match lz4_flex::block::compress_into(&self.buffer, &mut self.batch[from..]) {
            Ok(packed) if packed < self.buffer.len() => self.batch.truncate(from + packed),
            _ => {
                self.batch.truncate(from);
                self.batch.extend_from_slice(&self.buffer);
            }
        }
        self.unplaced.push(self.done.len());
        let stored = (self.batch.len() - from) as u64;
        Ok(Some(Place { pack: 0, offset: from as u64, stored }))
    }

    /// Writes the batch, and sets the locations in its outcomes.
    fn flush(&mut self) -> Result<(), CaptureError> {
        let Some(writer) = self.writer else { return Ok(()) };
        let base = writer.reserve(self.batch.len() as u64);
        writer.write(&self.batch, base.offset)?;
        for at in self.unplaced.drain(..) {
            if let Some((_, Outcome::Read(_, Bytes { hash, place: Some(place), .. }))) = self.done.get_mut(at) {
                *place = Place { pack: base.pack, offset: base.offset + place.offset, stored: place.stored };
                writer.learn(*hash, *place);
            }
        }
        self.batch.clear();
        Ok(())
    }
}

enum Failure {
    Read(io::Error),
    Keep(CaptureError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<CaptureError> for Failure {
    fn from(error: CaptureError) -> Self {
        Self::Keep(error)
    }
}

fn steady(file: &File, before: &Stat) -> io::Result<bool> {
    Ok(Stat::of(&fstat(file)?).1 == *before)
}

/// Hashes a large file, giving its bytes to `each` with their offset; `None` when it changed meanwhile.
fn hash_steady(
    file: &mut File,
    before: &Stat,
    mut each: impl FnMut(&[u8], u64) -> Result<(), CaptureError>,
) -> Result<Option<BlobHash>, Failure> {
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if length + read as u64 > before.size {
            return Ok(None);
        }
        hasher.update(&chunk[..read]);
        each(&chunk[..read], length)?;
        length += read as u64;
    }
    if length != before.size || !steady(file, before)? {
        return Ok(None);
    }
    Ok(Some(finish(&hasher)))
}

/// The name of a blob, as [`crate::store::hash_blob`] makes it.
pub(super) fn finish(hasher: &blake3::Hasher) -> BlobHash {
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    BlobHash(half)
}

/// Hashes an open file of any size.
pub(super) fn hash_file(file: &mut File) -> io::Result<BlobHash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok(finish(&hasher))
}
