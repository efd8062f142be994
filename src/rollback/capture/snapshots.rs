//! Snapshot mode: stores the workspace before a command, and compares it after.

use std::collections::HashMap;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::changed::Changed;
use super::diff::differences;
use super::entry::{Bytes, Entry, Kind, Place, compare_paths};
use super::error::{CaptureError, store_error, workspace_error};
use super::list::List;
use super::moved;
use super::order::order;
use super::read::{Wanted, read_all};
use super::rules::Rules;
use super::store::{Store, replace, sync_folder};
use super::tree::Tree;
use super::walk::walk;
use crate::model::{BlobHash, KeyState, name_to_bytes};
use crate::store::hash_blob;
use crate::store::room::check_room;

/// The subfolder of the run's folder that exists while a command is open.
const OPEN: &str = "open";
const LIST: &str = "list";
const END: &str = "ended";
const AGENT: &str = "agent-ended";
/// A store of this process alone.
const SPARE: &str = "store";
/// The same, while that of a process that died is still needed.
const SPARE_AFTER: &str = "store-2";
/// Paths left out that are named.
const NAMED: usize = 1000;

/// Snapshots of one workspace: one before each command, kept until the command is closed.
///
/// The bytes are in a store of their own, found again by a stat cache as git's index has one. The store is a cache
/// of all runs of a data folder and may be deleted at any time; what an open command needs is linked into the run's
/// folder. A process that finds the store taken makes its own.
#[derive(Debug)]
pub struct Snapshots {
    run_dir: PathBuf,
    tree: Tree,
    rules: Rules,
    store: Store,
    /// The last snapshot, or (after [`Snapshots::close`]) the known state of the workspace.
    list: Vec<Entry>,
    /// The store has this very list.
    saved: bool,
    /// The state found after the command.
    after: Option<Vec<Entry>>,
    /// True while a snapshot is taken and not closed.
    open: bool,
    /// True once this process has looked at the workspace: the list is of that look.
    looked: bool,
    kept: OnceLock<foldhash::HashMap<BlobHash, (Place, u64)>>,
}

/// Changes between two snapshots.
#[derive(Debug, Default)]
pub struct Missed {
    /// The changes, in an order in which they can be made.
    pub changes: Vec<Changed>,
    /// Before-images that are kept.
    before: HashMap<BlobHash, Vec<u8>>,
}

impl Missed {
    /// A before-image, where it is kept.
    #[must_use]
    pub fn before(&self, hash: BlobHash) -> Option<&[u8]> {
        self.before.get(&hash).map(Vec::as_slice)
    }
}

impl Snapshots {
    /// Opens the store in `store_dir`, or a private one in `run_dir` while another process has it. `root` is the
    /// workspace.
    ///
    /// # Errors
    /// When the workspace can't be opened, or no store can be made.
    pub fn open(store_dir: &Path, run_dir: &Path, root: &Path, rules: Rules) -> Result<Self, CaptureError> {
        let tree = Tree::open(root).map_err(workspace_error("open", b""))?;
        let mut store = Store::open(store_dir, &run_dir.join(SPARE))?;
        let (list, whole) = store.read_list();
        store.remove_unneeded(&list);
        let mut this = Self::of(run_dir, tree, rules, store, list);
        this.saved = whole;
        Ok(this)
    }

    /// Takes up a command that was open when the process died; `None` when there was none.
    ///
    /// # Errors
    /// When there was one and its list can't be read, or the workspace can't be opened.
    pub fn recover(run_dir: &Path, root: &Path, rules: Rules) -> Result<Option<Self>, CaptureError> {
        let open = run_dir.join(OPEN);
        let path = open.join(LIST);
        let bytes = match fs::read(&path) {
            // Without its list a snapshot was not done, and no command started.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                remove_folder(&open)?;
                return Ok(None);
            }
            other => other.map_err(store_error("read", &path))?,
        };
        let damaged = || CaptureError::Damaged(format!("the list in {} is damaged", path.display()));
        let mut list = List::decode(&bytes).ok_or_else(damaged)?;
        let tree = Tree::open(root).map_err(workspace_error("open", b""))?;
        let shared = PathBuf::from(std::ffi::OsString::from_vec(list.store));
        // A private store of the process that died is left alone until the command is closed.
        let (left, spare) = (run_dir.join(SPARE), run_dir.join(SPARE_AFTER));
        let mut store = Store::open(&shared, if left.exists() { &spare } else { &left })?;
        store.open_packs(&list.entries, &[&open, &shared, &left]);
        store.forget_missing(&mut list.entries);
        let mut this = Self::of(run_dir, tree, rules, store, list.entries);
        this.open = true;
        Ok(Some(this))
    }

    /// Returns the file in a run's folder whose time is the end of the open command. It is removed with the snapshot.
    #[must_use]
    pub fn end_mark(run_dir: &Path) -> PathBuf {
        run_dir.join(OPEN).join(END)
    }

    /// Returns the file in a run's folder whose time is that at which an agent of another program was last known to run.
    /// It stays locked while any process of the agent may run.
    #[must_use]
    pub fn agent_mark(run_dir: &Path) -> PathBuf {
        run_dir.join(AGENT)
    }

    fn of(run_dir: &Path, tree: Tree, rules: Rules, store: Store, list: Vec<Entry>) -> Self {
        let run_dir = run_dir.to_owned();
        Self {
            run_dir,
            tree,
            rules,
            store,
            list,
            saved: false,
            after: None,
            open: false,
            looked: false,
            kept: OnceLock::new(),
        }
    }

    /// Takes a snapshot. When this returns, the bytes of every file that is not left out are durable, and so is the
    /// list of everything; the hash is the list's.
    ///
    /// # Errors
    /// When something can't be looked at or kept; then no command must start.
    pub fn take(&mut self) -> Result<BlobHash, CaptureError> {
        Ok(self.take_missed(false)?.0)
    }

    /// Takes a snapshot, and returns what has changed since the last look of this process, with the before-images that are
    /// still kept: nothing is missed that happens between two snapshots.
    ///
    /// # Errors
    /// As [`Snapshots::take`].
    pub fn take_following(&mut self) -> Result<(BlobHash, Missed), CaptureError> {
        self.take_missed(true)
    }

    fn take_missed(&mut self, follows: bool) -> Result<(BlobHash, Missed), CaptureError> {
        self.remove_open()?;
        self.store.refresh()?;
        self.saved &= !self.store.forget_missing(&mut self.list);
        let mut entries = walk(&self.tree, &self.rules)?;
        let wanted = reuse_unchanged(&self.list, &mut entries, |bytes| bytes.place.is_some());
        if !wanted.is_empty() {
            self.keep(&mut entries, &wanted)?;
            // Only room on the disk is at stake.
            let _ = self.store.compact(&mut entries);
        }
        self.saved &= entries == self.list;
        let missed = if follows && self.looked { self.missed(&entries) } else { Missed::default() };
        self.looked = true;
        self.continue_from(entries);
        self.after = None;
        let hash = self.persist()?;
        self.open = true;
        Ok((hash, missed))
    }

    /// The differences of the last look from these entries.
    fn missed(&self, entries: &[Entry]) -> Missed {
        const LARGEST: u64 = 64 << 20;
        let changes = self.ordered(entries);
        let mut room = LARGEST;
        let mut before = HashMap::new();
        for changed in &changes {
            let KeyState::File { blob, size, .. } = &changed.old else { continue };
            if *size <= room
                && let Ok(bytes) = self.content(*blob)
            {
                room -= *size;
                before.insert(*blob, bytes);
            }
        }
        Missed { changes, before }
    }

    /// Checks that what has to be kept has room: of large files only the blocks count that they have.
    fn check_room(&self, entries: &[Entry], wanted: &[Wanted]) -> Result<(), CaptureError> {
        const LARGE: u64 = 4 << 20;
        let mut opener = self.tree.opener();
        let mut needed: u64 = 0;
        for Wanted { at, was } in wanted {
            let entry = &entries[*at];
            // A large file that was kept before is mostly not kept again.
            let on_disk = match entry.stat.size {
                size @ 0..=LARGE => size,
                _ if was.is_some_and(|was| was.place.is_some()) => 0,
                size => match opener.look(&entry.path) {
                    Ok(Some(found)) => u64::try_from(found.st_blocks).unwrap_or(0).saturating_mul(512).min(size),
                    _ => 0,
                },
            };
            needed = needed.saturating_add(on_disk);
        }
        check_room(&self.store.folder, needed).map_err(store_error("keep the workspace in", &self.store.folder))
    }

    /// Lists the differences from the snapshot, in an order in which they can be made (see [`order`]).
    ///
    /// # Errors
    /// When something can't be looked at.
    pub fn changes(&mut self) -> Result<Vec<Changed>, CaptureError> {
        let mut entries = walk(&self.tree, &self.rules)?;
        let wanted = reuse_unchanged(&self.list, &mut entries, |_| true);
        read_all(&self.tree, &mut entries, &wanted, None)?;
        Ok(self.differences_to(entries))
    }

    /// Lists the differences from the snapshot as [`Snapshots::changes`] does, and keeps the bytes of what has changed: it
    /// may change again before the next snapshot.
    ///
    /// # Errors
    /// When something can't be looked at or kept.
    pub fn changes_kept(&mut self) -> Result<Vec<Changed>, CaptureError> {
        let mut entries = walk(&self.tree, &self.rules)?;
        let wanted = reuse_unchanged(&self.list, &mut entries, |bytes| bytes.place.is_some());
        self.keep(&mut entries, &wanted)?;
        Ok(self.differences_to(entries))
    }

    /// Reads files, and keeps their bytes.
    fn keep(&mut self, entries: &mut Vec<Entry>, wanted: &[Wanted]) -> Result<(), CaptureError> {
        if wanted.is_empty() {
            return Ok(());
        }
        self.check_room(entries, wanted)?;
        let sizes = wanted.iter().map(|wanted| entries[wanted.at].stat.size).collect();
        let writer = self.store.new_pack(&self.list, &sizes)?;
        read_all(&self.tree, entries, wanted, Some(&writer))?;
        let (pack, _) = writer.finish()?;
        self.store.packs.0.extend(pack);
        Ok(())
    }

    fn differences_to(&mut self, entries: Vec<Entry>) -> Vec<Changed> {
        let found = self.ordered(&entries);
        self.after = Some(entries);
        found
    }

    /// The differences of the list from these entries, in an order in which they can be made.
    fn ordered(&self, entries: &[Entry]) -> Vec<Changed> {
        let mut found = differences(&self.list, entries, &self.rules);
        moved::find(&self.tree, &self.list, entries, &mut found);
        let mode_of = |path: &str| {
            let path = name_to_bytes(path);
            let at = entries.binary_search_by(|entry| compare_paths(&entry.path, &path)).ok()?;
            (entries[at].kind == Kind::Folder).then_some(entries[at].stat.mode)
        };
        order(found, mode_of)
    }

    /// Closes the command, whose changes are recorded: forgets the snapshot and continues from the present state.
    ///
    /// # Errors
    /// When the command's files can't be removed.
    pub fn close(&mut self) -> Result<(), CaptureError> {
        self.remove_open()?;
        if let Some(after) = self.after.take() {
            self.saved &= after == self.list;
            self.continue_from(after);
        }
        Ok(())
    }

    /// Reads the bytes of a file in the snapshot, and compares them with their hash.
    ///
    /// # Errors
    /// When they are not kept, or are damaged.
    pub fn content(&self, hash: BlobHash) -> Result<Vec<u8>, CaptureError> {
        let kept = self.kept.get_or_init(|| {
            let places = self.list.iter().filter_map(|entry| Some((entry.bytes?, entry.stat.size)));
            places.filter_map(|(bytes, size)| Some((bytes.hash, (bytes.place?, size)))).collect()
        });
        let (place, size) = kept.get(&hash).ok_or_else(|| CaptureError::Missing(hash.to_string()))?;
        self.store.packs.read(hash, *place, *size)
    }

    /// Lists the paths without bytes in the snapshot, with the reason; the first thousand by path.
    #[must_use]
    pub fn left_out(&self) -> Vec<(String, String)> {
        let named = self.list.iter().filter_map(|entry| Some((entry.name(), self.rules.describe(entry.left_out?))));
        named.take(NAMED).collect()
    }

    /// True when this process has a store of its own because another one has the shared one.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.store.private
    }

    fn continue_from(&mut self, entries: Vec<Entry>) {
        let before = std::mem::replace(&mut self.list, entries);
        let kept = std::mem::take(&mut self.kept);
        // Hundreds of thousands of paths take a while to free, and the command shall not wait for it. Where no thread
        // can be had, it is done at once.
        let _ = std::thread::Builder::new().spawn(move || drop((before, kept)));
    }

    fn persist(&mut self) -> Result<BlobHash, CaptureError> {
        let open = self.run_dir.join(OPEN);
        DirBuilder::new().recursive(true).mode(0o700).create(&open).map_err(store_error("create", &open))?;
        let mut linked = None;
        if let (true, Some(hash)) = (self.saved, self.store.list_hash()) {
            linked = self.store.link_into(&open, &self.list).then_some(hash);
        }
        let hash = match linked {
            Some(hash) => hash,
            None => self.write_list(&open)?,
        };
        sync_folder(&open)?;
        sync_folder(&self.run_dir)?;
        Ok(hash)
    }

    fn write_list(&mut self, open: &Path) -> Result<BlobHash, CaptureError> {
        let list = List { store: self.store.name(), entries: std::mem::take(&mut self.list) };
        let bytes = list.encode();
        self.list = list.entries;
        self.store.write_list(&bytes)?;
        self.saved = true;
        // First the list, then what it no longer names.
        self.store.remove_unneeded(&self.list);
        if !self.store.link_into(open, &self.list) {
            replace(&open.join(LIST), &bytes)?;
        }
        Ok(hash_blob(&bytes))
    }

    fn remove_open(&mut self) -> Result<(), CaptureError> {
        let open = self.run_dir.join(OPEN);
        // The list first: what a crash leaves without it was not open.
        match fs::remove_file(open.join(LIST)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(store_error("remove", &open)(error)),
            _ => remove_folder(&open)?,
        }
        let left = self.run_dir.join(SPARE);
        if self.open && self.store.folder != left {
            remove_folder(&left)?;
        }
        self.open = false;
        Ok(())
    }
}

impl Drop for Snapshots {
    fn drop(&mut self) {
        if self.store.private && !self.open {
            // What stays is removed by the next one.
            let _ = fs::remove_dir_all(&self.store.folder);
        }
    }
}

/// Copies the bytes of entries whose stat is unchanged from a list; returns the files to read.
fn reuse_unchanged(list: &[Entry], entries: &mut [Entry], enough: impl Fn(&Bytes) -> bool) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let mut known = list.iter().peekable();
    for (at, entry) in entries.iter_mut().enumerate() {
        if entry.kind != Kind::File || entry.left_out.is_some() {
            continue;
        }
        let is_before = |known: &&Entry| known.path != entry.path && compare_paths(&known.path, &entry.path).is_lt();
        while known.next_if(is_before).is_some() {}
        let was = known.peek().filter(|known| known.path == entry.path);
        let vouched = was.filter(|known| known.stat == entry.stat).and_then(|known| known.bytes);
        entry.bytes = vouched.filter(|bytes| !bytes.racy && enough(bytes));
        if entry.bytes.is_none() {
            wanted.push(Wanted { at, was: was.and_then(|known| known.bytes) });
        }
    }
    wanted
}

fn remove_folder(path: &Path) -> Result<(), CaptureError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(store_error("remove", path)(error)),
        _ => Ok(()),
    }
}
