//! Files, folders and links of the workspace, by path.
//!
//! Every path is walked part by part from the workspace's own handle, and no link is ever followed: so no path can
//! leave the workspace, even when something changes it meanwhile, and no file has two names.

use std::io::{self, Cursor};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions};

use super::lent::{Lent, set_mode};
use super::open_files::{Held, OpenFiles, Scan, Search, Watch};
use super::path::{ROOT, parents};
use super::place::{Place, describe, last_part};
use super::root::Root;
use super::{Content, Value, WorldError};
use crate::model::{KeyState, name_from_bytes};

/// The permission bits of a mode, without the file type.
pub(super) const PERMISSIONS: u32 = 0o7777;

/// Names of a folder that are held in memory.
const MOST_NAMES: usize = 200_000;

/// How something is put.
#[derive(Debug, Clone, Copy, Default)]
pub struct Put {
    /// It need not last when it returns: the caller makes many things last at once, with [`super::World::sync`].
    pub later: bool,
    /// A file's time of last change; the present, where there is none.
    pub modified: Option<SystemTime>,
    /// A pipe, a socket or a device may be in the way, and goes: there is no bringing it back.
    pub irregular: bool,
    /// It is replaced even while other programs have it open: the user wants it so.
    pub open: bool,
}

/// Device and inode: what a file is, whatever its name.
pub(super) type FileId = (u64, u64);

/// The workspace's files.
pub(super) struct Files {
    root: Root,
    data: Option<FileId>,
    watch: Watch,
}

impl Files {
    pub(super) fn new(root: Root, data: Option<FileId>) -> Self {
        Self { root, data, watch: Watch::default() }
    }

    /// The path by which the workspace was opened.
    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The device and inode of the workspace.
    pub(super) fn root_id(&self) -> (u64, u64) {
        self.root.id()
    }

    /// Checks that the workspace is still the folder that was opened.
    pub(super) fn check_root(&self) -> Result<(), WorldError> {
        self.root.folder().map(drop)
    }

    /// The files for which `counts` is true and that other programs have open for writing, mapped, or locked.
    pub(super) fn open_files(&self, counts: &dyn Fn(&str) -> bool) -> OpenFiles {
        let device = self.root.device();
        Search { root: self.root.path(), device, data: self.data, counts }.run(&Scan::of(device))
    }

    /// Takes the lines about files that were replaced while a program read them.
    pub(super) fn take_notes(&self) -> Vec<String> {
        self.watch.take_notes()
    }

    /// Checks that the path can be used; a missing one can.
    pub(super) fn check(&self, path: &str) -> Result<(), WorldError> {
        match self.place(path)? {
            Some(place) => place.metadata()?.map_or(Ok(()), |found| self.refuse_data(&found, path)),
            None => Ok(()),
        }
    }

    /// Reads a path; `list`: with the entries of a folder. A file has at most `most` bytes.
    pub(super) fn read(&self, path: &str, list: bool, most: u64) -> Result<Value, WorldError> {
        let directory = |folder: &Dir, found: &Metadata| {
            let entries = if list { self.entries(folder, path)? } else { Vec::new() };
            Ok(Value::Directory { mode: Some(found.mode() & PERMISSIONS), entries })
        };
        if path == ROOT {
            let root = self.root.folder()?;
            let found = root.dir_metadata().map_err(WorldError::io("read the folder", path))?;
            return directory(root, &found);
        }
        let Some(place) = self.place(path)? else { return Ok(Value::Absent) };
        let Some(found) = place.metadata()? else { return Ok(Value::Absent) };
        self.refuse_data(&found, path)?;
        if found.is_dir() {
            let folder = place.folder.open_dir_nofollow(&place.name).map_err(place.io("open the folder"))?;
            directory(&folder, &found)
        } else if found.is_symlink() {
            Ok(Value::Symlink { target: place.target()? })
        } else if found.is_file() {
            place.file(most)
        } else {
            Err(WorldError::NotRegular { path: path.to_owned(), what: describe(found.file_type()) })
        }
    }

    /// The state of a path, whatever the size of its file.
    pub(super) fn state(&self, path: &str) -> Result<KeyState, WorldError> {
        if path != ROOT
            && let Some(place) = self.place(path)?
            && place.metadata()?.is_some_and(|found| found.is_file())
        {
            return place.file_state();
        }
        Ok(self.read(path, false, u64::MAX)?.state())
    }

    pub(super) fn put(&self, path: &str, value: &Value, how: Put) -> Result<(), WorldError> {
        if let (ROOT, Value::Directory { mode: Some(mode), .. }) = (path, value) {
            return set_mode(self.root.folder()?, *mode).map_err(WorldError::io("set the permissions of", path));
        }
        if *value == Value::Absent && path != ROOT && self.place(path)?.is_none() {
            return Ok(());
        }
        self.change(path, how, |place, found, held| match value {
            Value::File { bytes, mode } => {
                self.write(place, (found, held), &mut Cursor::new(bytes.as_slice()), *mode, how)
            }
            _ if held.writer.is_some() => Err(place.open_in(held)),
            Value::Absent => place.remove(found),
            Value::Directory { mode, .. } => place.make_folder(found, *mode),
            Value::Symlink { target } => place.link(found, target),
            Value::Text(_) | Value::List(_) => {
                Err(WorldError::WrongState { key: path.to_owned(), why: "a path can't hold a memory value" })
            }
        })
    }

    /// Makes a file of what is read from `from`, however much that is.
    pub(super) fn copy(&self, path: &str, from: &mut dyn Content, mode: u32, how: Put) -> Result<(), WorldError> {
        self.change(path, how, |place, found, held| self.write(place, (found, held), from, Some(mode), how))
    }

    /// Writes a file: in place where others have it open and the change only adds to its end or cuts it.
    fn write(
        &self,
        place: &Place<'_>,
        (found, held): (Option<&Metadata>, &Held),
        from: &mut dyn Content,
        mode: Option<u32>,
        how: Put,
    ) -> Result<(), WorldError> {
        if let Some(found) = found.filter(|found| found.is_file())
            && (held.writer.is_some() || held.reader.is_some())
            && place.write_in_place(found, from, (mode, held.may_grow), how)?
        {
            return Ok(());
        }
        if held.writer.is_some() {
            return Err(place.open_in(held));
        }
        place.write(found, from, mode, how)?;
        if let Some(reader) = &held.reader {
            self.watch.note(place.path, reader);
        }
        Ok(())
    }

    /// Renames a file; nothing may be at its new path.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), WorldError> {
        let (Some(old), Some(new)) = (self.place(from)?, self.place(to)?) else {
            return Err(WorldError::no_folder(to));
        };
        let _writable = [Lent::to_write(&old.folder), Lent::to_write(&new.folder)];
        rename_new(&old, &new).map_err(new.io("rename a file to"))?;
        sync(&old.folder).and_then(|()| sync(&new.folder)).map_err(new.io("save the folder of"))
    }

    /// Has a path changed, where it may be.
    fn change(
        &self,
        path: &str,
        how: Put,
        make: impl FnOnce(&Place<'_>, Option<&Metadata>, &Held) -> Result<(), WorldError>,
    ) -> Result<(), WorldError> {
        if path == ROOT {
            return Err(WorldError::WrongState { key: path.to_owned(), why: "it is the workspace itself" });
        }
        let Some(place) = self.place(path)? else { return Err(WorldError::no_folder(path)) };
        let found = place.metadata()?;
        if let Some(found) = &found {
            self.refuse_data(found, path)?;
            let kind = found.file_type();
            if !(kind.is_file() || kind.is_dir() || kind.is_symlink() || how.irregular) {
                return Err(WorldError::NotRegular { path: path.to_owned(), what: describe(kind) });
            }
        }
        // What lies beside an open database belongs to it, whether it is there just now or not.
        let held = if how.open { Held::default() } else { self.watch.held(&place.folder, &place.name, found.as_ref()) };
        let _writable = Lent::to_write(&place.folder).map_err(place.io("write in the folder of"))?;
        make(&place, found.as_ref(), &held)?;
        if how.later { Ok(()) } else { sync(&place.folder).map_err(place.io("save the folder of")) }
    }

    /// Makes everything last that was put with [`Put::later`].
    pub(super) fn sync(&self) -> Result<(), WorldError> {
        let root = self.root.folder()?.open(ROOT).map_err(WorldError::io("save", ROOT))?;
        sync_file_system(&root.into_std()).map_err(WorldError::io("save", ROOT))
    }

    /// Gives a regular file a time of change.
    pub(super) fn touch(&self, path: &str, modified: SystemTime) -> Result<(), WorldError> {
        let Some(place) = self.place(path)? else { return Ok(()) };
        let mut options = OpenOptions::new();
        options.write(true).follow(FollowSymlinks::No).nonblock(true);
        let file = place.folder.open_with(&place.name, &options).map_err(place.io("open"))?;
        file.into_std().set_modified(modified).map_err(place.io("set the time of"))
    }

    /// Removes what a crash in the middle of a put left beside the path; whether there was anything.
    pub(super) fn tidy(&self, path: &str) -> Result<bool, WorldError> {
        self.place(path)?.map_or(Ok(false), |place| place.tidy())
    }

    /// Opens the folder that the path is in; `None` when there is no such folder.
    fn place<'a>(&self, path: &'a str) -> Result<Option<Place<'a>>, WorldError> {
        let mut folder = self.root.folder()?.try_clone().map_err(WorldError::io("open the workspace for", path))?;
        for above in parents(path) {
            let here = Place { folder, name: last_part(above), path: above };
            let Some(found) = here.metadata()? else { return Ok(None) };
            if found.is_symlink() {
                let target = here.target()?;
                return Err(WorldError::ThroughLink { path: path.to_owned(), link: above.to_owned(), target });
            }
            if !found.is_dir() {
                return Ok(None);
            }
            let opened = here.folder.open_dir_nofollow(&here.name).map_err(here.io("open the folder"))?;
            // Of the handle, not of the name: the name may mean something else by now.
            let opened_is = opened.dir_metadata().map_err(here.io("open the folder"))?;
            self.refuse_data(&opened_is, path)?;
            folder = opened;
        }
        Ok(Some(Place { folder, name: last_part(path), path }))
    }

    fn refuse_data(&self, found: &Metadata, path: &str) -> Result<(), WorldError> {
        if self.data == Some((found.dev(), found.ino())) {
            return Err(WorldError::DataFolder { path: path.to_owned() });
        }
        Ok(())
    }

    fn entries(&self, folder: &Dir, path: &str) -> Result<Vec<String>, WorldError> {
        let mut entries = Vec::new();
        for entry in folder.entries().map_err(WorldError::io("list the folder", path))? {
            let entry = entry.map_err(WorldError::io("list the folder", path))?;
            let is = entry.metadata().map_err(WorldError::io("list the folder", path))?;
            if self.data == Some((is.dev(), is.ino())) {
                continue;
            }
            if entries.len() == MOST_NAMES {
                let why = format!("it has more than {MOST_NAMES} names");
                return Err(WorldError::Io { what: "list the folder", path: path.to_owned(), why });
            }
            let mut name = name_from_bytes(entry.file_name().as_bytes());
            if is.is_dir() {
                name.push('/');
            }
            entries.push(name);
        }
        entries.sort();
        Ok(entries)
    }
}

/// Renames; nothing is replaced.
#[cfg(target_os = "linux")]
fn rename_new(old: &Place<'_>, new: &Place<'_>) -> io::Result<()> {
    use nix::fcntl::{RenameFlags, renameat2};
    let flags = RenameFlags::RENAME_NOREPLACE;
    Ok(renameat2(&old.folder, old.name.as_os_str(), &new.folder, new.name.as_os_str(), flags)?)
}

/// Renames; nothing is replaced.
#[cfg(not(target_os = "linux"))]
fn rename_new(old: &Place<'_>, new: &Place<'_>) -> io::Result<()> {
    match new.folder.symlink_metadata(&new.name) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => old.folder.rename(&old.name, &new.folder, &new.name),
    }
}

/// Makes everything on a file system last.
#[cfg(target_os = "linux")]
fn sync_file_system(root: &std::fs::File) -> io::Result<()> {
    Ok(nix::unistd::syncfs(root)?)
}

/// Makes everything last.
#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &std::fs::File) -> io::Result<()> {
    nix::unistd::sync();
    Ok(())
}

/// Makes a change of a folder's entries last.
fn sync(folder: &Dir) -> io::Result<()> {
    // The handle itself may be one that can only be walked from, so it is opened anew for reading.
    folder.open(ROOT)?.sync_all()
}
