//! One layer of an overlay, looked at path by path.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::dir::Dir;
use xattr::FileExt;

use super::entry::{Bytes, Entry, Kind, Stat, now};
use super::error::{CaptureError, workspace_error};
use super::known::Known;
use super::left_out::LeftOut;
use super::read::hash_file;
use super::rules::Rules;
use super::tree::{Opener, ROOT, Tree, is_fatal, is_gone, open_folder};
use crate::model::{BlobHash, name_from_bytes, readable_name};

/// Owner permissions that a folder needs, so that it can be read, and closed again.
const OPEN_FOLDER: u32 = 0o700;

/// The overlay's mark on a path in its upper layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    /// The path is removed.
    Whiteout,
    /// The folder hides the one below it.
    Opaque,
}

/// A layer: the workspace itself, or what was written over it.
pub(super) struct Layer {
    opener: Opener,
    device: u64,
    rules: Rules,
    /// The permission bits of what was opened up.
    closed: BTreeMap<Vec<u8>, u32>,
    known: Known,
}

impl Layer {
    pub(super) fn new(tree: &Tree, rules: &Rules) -> Self {
        Self {
            opener: tree.opener(),
            device: tree.device,
            rules: rules.clone(),
            closed: BTreeMap::new(),
            known: Known::default(),
        }
    }

    /// Opens a command's layer; its folder is open to the owner for as long as the layer lives.
    pub(super) fn open_own(folder: &Path, rules: &Rules) -> io::Result<Self> {
        let mode = fs::metadata(folder)?.permissions().mode() & 0o7777;
        let closed = mode & OPEN_FOLDER != OPEN_FOLDER;
        if closed {
            // Before it is opened: that may not be allowed.
            fs::set_permissions(folder, Permissions::from_mode(mode | OPEN_FOLDER))?;
        }
        let mut layer = Self::new(&Tree::open(folder)?, rules);
        layer.closed.extend(closed.then(|| (ROOT.to_vec(), mode)));
        Ok(layer)
    }

    /// Gives it the hashes of files that were read before.
    pub(super) fn set_known(&mut self, known: Known) {
        self.known = known;
    }

    /// Takes the hashes of the files that it came to.
    pub(super) fn take_known(&mut self) -> Known {
        std::mem::take(&mut self.known)
    }

    pub(super) fn describe(&self, why: LeftOut) -> String {
        self.rules.describe(why)
    }

    /// The names in a folder, ordered.
    pub(super) fn names(&mut self, folder: &[u8]) -> Result<Vec<Vec<u8>>, CaptureError> {
        self.list(folder).map_err(workspace_error("list the folder", folder))
    }

    fn list(&mut self, folder: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let mut listing = Dir::from_fd(open_folder(self.opener.folder(folder)?, b".")?)?;
        let mut names = Vec::new();
        for name in listing.iter() {
            let name = name?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Reads the entry at a path, without its bytes.
    pub(super) fn look(&mut self, path: &[u8]) -> Result<Option<Entry>, CaptureError> {
        let found = match self.opener.look(path) {
            // Its kind is unknown too.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(Some(unknown(path))),
            other => other.map_err(workspace_error("look at", path))?,
        };
        let Some(found) = found else { return Ok(None) };
        let (kind, mut stat) = Stat::of(&found);
        if let Some(mode) = self.closed.get(path) {
            stat.mode = *mode;
        }
        if self.rules.skips(stat.dev, stat.ino) {
            return Ok(None);
        }
        let left_out = self.left_out(path, kind, &stat, found.st_uid);
        let mut target = Vec::new();
        if kind == Kind::Link {
            target = self.opener.target(path).map_err(workspace_error("read the link", path))?;
        }
        Ok(Some(Entry { path: path.to_vec(), kind, stat, left_out, target, bytes: None }))
    }

    /// Opens a path of a command's layer to the owner, until the layer is dropped.
    pub(super) fn open_up(&mut self, entry: &Entry) {
        let needed = match entry.kind {
            Kind::Folder => OPEN_FOLDER,
            Kind::File => 0o400,
            _ => return,
        };
        let mode = entry.stat.mode;
        // A path that can't be opened up is unreadable later.
        if mode & needed != needed && self.opener.set_mode(&entry.path, mode | needed).is_ok() {
            self.closed.insert(entry.path.clone(), mode);
        }
    }

    /// A file, open for reading, and its permission bits; `None` when it is no file.
    pub(super) fn open(&mut self, path: &[u8]) -> io::Result<Option<(File, u32)>> {
        let kind = self.opener.look(path)?.map(|found| Stat::of(&found).0);
        if kind.is_some_and(|kind| kind != Kind::File) {
            return Ok(None);
        }
        let file = self.opener.file(path)?;
        let (kind, stat) = Stat::of(&nix::sys::stat::fstat(&file)?);
        let mode = self.closed.get(path).copied().unwrap_or(stat.mode);
        Ok((kind == Kind::File).then_some((file, mode)))
    }

    /// Returns why a path is left out; an excluded folder above it, which was not checked yet, excludes it too.
    fn left_out(&self, path: &[u8], kind: Kind, stat: &Stat, owner: u32) -> Option<LeftOut> {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let excluded = slashes.chain([path.len()]).any(|end| self.rules.excludes(&path[..end]));
        if excluded { Some(LeftOut::Excluded) } else { self.rules.left_out(kind, stat, owner, self.device) }
    }

    /// Hashes the bytes of an entry.
    pub(super) fn hash_entry(&mut self, mut entry: Entry) -> Result<Entry, CaptureError> {
        if entry.kind != Kind::File || entry.left_out.is_some() {
            return Ok(entry);
        }
        if let Some(hash) = self.known.find(&entry.path, &entry.stat) {
            entry.bytes = Some(Bytes { hash, place: None, racy: true });
            return Ok(entry);
        }
        let began = now();
        let read = self.opener.file(&entry.path).and_then(|mut file| {
            let (kind, stat) = Stat::of(&nix::sys::stat::fstat(&file)?);
            let hash = hash_file(&mut file)?;
            let steady = kind == Kind::File && Stat::of(&nix::sys::stat::fstat(&file)?).1 == stat;
            Ok((stat, hash, steady))
        });
        match read {
            Ok((stat, hash, true)) => {
                self.known.note(&entry.path, stat, hash, began);
                entry.stat = Stat { mode: entry.stat.mode, ..stat };
                entry.bytes = Some(Bytes { hash, place: None, racy: true });
            }
            Ok(_) => entry.left_out = Some(LeftOut::Unsteady),
            Err(error) if is_fatal(&error) => return Err(workspace_error("read", &entry.path)(error)),
            Err(error) if is_gone(&error) => entry.left_out = Some(LeftOut::Unsteady),
            Err(_) => entry.left_out = Some(LeftOut::Unreadable),
        }
        Ok(entry)
    }

    /// Hashes a file of any size; `None` when it can't be read.
    pub(super) fn hash_any(&mut self, path: &[u8]) -> Option<BlobHash> {
        hash_file(&mut self.opener.file(path).ok()?).ok()
    }

    /// Lists the entry at a path and everything below it, without bytes.
    pub(super) fn all(&mut self, path: &[u8]) -> Result<Vec<Entry>, CaptureError> {
        let mut found: Vec<Entry> = self.look(path)?.into_iter().collect();
        let mut next = 0;
        while let Some(entry) = found.get_mut(next) {
            next += 1;
            if entry.kind != Kind::Folder || matches!(entry.left_out, Some(LeftOut::Mount)) {
                continue;
            }
            let folder = entry.path.clone();
            match self.list(&folder) {
                Ok(names) => {
                    for name in names {
                        found.extend(self.look(&[&folder, &b"/"[..], &name].concat())?);
                    }
                }
                Err(error) if is_fatal(&error) => return Err(workspace_error("list the folder", &folder)(error)),
                Err(_) => entry.left_out = Some(LeftOut::Unreadable),
            }
        }
        Ok(found)
    }

    /// Reads the overlay's mark on a path.
    pub(super) fn mark(&mut self, path: &[u8], kind: Kind, stat: &Stat) -> Result<Mark, CaptureError> {
        let refuse = |why| Err(CaptureError::Overlay { path: readable_name(&name_from_bytes(path)), why });
        match kind {
            Kind::Device if self.is_null(path)? => Ok(Mark::Whiteout),
            Kind::Folder => {
                if self.attribute(path, "redirect")?.is_some() {
                    return refuse("the folder was moved by the overlay itself");
                }
                Ok(if self.is_opaque(path)? { Mark::Opaque } else { Mark::None })
            }
            Kind::File if stat.size == 0 && self.attribute(path, "whiteout")?.is_some() => Ok(Mark::Whiteout),
            Kind::File if self.attribute(path, "metacopy")?.is_some() => refuse("the overlay kept its bytes elsewhere"),
            _ => Ok(Mark::None),
        }
    }

    /// True when a file or folder began as a copy of the one below it (the attribute `overlay.origin`).
    pub(super) fn is_copy(&mut self, path: &[u8]) -> Result<bool, CaptureError> {
        Ok(self.attribute(path, "origin")?.is_some())
    }

    /// True when the file at a path has another name too.
    pub(super) fn has_more_names(&mut self, path: &[u8]) -> Result<bool, CaptureError> {
        let found = self.opener.look(path).map_err(workspace_error("look at", path))?;
        Ok(found.is_some_and(|found| found.st_nlink > 1))
    }

    /// True when a folder hides the one below it.
    pub(super) fn is_opaque(&mut self, path: &[u8]) -> Result<bool, CaptureError> {
        Ok(self.attribute(path, "opaque")?.is_some_and(|value| value == b"y"))
    }

    fn is_null(&mut self, path: &[u8]) -> Result<bool, CaptureError> {
        let found = self.opener.look(path).map_err(workspace_error("look at", path))?;
        let character = nix::sys::stat::SFlag::S_IFCHR.bits();
        Ok(found.is_some_and(|found| found.st_rdev == 0 && found.st_mode & character == character))
    }

    /// An attribute of the overlay, in either of its name spaces.
    fn attribute(&mut self, path: &[u8], name: &str) -> Result<Option<Vec<u8>>, CaptureError> {
        let file = self.opener.file(path);
        let found = file.and_then(|file| {
            for space in ["user", "trusted"] {
                match file.get_xattr(format!("{space}.overlay.{name}")) {
                    Ok(None) => {}
                    Ok(found) => return Ok(found),
                    // Not supported or not allowed to see: then the overlay could not have set it.
                    Err(error)
                        if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(None)
        });
        found.map_err(workspace_error("read the overlay's marks of", path))
    }
}

impl Drop for Layer {
    fn drop(&mut self) {
        // The entries of a folder before the folder.
        for (path, mode) in self.closed.iter().rev() {
            let _ = self.opener.set_mode(path, *mode);
        }
    }
}

/// Builds the entry of a path in a folder that can't be read.
fn unknown(path: &[u8]) -> Entry {
    let left_out = Some(LeftOut::InUnreadable);
    Entry { path: path.to_vec(), kind: Kind::Device, stat: Stat::default(), left_out, target: Vec::new(), bytes: None }
}
