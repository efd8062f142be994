//! Files, folders and links of the workspace, by path.
//!
//! Every path is walked part by part from the workspace's own handle, and no link is ever followed: so no path can
//! leave the workspace, even when something changes it meanwhile, and no file has two names.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, FileType, FileTypeExt, Metadata, MetadataExt, OpenOptions, Permissions, PermissionsExt};

use super::path::{ROOT, parents};
use super::{Value, WorldError};
use crate::model::{name_from_bytes, name_to_bytes};
use crate::store::hash_blob;

/// Permission bits of a new file.
const NEW_FILE: u32 = 0o644;
/// Permission bits of a new folder.
const NEW_FOLDER: u32 = 0o755;
/// The permission bits of a mode, without the file type.
const PERMISSIONS: u32 = 0o7777;

/// How something is put.
#[derive(Debug, Clone, Copy, Default)]
pub struct Put {
    /// It need not last when it returns: the caller makes many things last at once, with [`super::World::sync`].
    pub later: bool,
    /// A file's time of last change; the present, where there is none.
    pub modified: Option<SystemTime>,
}

/// Device and inode: what a file is, whatever its name.
pub(super) type FileId = (u64, u64);

/// The workspace's files.
pub(super) struct Files {
    root: Dir,
    data: Option<FileId>,
}

/// A place in an open folder.
struct Place<'a> {
    folder: Dir,
    name: OsString,
    path: &'a str,
}

impl Files {
    pub(super) fn new(root: Dir, data: Option<FileId>) -> Self {
        Self { root, data }
    }

    /// Whether the path can be used; what is not there can.
    pub(super) fn check(&self, path: &str) -> Result<(), WorldError> {
        match self.place(path)? {
            Some(place) => place.metadata()?.map_or(Ok(()), |found| self.refuse_data(&found, path)),
            None => Ok(()),
        }
    }

    /// What is at a path; `list`: with the entries of a folder.
    pub(super) fn read(&self, path: &str, list: bool) -> Result<Value, WorldError> {
        let directory = |folder: &Dir, found: &Metadata| {
            let entries = if list { self.entries(folder, path)? } else { Vec::new() };
            Ok(Value::Directory { mode: Some(found.mode() & PERMISSIONS), entries })
        };
        if path == ROOT {
            let found = self.root.dir_metadata().map_err(WorldError::io("read the folder", path))?;
            return directory(&self.root, &found);
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
            place.file()
        } else {
            Err(WorldError::NotRegular { path: path.to_owned(), what: describe(found.file_type()) })
        }
    }

    pub(super) fn put(&self, path: &str, value: &Value, how: Put) -> Result<(), WorldError> {
        if let (ROOT, Value::Directory { mode: Some(mode), .. }) = (path, value) {
            let set = self.root.set_permissions(ROOT, Permissions::from_mode(*mode));
            return set.map_err(WorldError::io("set the permissions of", path));
        }
        if *value == Value::Absent && path != ROOT && self.place(path)?.is_none() {
            return Ok(());
        }
        self.change(path, how, |place, found| match value {
            Value::Absent => place.remove(found),
            Value::File { bytes, mode } => place.write(found, &mut bytes.as_slice(), *mode, how),
            Value::Directory { mode, .. } => place.make_folder(found, *mode),
            Value::Symlink { target } => place.link(found, target),
            Value::Text(_) | Value::List(_) => {
                Err(WorldError::WrongState { key: path.to_owned(), why: "a path can't hold a memory value" })
            }
        })
    }

    /// Makes a file of what is read from `from`, however much that is.
    pub(super) fn copy(&self, path: &str, from: &mut dyn Read, mode: u32, how: Put) -> Result<(), WorldError> {
        self.change(path, how, |place, found| place.write(found, from, Some(mode), how))
    }

    /// Has a path changed, where it may be.
    fn change(
        &self,
        path: &str,
        how: Put,
        make: impl FnOnce(&Place<'_>, Option<&Metadata>) -> Result<(), WorldError>,
    ) -> Result<(), WorldError> {
        if path == ROOT {
            return Err(WorldError::WrongState { key: path.to_owned(), why: "it is the workspace itself" });
        }
        let Some(place) = self.place(path)? else { return Err(WorldError::no_folder(path)) };
        let found = place.metadata()?;
        if let Some(found) = &found {
            self.refuse_data(found, path)?;
            let kind = found.file_type();
            if !(kind.is_file() || kind.is_dir() || kind.is_symlink()) {
                return Err(WorldError::NotRegular { path: path.to_owned(), what: describe(kind) });
            }
        }
        let _writable = place.writable().map_err(place.io("write in the folder of"))?;
        make(&place, found.as_ref())?;
        if how.later { Ok(()) } else { sync(&place.folder).map_err(place.io("save the folder of")) }
    }

    /// Makes everything last that was put with [`Put::later`].
    pub(super) fn sync(&self) -> Result<(), WorldError> {
        let root = self.root.open(ROOT).map_err(WorldError::io("save", ROOT))?;
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
        let mut folder = self.root.try_clone().map_err(WorldError::io("open the workspace for", path))?;
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

/// Takes the permission to write in a folder away again when it is dropped.
struct Lent {
    folder: Dir,
    mode: u32,
}

impl Drop for Lent {
    fn drop(&mut self) {
        // What could be given can be taken back; there is nobody to tell here.
        let _ = self.folder.set_permissions(ROOT, Permissions::from_mode(self.mode));
    }
}

impl Place<'_> {
    /// A folder of one's own that may not be written in may be for a moment: what was changed in it was so before.
    fn writable(&self) -> io::Result<Option<Lent>> {
        const WRITE: u32 = 0o300;
        let found = self.folder.dir_metadata()?;
        let mode = found.mode() & PERMISSIONS;
        let user = nix::unistd::geteuid();
        if user.is_root() || found.uid() != user.as_raw() || mode & WRITE == WRITE {
            return Ok(None);
        }
        self.folder.set_permissions(ROOT, Permissions::from_mode(mode | WRITE))?;
        Ok(Some(Lent { folder: self.folder.try_clone()?, mode }))
    }

    fn io(&self, what: &'static str) -> impl Fn(io::Error) -> WorldError + '_ {
        WorldError::io(what, self.path)
    }

    fn metadata(&self) -> Result<Option<Metadata>, WorldError> {
        match self.folder.symlink_metadata(&self.name) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io("look at")(error)),
        }
    }

    fn target(&self) -> Result<String, WorldError> {
        let target = self.folder.read_link_contents(&self.name).map_err(self.io("read the link"))?;
        Ok(name_from_bytes(target.as_os_str().as_bytes()))
    }

    fn file(&self) -> Result<Value, WorldError> {
        // Non-blocking: should it have become a pipe meanwhile, opening it must not wait for a writer.
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        let mut file = self.folder.open_with(&self.name, &options).map_err(self.io("open"))?;
        let found = file.metadata().map_err(self.io("read"))?;
        if !found.is_file() {
            return Err(WorldError::NotRegular { path: self.path.to_owned(), what: describe(found.file_type()) });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(self.io("read"))?;
        Ok(Value::File { bytes, mode: Some(found.mode() & PERMISSIONS) })
    }

    fn remove(&self, found: Option<&Metadata>) -> Result<(), WorldError> {
        match found {
            None => Ok(()),
            Some(found) if found.is_dir() => self.folder.remove_dir(&self.name).map_err(|error| match error.kind() {
                ErrorKind::DirectoryNotEmpty => WorldError::NotEmpty { path: self.path.to_owned() },
                _ => self.io("remove the folder")(error),
            }),
            Some(_) => self.folder.remove_file(&self.name).map_err(self.io("remove")),
        }
    }

    /// Removes what a rename could not replace.
    fn clear_folder(&self, found: Option<&Metadata>) -> Result<(), WorldError> {
        if found.is_some_and(Metadata::is_dir) { self.remove(found) } else { Ok(()) }
    }

    fn write(
        &self,
        found: Option<&Metadata>,
        from: &mut dyn Read,
        mode: Option<u32>,
        how: Put,
    ) -> Result<(), WorldError> {
        let kept = found.filter(|found| found.is_file()).map(|found| found.mode() & PERMISSIONS);
        let mode = mode.or(kept).unwrap_or(NEW_FILE);
        self.clear_folder(found)?;
        self.replace("write", |temporary| {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).follow(FollowSymlinks::No);
            let mut file = self.folder.open_with(temporary, &options)?;
            io::copy(from, &mut file)?;
            // After the bytes: writing to a file takes its set-user-id bit away.
            file.set_permissions(Permissions::from_mode(mode))?;
            let file = file.into_std();
            if let Some(modified) = how.modified {
                file.set_modified(modified)?;
            }
            if how.later { Ok(()) } else { file.sync_all() }
        })
    }

    fn link(&self, found: Option<&Metadata>, target: &str) -> Result<(), WorldError> {
        self.clear_folder(found)?;
        let target = OsString::from_vec(name_to_bytes(target));
        self.replace("make the link", |temporary| self.folder.symlink_contents(&target, temporary))
    }

    fn make_folder(&self, found: Option<&Metadata>, mode: Option<u32>) -> Result<(), WorldError> {
        let there = found.is_some_and(Metadata::is_dir);
        if !there {
            self.remove(found)?;
            self.folder.create_dir(&self.name).map_err(self.io("make the folder"))?;
        }
        let Some(mode) = mode.or(if there { None } else { Some(NEW_FOLDER) }) else { return Ok(()) };
        self.folder
            .set_permissions(&self.name, Permissions::from_mode(mode))
            .map_err(self.io("set the permissions of the folder"))
    }

    /// Makes something under a temporary name beside the place and renames it over the place.
    fn replace(&self, what: &'static str, make: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), WorldError> {
        self.tidy()?;
        let temporary = self.temporary();
        let done = make(&temporary).and_then(|()| self.folder.rename(&temporary, &self.folder, &self.name));
        if done.is_err() {
            // The first error is the one to tell; what stays is tidied up the next time.
            let _ = self.tidy();
        }
        done.map_err(self.io(what))
    }

    /// Removes what a crash in the middle of [`Place::replace`] left; whether there was anything.
    fn tidy(&self) -> Result<bool, WorldError> {
        match self.folder.remove_file(self.temporary()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.io("tidy up beside")(error)),
        }
    }

    /// The same for the same name, so that it is found again after a crash; short, whatever the name's length.
    fn temporary(&self) -> PathBuf {
        format!(".tama-{}.tmp", hash_blob(self.name.as_bytes())).into()
    }
}

fn last_part(path: &str) -> OsString {
    OsString::from_vec(name_to_bytes(path.rsplit('/').next().unwrap_or(path)))
}

fn describe(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "named pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
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
