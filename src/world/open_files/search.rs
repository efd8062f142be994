//! Names of open files in the workspace.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use nix::dir::{Dir, Type};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use super::FileId;
use super::holder::{Holder, OpenFile, OpenFiles};
use super::mounts::Mounts;
use super::scan::{LONGEST, Scan, Seen};
use crate::model::name_from_bytes;

/// Finds open files in a workspace.
pub(in super::super) struct Search<'a> {
    /// The workspace, absolute and without links.
    pub root: &'a Path,
    pub device: u64,
    /// The data folder, which is no part of it.
    pub data: Option<FileId>,
    /// True for a path that counts.
    pub counts: &'a dyn Fn(&str) -> bool,
}

impl Search<'_> {
    /// The files of the workspace that programs can write to.
    pub(in super::super) fn run(&self, scan: &Scan) -> OpenFiles {
        let begun = Instant::now();
        let mut found: Vec<OpenFile> = Vec::new();
        let mut unknown: HashMap<u64, &Seen> = HashMap::new();
        let mounts = Mounts::read();
        for ((device, inode), seen) in scan.written() {
            match self.place((device, inode), seen, &mounts) {
                Place::At(path) => found.extend(self.open_file(&path, seen)),
                Place::Elsewhere => {}
                Place::Unknown => drop(unknown.insert(inode, seen)),
            }
        }
        let mut is_whole = scan.is_whole();
        if !unknown.is_empty() {
            let (named, all) = self.walk(&unknown.keys().copied().collect(), begun);
            is_whole &= all;
            found.extend(named.into_iter().filter_map(|(inode, path)| self.open_file(&path, unknown.get(&inode)?)));
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        OpenFiles { files: found, is_whole }
    }

    fn open_file(&self, path: &[u8], seen: &Seen) -> Option<OpenFile> {
        let path = name_from_bytes(path);
        let holders: Vec<Holder> = seen.holders.iter().filter(|holder| holder.writes()).cloned().collect();
        ((self.counts)(&path)).then_some(OpenFile { path, holders })
    }

    /// Where a file is, as far as the path tells by which a process knows it.
    fn place(&self, id: FileId, seen: &Seen, mounts: &Mounts) -> Place {
        let Some(path) = &seen.path else { return Place::Unknown };
        // A process of a container may see it elsewhere, and it may have been renamed.
        if !fs::symlink_metadata(path).is_ok_and(|file| (file.dev(), file.ino()) == id) {
            return Place::Unknown;
        }
        match mounts.inside(path, self.root) {
            Some(inside) if self.is_in_data(&inside) => Place::Elsewhere,
            Some(inside) => Place::At(inside.as_os_str().as_bytes().to_vec()),
            None if seen.names == 1 => Place::Elsewhere,
            None => Place::Unknown,
        }
    }

    fn is_in_data(&self, inside: &Path) -> bool {
        let folders = inside.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        let id = |above: &Path| fs::symlink_metadata(self.root.join(above)).map(|found| (found.dev(), found.ino()));
        self.data.is_some() && folders.into_iter().any(|above| id(above).ok() == self.data)
    }

    /// Looks through the workspace for inodes; the second is false when the time did not suffice.
    fn walk(&self, wanted: &HashSet<u64>, begun: Instant) -> (Vec<(u64, Vec<u8>)>, bool) {
        let mut named = Vec::new();
        let mut folders = vec![Vec::new()];
        while let Some(folder) = folders.pop() {
            if begun.elapsed() >= LONGEST {
                return (named, false);
            }
            let path = self.root.join(OsString::from_vec(folder.clone()));
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            // A folder that is gone or closed has nothing that a command could touch.
            let Ok(mut listing) = Dir::open(&path, flags, Mode::empty()) else { continue };
            let is_data =
                || fs::symlink_metadata(&path).is_ok_and(|found| Some((found.dev(), found.ino())) == self.data);
            if self.data.is_some() && is_data() {
                continue;
            }
            for entry in listing.iter().flatten() {
                let name = entry.file_name().to_bytes();
                if name == b"." || name == b".." {
                    continue;
                }
                let at = if folder.is_empty() { name.to_vec() } else { [&folder, b"/".as_slice(), name].concat() };
                match entry.file_type() {
                    Some(Type::Directory) => folders.push(at),
                    Some(Type::File) | None if wanted.contains(&entry.ino()) => {
                        let found = fs::symlink_metadata(self.root.join(OsString::from_vec(at.clone())));
                        let is_it = found.is_ok_and(|found| (found.dev(), found.ino()) == (self.device, entry.ino()));
                        named.extend(is_it.then_some((entry.ino(), at)));
                    }
                    _ => {}
                }
            }
        }
        (named, true)
    }
}

/// Where an open file is.
enum Place {
    /// In the workspace, by this path.
    At(Vec<u8>),
    /// Not in the workspace.
    Elsewhere,
    /// It may have a name in the workspace.
    Unknown,
}
