//! Packs: the bytes of many files in one file, so that a snapshot costs one sync and not one per file.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::entry::Place;
use super::error::{CaptureError, store_error};
use crate::model::BlobHash;
use crate::store::{hash_blob, sparse};

const PREFIX: &str = "pack-";
/// Bytes that are left out together where they are all zeros.
const PART: usize = 64 << 10;

/// The file name of a pack.
pub(super) fn pack_name(id: u64) -> String {
    format!("{PREFIX}{id:016x}")
}

/// The pack that a file name means.
pub(super) fn pack_of(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_prefix(PREFIX)?, 16).ok()
}

/// A pack, held open: what it holds can be read even when its file is deleted.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) file: File,
    pub(super) len: u64,
    /// Device and inode: whether a file of its name is still this one.
    pub(super) id: (u64, u64),
}

impl Pack {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::of(File::open(path)?)
    }

    fn of(file: File) -> io::Result<Self> {
        let found = file.metadata()?;
        Ok(Self { len: found.len(), id: (found.dev(), found.ino()), file })
    }

    /// True when a file is this pack, whole.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == self.id && found.len() >= self.len)
    }
}

/// The packs in use.
#[derive(Debug, Default)]
pub(super) struct Packs(pub(super) BTreeMap<u64, Pack>);

impl Packs {
    /// True when a place lies in a pack.
    pub(super) fn has(&self, place: Place) -> bool {
        if place == Place::NOWHERE {
            return true;
        }
        let end = place.offset.checked_add(place.stored);
        self.0.get(&place.pack).is_some_and(|pack| end.is_some_and(|end| end <= pack.len))
    }

    /// Reads a file's bytes, and compares them with their hash.
    pub(super) fn read(&self, hash: BlobHash, place: Place, size: u64) -> Result<Vec<u8>, CaptureError> {
        if place == Place::NOWHERE && size == 0 {
            return Ok(Vec::new());
        }
        let missing = || CaptureError::Missing(hash.to_string());
        let pack = self.0.get(&place.pack).ok_or_else(missing)?;
        if !self.has(place) {
            return Err(missing());
        }
        let damaged = || CaptureError::Damaged(format!("the bytes stored as {hash} have changed"));
        let length = |bytes: u64| usize::try_from(bytes).map_err(|_| damaged());
        let mut bytes = vec![0; length(place.stored)?];
        let read = pack.file.read_exact_at(&mut bytes, place.offset);
        read.map_err(store_error("read", Path::new(&pack_name(place.pack))))?;
        if place.stored < size {
            bytes = lz4_flex::block::decompress(&bytes, length(size)?).map_err(|_| damaged())?;
        }
        if hash_blob(&bytes) == hash { Ok(bytes) } else { Err(damaged()) }
    }

    /// Copies bytes as they are stored to a new pack; `None` when they are not there any more.
    pub(super) fn copy(&self, place: Place, to: &PackWriter) -> Result<Option<Place>, CaptureError> {
        let Some(pack) = self.0.get(&place.pack).filter(|_| self.has(place)) else { return Ok(None) };
        let copied = to.reserve(place.stored);
        let mut chunk = vec![0; 1 << 20];
        let mut at = 0;
        while at < place.stored {
            let part = usize::try_from(place.stored - at).unwrap_or(usize::MAX).min(chunk.len());
            let read = pack.file.read_exact_at(&mut chunk[..part], place.offset + at);
            read.map_err(store_error("read", Path::new(&pack_name(place.pack))))?;
            to.write(&chunk[..part], copied.offset + at)?;
            at += part as u64;
        }
        Ok(Some(copied))
    }
}

/// The locations of stored bytes, by their hash.
pub(super) type Known = foldhash::HashMap<BlobHash, Place>;

/// Writes a new pack; many threads may.
pub(super) struct PackWriter {
    id: u64,
    path: PathBuf,
    file: File,
    end: AtomicU64,
    known: Mutex<Known>,
}

impl PackWriter {
    /// A new pack in a folder; what is `known` is not written again.
    pub(super) fn create(folder: &Path, known: Known) -> Result<Self, CaptureError> {
        let id = random().map_err(store_error("name a file in", folder))?;
        let path = folder.join(pack_name(id));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(store_error("create", &path))?;
        Ok(Self { id, path, file, end: AtomicU64::new(0), known: Mutex::new(known) })
    }

    pub(super) fn known(&self, hash: BlobHash) -> Option<Place> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).copied()
    }

    pub(super) fn learn(&self, hash: BlobHash, place: Place) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, place);
    }

    /// Room for bytes.
    pub(super) fn reserve(&self, stored: u64) -> Place {
        Place { pack: self.id, offset: self.end.fetch_add(stored, Ordering::Relaxed), stored }
    }

    pub(super) fn write(&self, bytes: &[u8], offset: u64) -> Result<(), CaptureError> {
        let write = |bytes: &[u8], at| self.file.write_all_at(bytes, at).map_err(store_error("write", &self.path));
        if !bytes.chunks(PART).any(sparse::is_hole) {
            return write(bytes, offset);
        }
        let mut at = offset;
        for part in bytes.chunks(PART) {
            // A new pack is empty: what is not written is zeros, and takes no room.
            if !sparse::is_hole(part) {
                write(part, at)?;
            }
            at += part.len() as u64;
        }
        Ok(())
    }

    /// Makes it durable; the folder's entry is not yet. No pack when nothing was written.
    pub(super) fn finish(self) -> Result<(Option<(u64, Pack)>, Known), CaptureError> {
        let known = self.known.into_inner().unwrap_or_else(PoisonError::into_inner);
        if self.end.load(Ordering::Relaxed) == 0 {
            fs::remove_file(&self.path).map_err(store_error("remove", &self.path))?;
            return Ok((None, known));
        }
        let sized = self.file.set_len(self.end.load(Ordering::Relaxed));
        sized.and_then(|()| self.file.sync_all()).map_err(store_error("sync", &self.path))?;
        let pack = Pack::of(self.file).map_err(store_error("read", &self.path))?;
        Ok((Some((self.id, pack)), known))
    }
}

/// A number that no other pack has.
fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(u64::from_le_bytes(bytes))
}
