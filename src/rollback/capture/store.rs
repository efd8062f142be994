//! The folder of the packs: one process at a time, and a cache that may be deleted at any time.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use foldhash::{HashSet, HashSetExt as _};

use super::entry::{Entry, Place};
use super::error::{CaptureError, store_error};
use super::list::List;
use super::pack::{Pack, PackWriter, Packs, pack_name, pack_of};
use crate::model::BlobHash;
use crate::store::{FileLock, hash_blob};

const LOCK: &str = "lock";
const LIST: &str = "list";
/// Bytes that may be kept for nothing, besides as many as are kept for something.
const SLACK: u64 = 64 << 20;

/// The packs, and the list of the last snapshot.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) folder: PathBuf,
    /// The shared one, to go back to.
    shared: PathBuf,
    /// The path of a private one.
    spare: PathBuf,
    /// Held while the process lives.
    lock: FileLock,
    pub(super) private: bool,
    pub(super) packs: Packs,
    /// Device and inode of the list as it was written last, and its hash.
    list: Option<((u64, u64), BlobHash)>,
}

impl Store {
    /// Takes the shared store, or makes a private one in `spare` when another process has it or it can't be used.
    pub(super) fn open(shared: &Path, spare: &Path) -> Result<Self, CaptureError> {
        let _ = fs::remove_dir_all(spare);
        let of = |folder: &Path, lock, private| Self {
            folder: folder.to_owned(),
            shared: shared.to_owned(),
            spare: spare.to_owned(),
            lock,
            private,
            packs: Packs::default(),
            list: None,
        };
        if let Ok(Some(lock)) = take_lock(shared) {
            return Ok(of(shared, lock, false));
        }
        match take_lock(spare).map_err(store_error("open the store", spare))? {
            Some(lock) => Ok(of(spare, lock, true)),
            None => Err(store_error("lock", spare)(io::ErrorKind::WouldBlock.into())),
        }
    }

    /// The list of the last snapshot, with what is kept of it, and whether that is all; empty when there is none or it
    /// is damaged.
    pub(super) fn read_list(&mut self) -> (Vec<Entry>, bool) {
        let path = self.folder.join(LIST);
        let Ok(bytes) = fs::read(&path) else { return (Vec::new(), false) };
        let Some(list) = List::decode(&bytes) else { return (Vec::new(), false) };
        self.list = id_of(&path).map(|id| (id, hash_blob(&bytes)));
        let mut entries = list.entries;
        self.open_packs(&entries, &[&self.folder.clone()]);
        let whole = !self.forget_missing(&mut entries);
        (entries, whole)
    }

    /// Opens the packs that a list names, each from the first folder that has it.
    pub(super) fn open_packs(&mut self, entries: &[Entry], folders: &[&Path]) {
        for pack in needed(entries) {
            let opened = folders.iter().find_map(|folder| Pack::open(&folder.join(pack_name(pack))).ok());
            if let Some(opened) = opened {
                self.packs.0.insert(pack, opened);
            }
        }
    }

    /// Forgets the places of bytes that are not in the packs; whether there were any.
    pub(super) fn forget_missing(&self, entries: &mut [Entry]) -> bool {
        let mut any = false;
        for bytes in entries.iter_mut().filter_map(|entry| entry.bytes.as_mut()) {
            if bytes.place.is_some_and(|place| !self.packs.has(place)) {
                bytes.place = None;
                any = true;
            }
        }
        any
    }

    /// Looks whether the store is still where it was, takes or makes it again if not, and forgets packs that are gone
    /// from it: the workspace still has their bytes.
    pub(super) fn refresh(&mut self) -> Result<(), CaptureError> {
        if id_of(&self.folder.join(LOCK)) != file_id(&self.lock) {
            let packs = std::mem::take(&mut self.packs);
            *self = Self { packs, ..Self::open(&self.shared, &self.spare)? };
        }
        let folder = &self.folder;
        self.packs.0.retain(|id, pack| pack.is_at(&folder.join(pack_name(*id))));
        Ok(())
    }

    /// Starts a pack for files of these sizes; what the entries say is kept is not kept twice.
    pub(super) fn new_pack(&self, entries: &[Entry], sizes: &HashSet<u64>) -> Result<PackWriter, CaptureError> {
        let same_size = entries.iter().filter(|entry| sizes.contains(&entry.stat.size));
        let places = same_size.filter_map(|entry| Some((entry.bytes?.hash, entry.bytes?.place?)));
        PackWriter::create(&self.folder, places.filter(|(_, place)| self.packs.has(*place)).collect())
    }

    /// Makes a list durable in the store.
    pub(super) fn write_list(&mut self, bytes: &[u8]) -> Result<(), CaptureError> {
        let path = self.folder.join(LIST);
        replace(&path, bytes)?;
        self.list = id_of(&path).map(|id| (id, hash_blob(bytes)));
        Ok(())
    }

    /// The hash of the list in the store, when it is as it was written last.
    pub(super) fn list_hash(&self) -> Option<BlobHash> {
        self.list.filter(|(id, _)| id_of(&self.folder.join(LIST)) == Some(*id)).map(|(_, hash)| hash)
    }

    /// Puts links to the packs and to the list into a folder, so that deleting the store does not take them away
    /// while a command runs. Whether the list could be linked; a pack that can't be is only in the store.
    pub(super) fn link_into(&self, folder: &Path, entries: &[Entry]) -> bool {
        for pack in needed(entries) {
            let name = pack_name(pack);
            let _ = fs::hard_link(self.folder.join(&name), folder.join(&name));
        }
        let linked = folder.join(LIST);
        let _ = fs::remove_file(&linked);
        fs::hard_link(self.folder.join(LIST), &linked).is_ok() && id_of(&linked) == self.list.map(|(id, _)| id)
    }

    /// Writes what entries need anew when their packs hold too much for nothing. The entries are as they were when it
    /// fails.
    pub(super) fn compact(&mut self, entries: &mut [Entry]) -> Result<(), CaptureError> {
        let held: u64 = needed(entries).iter().filter_map(|pack| self.packs.0.get(pack)).map(|pack| pack.len).sum();
        if held <= SLACK {
            return Ok(());
        }
        let mut places = HashSet::with_capacity(entries.len());
        places.extend(entries.iter().filter_map(|entry| entry.bytes?.place));
        let live: u64 = places.iter().map(|place| place.stored).sum();
        if held > 2 * live + SLACK { self.rewrite(entries) } else { Ok(()) }
    }

    /// Removes files that no entry needs.
    pub(super) fn remove_unneeded(&mut self, entries: &[Entry]) {
        let needed = needed(entries);
        self.packs.0.retain(|pack, _| needed.contains(pack));
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(".tmp") || pack_of(&name).is_some_and(|pack| !needed.contains(&pack)) {
                // What can't be removed now is found again the next time.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// The shared store's folder, for a list.
    pub(super) fn name(&self) -> Vec<u8> {
        self.shared.as_os_str().as_bytes().to_vec()
    }

    fn rewrite(&mut self, entries: &mut [Entry]) -> Result<(), CaptureError> {
        let writer = self.new_pack(&[], &HashSet::new())?;
        for bytes in entries.iter().filter_map(|entry| entry.bytes) {
            let Some(place) = bytes.place.filter(|place| *place != Place::NOWHERE) else { continue };
            if writer.known(bytes.hash).is_none()
                && let Some(place) = self.packs.copy(place, &writer)?
            {
                writer.learn(bytes.hash, place);
            }
        }
        let (pack, places) = writer.finish()?;
        self.packs.0.extend(pack);
        sync_folder(&self.folder)?;
        for bytes in entries.iter_mut().filter_map(|entry| entry.bytes.as_mut()) {
            bytes.place = places.get(&bytes.hash).copied().or(bytes.place);
        }
        Ok(())
    }
}

/// The packs that entries need.
pub(super) fn needed(entries: &[Entry]) -> BTreeSet<u64> {
    let places = entries.iter().filter_map(|entry| entry.bytes?.place);
    places.filter(|place| *place != Place::NOWHERE).map(|place| place.pack).collect()
}

/// Locks a store's folder, made if need be; `None` when another process has it.
fn take_lock(folder: &Path) -> io::Result<Option<FileLock>> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join(LOCK);
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
    match lock.try_lock() {
        Ok(()) => Ok((id_of(&path) == file_id(&lock)).then(|| FileLock::of(lock))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn id_of(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

fn file_id(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().map(|found| (found.dev(), found.ino()))
}

/// Replaces a file as a whole, durably.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CaptureError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|failed| failed.error)
    });
    written.map_err(store_error("write", path))?;
    sync_folder(folder)
}

/// Makes a folder's entries durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), CaptureError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(store_error("sync the folder", path))
}
