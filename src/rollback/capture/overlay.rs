//! Overlay mode: compares a command's own layer with the workspace below it.
//!
//! The layer is the upper folder of an overlay mount with `userxattr` (Linux, `filesystems/overlayfs.rst`): a written
//! path is there as it is, a removed path is a character device 0/0 (or an empty file with the attribute
//! `overlay.whiteout`), and a folder with the attribute `overlay.opaque` = `y` hides what is below it.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use super::changed::Changed;
use super::entry::{Entry, Kind};
use super::error::{CaptureError, workspace_error};
use super::known::KnownHashes;
use super::layer::{Layer, Mark};
use super::left_out::LeftOut;
use super::moved;
use super::order::order;
use super::rules::Rules;
use super::tree::{ROOT, Tree};
use crate::model::{KeyState, name_from_bytes, name_to_bytes};

/// The changes in a command's layer, not yet in the workspace.
pub struct OverlayChanges {
    /// The differences from the workspace, in an order in which they can be made (see [`order`]).
    ///
    /// Paths left out are listed one by one too, excluded folders included: they can't be undone, but they have to be
    /// applied. Its file is read with [`OverlayChanges::open`].
    pub changes: Vec<Changed>,
    /// Files that were written or touched and are the same as before, with the time they say they were written.
    pub touched: Vec<(String, SystemTime)>,
    /// Paths that the command changed and that the workspace has no more: another program or person removed them
    /// meanwhile.
    pub orphans: HashSet<String>,
    /// Removed paths that the layer does not name: a folder above them is removed or replaced in it.
    pub hidden: HashSet<String>,
    upper: Mutex<Layer>,
}

impl OverlayChanges {
    /// The bytes of a file in the layer.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn content(&self, path: &str) -> Result<Vec<u8>, CaptureError> {
        let mut bytes = Vec::new();
        let no_file = || workspace_error("open the new", &name_to_bytes(path))(io::ErrorKind::InvalidInput.into());
        let read = io::Read::read_to_end(&mut self.open(path)?.ok_or_else(no_file)?.0, &mut bytes);
        read.map_err(workspace_error("read the new", &name_to_bytes(path)))?;
        Ok(bytes)
    }

    /// A file in the layer, open for reading, and its permission bits; `None` when it is there and no file.
    ///
    /// # Errors
    /// When it is not there or can't be opened.
    pub fn open(&self, path: &str) -> Result<Option<(File, u32)>, CaptureError> {
        let path = name_to_bytes(path);
        let opened = self.upper().open(&path);
        opened.map_err(workspace_error("open the new", &path))
    }

    /// Returns the modification time of a path in the layer.
    ///
    /// # Errors
    /// When it is not there.
    pub fn modified(&self, path: &str) -> Result<SystemTime, CaptureError> {
        let path = name_to_bytes(path);
        let gone = || workspace_error("look at the new", &path)(io::ErrorKind::NotFound.into());
        Ok(self.upper().look(&path)?.ok_or_else(gone)?.stat.modified())
    }

    fn upper(&self) -> std::sync::MutexGuard<'_, Layer> {
        self.upper.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Reads a layer against the workspace as it is now. `root` is the workspace, not the mount.
///
/// Paths in the layer that deny their owner are opened for as long as the result lives, and closed again after.
///
/// # Errors
/// When something can't be looked at, or the layer can't be read without the mount (moved folders, data elsewhere).
pub fn overlay_changes(root: &Path, upper: &Path, rules: &Rules) -> Result<OverlayChanges, CaptureError> {
    overlay_changes_since(root, upper, rules, &KnownHashes::default())
}

/// The same, of a layer that is read again and again: files that have not changed since the last look at it are not read.
/// After an error the next look reads all.
///
/// # Errors
/// As [`overlay_changes`].
pub fn overlay_changes_since(
    root: &Path,
    upper: &Path,
    rules: &Rules,
    known: &KnownHashes,
) -> Result<OverlayChanges, CaptureError> {
    let lower = Tree::open(root).map_err(workspace_error("open", b""))?;
    let mut reading = Reading {
        lower: Layer::new(&lower, rules),
        upper: Layer::open_own(upper, rules).map_err(workspace_error("open the layer of", b""))?,
        changes: Vec::new(),
        touched: Vec::new(),
        copies: Vec::new(),
        left: Vec::new(),
        large: Default::default(),
        hidden: HashSet::new(),
    };
    let (above, below) = known.take();
    reading.upper.set_known(above);
    reading.lower.set_known(below);
    reading.root()?;
    // Folders by path and not by recursion: how deep they go is the command's choice.
    let mut folders = vec![Folder { path: Vec::new(), opaque: false, over: true }];
    while let Some(folder) = folders.pop() {
        reading.folder(&folder, &mut folders)?;
    }
    let orphans = reading.orphans();
    reading.pair_moved();
    known.keep(reading.upper.take_known(), reading.lower.take_known());
    let Reading { mut lower, upper, changes, touched, hidden, .. } = reading;
    let modes = std::cell::RefCell::new(&mut lower);
    let changes = order(changes, |path| {
        let found = modes.borrow_mut().look(&name_to_bytes(path)).ok()??;
        (found.kind == Kind::Folder).then_some(found.stat.mode)
    });
    Ok(OverlayChanges { changes, touched, orphans, hidden, upper: Mutex::new(upper) })
}

/// A folder of the layer still to be read.
struct Folder {
    path: Vec<u8>,
    /// True when it hides the folder below it.
    opaque: bool,
    /// True when there is a folder below it.
    over: bool,
}

struct Reading {
    lower: Layer,
    upper: Layer,
    changes: Vec<Changed>,
    touched: Vec<(String, SystemTime)>,
    /// Copies of paths below that are gone by now.
    copies: Vec<Entry>,
    /// States that the command removed or replaced at their path. They may have been moved.
    left: Vec<KeyState>,
    /// Large files that the command removed, and copies of large files that it made.
    large: (Vec<Entry>, Vec<Entry>),
    /// Removed paths that the layer does not name.
    hidden: HashSet<String>,
}

impl Reading {
    /// Lists the copies that were not moved there by the command. A folder is copied when it is moved, and a file
    /// that was moved is missed where it was.
    fn orphans(&self) -> HashSet<String> {
        let (folders, files): (Vec<&Entry>, Vec<&Entry>) =
            self.copies.iter().partition(|copy| copy.kind == Kind::Folder);
        let mut found: HashSet<String> = folders.into_iter().map(Entry::name).collect();
        if files.len() > self.left.len() {
            // A file that was moved and changed can't be distinguished from the others.
            found.extend(files.into_iter().filter(|copy| !self.left.contains(&copy.state())).map(Entry::name));
        }
        found
    }

    /// Finds the large files that the command only renamed, to a folder that is there: the same bytes in both layers.
    fn pair_moved(&mut self) {
        let (gone, made) = std::mem::take(&mut self.large);
        for (old, new) in moved::pairs(&gone, &made, |stat| (stat.size, stat.mtime, stat.mode)) {
            let is_folder = match new.path.iter().rposition(|byte| *byte == b'/') {
                None => true,
                Some(at) => matches!(self.lower.look(&new.path[..at]), Ok(Some(above)) if above.kind == Kind::Folder),
            };
            let Some(hash) = self.lower.hash_any(&old.path).filter(|_| is_folder) else { continue };
            if self.upper.hash_any(&new.path) == Some(hash) {
                moved::mark(&mut self.changes, (old, new), hash);
            }
        }
    }

    /// The layer began with the permission bits of the workspace.
    fn root(&mut self) -> Result<(), CaptureError> {
        if let (Some(old), Some(new)) = (self.lower.look(ROOT)?, self.upper.look(ROOT)?)
            && old.stat.mode != new.stat.mode
        {
            let mode = |entry: &Entry| KeyState::Directory { mode: entry.stat.mode };
            self.push(ROOT, mode(&old), mode(&new), None);
        }
        Ok(())
    }

    fn folder(&mut self, folder: &Folder, below: &mut Vec<Folder>) -> Result<(), CaptureError> {
        let names = self.upper.names(&folder.path)?;
        if folder.opaque && folder.over {
            for name in self.lower.names(&folder.path)?.into_iter().filter(|name| !names.contains(name)) {
                let path = join(&folder.path, &name);
                self.hidden.insert(name_from_bytes(&path));
                self.removed(&path)?;
            }
        }
        for name in names {
            let path = join(&folder.path, &name);
            let Some(new) = self.upper.look(&path)? else { continue };
            self.upper.open_up(&new);
            match self.upper.mark(&path, new.kind, &new.stat)? {
                Mark::Whiteout => self.removed(&path)?,
                // What is in an opaque folder hides what is below it too, without a mark of its own.
                Mark::None => self.written(new, folder.opaque, below)?,
                Mark::Opaque => self.written(new, true, below)?,
            }
        }
        Ok(())
    }

    /// Something that is gone, with everything in it.
    fn removed(&mut self, path: &[u8]) -> Result<(), CaptureError> {
        for old in self.lower.all(path)? {
            if old.path != path {
                self.hidden.insert(old.name());
            }
            let old = self.lower.hash_entry(old)?;
            self.gone(&old);
        }
        Ok(())
    }

    fn gone(&mut self, old: &Entry) {
        if old.kind == Kind::File {
            self.left.push(old.state());
        }
        if old.left_out == Some(LeftOut::TooLarge) {
            self.large.0.push(old.clone());
        }
        self.push(&old.path, old.state(), KeyState::Absent, old.left_out);
    }

    fn written(&mut self, new: Entry, opaque: bool, below: &mut Vec<Folder>) -> Result<(), CaptureError> {
        let old = self.lower.look(&new.path)?;
        if new.kind == Kind::Folder {
            let over = old.as_ref().is_some_and(|old| old.kind == Kind::Folder);
            // What is below a folder of another file system was never part of the mount.
            let hidden = old.as_ref().is_some_and(|old| old.left_out == Some(LeftOut::Mount));
            below.push(Folder { path: new.path.clone(), opaque, over: over && !hidden });
        } else if old.as_ref().is_some_and(|old| old.kind == Kind::Folder) {
            let inside: Vec<Entry> = self.lower.all(&new.path)?;
            for old in inside.into_iter().filter(|old| old.path != new.path) {
                self.hidden.insert(old.name());
                let old = self.lower.hash_entry(old)?;
                self.gone(&old);
            }
        }
        let old = old.map(|old| self.lower.hash_entry(old)).transpose()?;
        let new = self.upper.hash_entry(new)?;
        let copy = matches!(new.kind, Kind::File | Kind::Folder) && self.upper.is_copy(&new.path)?;
        match &old {
            // The first name of a file with two names is not known.
            None if copy && (new.kind == Kind::Folder || !self.upper.has_more_names(&new.path)?) => {
                self.copies.push(new.clone());
            }
            Some(old) if !copy && old.kind == Kind::File => self.left.push(old.state()),
            _ => {}
        }
        if old.is_none() && copy && new.left_out == Some(LeftOut::TooLarge) {
            self.large.1.push(new.clone());
        }
        let left_out = new.left_out.or(old.as_ref().and_then(|old| old.left_out));
        let (before, after) = (old.as_ref().map_or(KeyState::Absent, folder_state), folder_state(&new));
        if before != after || (after == KeyState::Unknown && left_out.is_some()) {
            self.push(&new.path, before, after, left_out);
        } else if new.kind == Kind::File {
            self.touched.push((new.name(), new.stat.modified()));
        }
        Ok(())
    }

    fn push(&mut self, path: &[u8], old: KeyState, new: KeyState, left_out: Option<LeftOut>) {
        let left_out = left_out.map(|why| self.lower.describe(why));
        self.changes.push(Changed { path: name_from_bytes(path), old, new, left_out, moved: None });
    }
}

/// Returns the state of an entry, of an excluded folder or link too: it is known without bytes.
fn folder_state(entry: &Entry) -> KeyState {
    match (entry.left_out, entry.kind) {
        (Some(LeftOut::Excluded), Kind::Folder | Kind::Link) => Entry { left_out: None, ..entry.clone() }.state(),
        _ => entry.state(),
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}
