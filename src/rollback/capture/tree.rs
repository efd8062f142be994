//! The workspace by folder handles: no link is followed, and no path leads out of it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::Arc;

use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, fchmodat, fstat, fstatat};

use super::entry::{Kind, Stat};

/// The workspace itself, as a path: its permission bits are a thing in it that can change.
pub(super) const ROOT: &[u8] = crate::world::path::ROOT.as_bytes();

/// Folders below this depth are opened anew each time instead of being kept open.
const KEPT_OPEN: usize = 64;

/// A folder tree, open at its root.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    root: Arc<OwnedFd>,
    /// The file system of the root.
    pub(super) device: u64,
}

impl Tree {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let root: OwnedFd = File::open(path)?.into();
        let found = fstat(&root)?;
        if !is_folder(&found) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let (_, stat) = Stat::of(&found);
        Ok(Self { root: Arc::new(root), device: stat.dev })
    }

    /// A walker: as many as there are threads.
    pub(super) fn opener(&self) -> Opener {
        Opener { root: Arc::clone(&self.root), kept: Vec::new(), deep: None }
    }
}

/// Opens things by path, part by part, keeping the folders of the last path open.
pub(super) struct Opener {
    root: Arc<OwnedFd>,
    kept: Vec<(Vec<u8>, OwnedFd)>,
    deep: Option<OwnedFd>,
}

impl Opener {
    /// The handle of a folder.
    pub(super) fn folder(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        self.deep = None;
        let mut depth = 0;
        check_no_dots(path)?;
        let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
        for part in parts {
            if depth < KEPT_OPEN {
                if self.kept.get(depth).is_none_or(|(name, _)| name != part) {
                    self.kept.truncate(depth);
                    let opened = open_folder(self.last(depth), part)?;
                    self.kept.push((part.to_vec(), opened));
                }
            } else {
                self.deep = Some(open_folder(self.last(depth), part)?);
            }
            depth += 1;
        }
        Ok(self.last(depth))
    }

    /// The handle of the folder a path is in, and its name there.
    pub(super) fn parent<'p>(&mut self, path: &'p [u8]) -> io::Result<(BorrowedFd<'_>, &'p [u8])> {
        check_no_dots(path)?;
        match path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => Ok((self.folder(&path[..at])?, &path[at + 1..])),
            None => Ok((self.folder(b"")?, path)),
        }
    }

    /// Opens a file for reading; what is no file may be opened too, but never waits.
    pub(super) fn file(&mut self, path: &[u8]) -> io::Result<File> {
        let (folder, name) = self.parent(path)?;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        Ok(File::from(openat(folder, name, flags, Mode::empty())?))
    }

    /// Reads the stat of a path; `None` when it is absent.
    pub(super) fn look(&mut self, path: &[u8]) -> io::Result<Option<FileStat>> {
        let found = self.parent(path).and_then(|(folder, name)| stat_at(folder, name));
        match found {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the target of a link.
    pub(super) fn target(&mut self, path: &[u8]) -> io::Result<Vec<u8>> {
        let (folder, name) = self.parent(path)?;
        target_at(folder, name)
    }

    /// Sets the permission bits of what is no link, in a tree that nobody else changes.
    pub(super) fn set_mode(&mut self, path: &[u8], mode: u32) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        #[allow(clippy::cast_possible_truncation, clippy::unnecessary_cast, reason = "16 bits on some systems")]
        let mode = Mode::from_bits_truncate(mode as nix::libc::mode_t);
        Ok(fchmodat(folder, name, mode, FchmodatFlags::FollowSymlink)?)
    }

    fn last(&self, depth: usize) -> BorrowedFd<'_> {
        match (&self.deep, depth.min(KEPT_OPEN).checked_sub(1).and_then(|at| self.kept.get(at))) {
            (Some(deep), _) => deep.as_fd(),
            (None, Some((_, folder))) => folder.as_fd(),
            (None, None) => self.root.as_fd(),
        }
    }
}

/// Refuses paths with `..`: they come from callers too, not only from listings.
fn check_no_dots(path: &[u8]) -> io::Result<()> {
    let up = path.split(|byte| *byte == b'/').any(|part| part == b"..");
    if up { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(()) }
}

/// Looks at a name in an open folder.
pub(super) fn stat_at(folder: BorrowedFd<'_>, name: &[u8]) -> io::Result<FileStat> {
    Ok(fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)?)
}

/// Reads a link in an open folder.
pub(super) fn target_at(folder: BorrowedFd<'_>, name: &[u8]) -> io::Result<Vec<u8>> {
    Ok(readlinkat(folder, name)?.into_vec())
}

/// Opens a folder in an open folder.
pub(super) fn open_folder(folder: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(folder, name, flags, Mode::empty())?)
}

fn is_folder(found: &FileStat) -> bool {
    Stat::of(found).0 == Kind::Folder
}

/// True when an error says that the path is absent, or has another kind than before.
pub(super) fn is_gone(error: &io::Error) -> bool {
    use nix::errno::Errno::{ELOOP, ENOENT, ENOTDIR};
    error.raw_os_error().is_some_and(|code| [ENOENT as i32, ENOTDIR as i32, ELOOP as i32].contains(&code))
}

/// True when an error is about this process and not about the path: a walk that continues would miss paths.
pub(super) fn is_fatal(error: &io::Error) -> bool {
    use nix::errno::Errno::{EMFILE, ENFILE, ENOMEM};
    error.raw_os_error().is_some_and(|code| [EMFILE as i32, ENFILE as i32, ENOMEM as i32].contains(&code))
}
