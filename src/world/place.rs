//! One place in an open folder: what is there, and having something else there.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{
    Dir, FileType, FileTypeExt, Metadata, MetadataExt, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt,
};

use super::content::{self, Content, Reader};
use super::files::{PERMISSIONS, Put};
use super::in_place::grow_or_cut;
use super::lent::{Lent, own};
use super::open_files::Held;
use super::{Value, WorldError};
use crate::model::{BlobHash, KeyState, name_from_bytes, name_to_bytes};
use crate::store::hash_blob;

/// Permission bits of a new file.
const NEW_FILE: u32 = 0o644;
/// Permission bits of a new folder.
const NEW_FOLDER: u32 = 0o755;

/// A place in an open folder.
pub(super) struct Place<'a> {
    pub(super) folder: Dir,
    pub(super) name: OsString,
    /// The same from the workspace.
    pub(super) path: &'a str,
}

/// The kind of thing that is put at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Makes {
    File,
    Link,
    Folder,
}

impl Makes {
    /// Phrased to follow "failed to …".
    fn words(self) -> &'static str {
        match self {
            Self::File => "write",
            Self::Link => "make the link",
            Self::Folder => "make the folder",
        }
    }
}

impl Place<'_> {
    pub(super) fn io(&self, what: &'static str) -> impl Fn(io::Error) -> WorldError + '_ {
        WorldError::io(what, self.path)
    }

    pub(super) fn metadata(&self) -> Result<Option<Metadata>, WorldError> {
        match self.folder.symlink_metadata(&self.name) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io("look at")(error)),
        }
    }

    pub(super) fn target(&self) -> Result<String, WorldError> {
        let target = self.folder.read_link_contents(&self.name).map_err(self.io("read the link"))?;
        Ok(name_from_bytes(target.as_os_str().as_bytes()))
    }

    /// Reads a regular file of at most `most` bytes.
    pub(super) fn file(&self, most: u64) -> Result<Value, WorldError> {
        let (file, found) = self.open()?;
        let mut bytes = Vec::new();
        // One byte more tells that there is more, whatever size it has by now.
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(self.io("read"))?;
        if bytes.len() as u64 > most {
            return Err(WorldError::TooLarge { path: self.path.to_owned(), most });
        }
        Ok(Value::File { bytes, mode: Some(found.mode() & PERMISSIONS) })
    }

    /// Opens a regular file for reading.
    fn open(&self) -> Result<(std::fs::File, Metadata), WorldError> {
        // Non-blocking: should it have become a pipe meanwhile, opening it must not wait for a writer.
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        let open = || self.folder.open_with(&self.name, &options);
        let mut opened = open();
        let mut lent = None;
        if opened.as_ref().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
            lent = Lent::to_read(&self.folder, &self.name).map_err(self.io("open"))?;
            opened = open();
        }
        let file = opened.map_err(self.io("open"))?;
        drop(lent);
        let found = file.metadata().map_err(self.io("read"))?;
        if !found.is_file() {
            return Err(WorldError::NotRegular { path: self.path.to_owned(), what: describe(found.file_type()) });
        }
        Ok((file.into_std(), found))
    }

    /// The state of a regular file; its bytes are not held in memory.
    pub(super) fn file_state(&self) -> Result<KeyState, WorldError> {
        let (file, found) = self.open()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&file).map_err(self.io("read"))?;
        let mut half = [0; 16];
        half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Ok(KeyState::File { blob: BlobHash(half), size: hasher.count(), mode: found.mode() & PERMISSIONS })
    }

    pub(super) fn remove(&self, found: Option<&Metadata>) -> Result<(), WorldError> {
        match found {
            None => Ok(()),
            Some(found) if found.is_dir() => self.folder.remove_dir(&self.name).map_err(|error| match error.kind() {
                ErrorKind::DirectoryNotEmpty => WorldError::NotEmpty { path: self.path.to_owned() },
                _ => self.io("remove the folder")(error),
            }),
            Some(_) => self.folder.remove_file(&self.name).map_err(self.io("remove")),
        }
    }

    pub(super) fn write(
        &self,
        found: Option<&Metadata>,
        from: &mut dyn Content,
        mode: Option<u32>,
        how: Put,
    ) -> Result<(), WorldError> {
        let kept = found.filter(|found| found.is_file()).map(|found| found.mode() & PERMISSIONS);
        let mode = mode.or(kept).unwrap_or(NEW_FILE);
        self.replace(Makes::File, found, |temporary| {
            let mut options = OpenOptions::new();
            // Nobody else may read it before it has its own permissions.
            options.write(true).create_new(true).mode(0o600).follow(FollowSymlinks::No);
            let file = self.folder.open_with(temporary, &options)?.into_std();
            content::copy(from, &file)?;
            // After the bytes: writing to a file takes its set-user-id bit away.
            own(&file, found, mode)?;
            if let Some(modified) = how.modified {
                file.set_modified(modified)?;
            }
            if how.later { Ok(()) } else { file.sync_all() }
        })
    }

    /// Writes to the file that was `found` itself, if the change only adds to its end or cuts it, and it may change;
    /// false: it does not, or the file can't be opened, and nothing was changed.
    pub(super) fn write_in_place(
        &self,
        found: &Metadata,
        from: &mut dyn Content,
        (mode, may_change): (Option<u32>, bool),
        how: Put,
    ) -> Result<bool, WorldError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).follow(FollowSymlinks::No).nonblock(true);
        let Ok(file) = self.folder.open_with(&self.name, &options) else { return Ok(false) };
        let mut write = |file: &std::fs::File| {
            from.rewind()?;
            if !grow_or_cut(file, &mut Reader(from), may_change)? {
                return Ok(false);
            }
            if let Some(mode) = mode.filter(|mode| *mode != found.mode() & PERMISSIONS) {
                file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
            }
            if let Some(modified) = how.modified {
                file.set_modified(modified)?;
            }
            if how.later { Ok(true) } else { file.sync_all().map(|()| true) }
        };
        let is = file.metadata().map_err(self.io("write"))?;
        if (is.dev(), is.ino()) != (found.dev(), found.ino()) {
            return Ok(false);
        }
        write(&file.into_std()).map_err(self.io("write"))
    }

    /// The error for a file that a program has open.
    pub(super) fn open_in(&self, held: &Held) -> WorldError {
        let by = held.writer.as_ref().map(ToString::to_string).unwrap_or_default();
        WorldError::Open { path: self.path.to_owned(), by }
    }

    pub(super) fn link(&self, found: Option<&Metadata>, target: &str) -> Result<(), WorldError> {
        let target = OsString::from_vec(name_to_bytes(target));
        self.replace(Makes::Link, found, |temporary| self.folder.symlink_contents(&target, temporary))
    }

    pub(super) fn make_folder(&self, found: Option<&Metadata>, mode: Option<u32>) -> Result<(), WorldError> {
        if !found.is_some_and(Metadata::is_dir) {
            return self.replace(Makes::Folder, found, |temporary| {
                self.folder.create_dir(temporary)?;
                self.folder.set_permissions(temporary, Permissions::from_mode(mode.unwrap_or(NEW_FOLDER)))
            });
        }
        let Some(mode) = mode else { return Ok(()) };
        let set = self.folder.set_permissions(&self.name, Permissions::from_mode(mode));
        set.map_err(self.io("set the permissions of the folder"))
    }

    /// Makes something under a temporary name beside the place and renames it over the place. What was `found` there
    /// goes last: while the disk has no room for the new, the old stays.
    fn replace(
        &self,
        makes: Makes,
        found: Option<&Metadata>,
        make: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), WorldError> {
        self.tidy()?;
        let temporary = self.temporary();
        let what = makes.words();
        let done = make(&temporary).map_err(self.io(what)).and_then(|()| {
            if makes == Makes::Folder || found.is_some_and(Metadata::is_dir) {
                // A rename could not replace it.
                self.remove(found)?;
            }
            self.folder.rename(&temporary, &self.folder, &self.name).map_err(self.io(what))
        });
        if done.is_err() {
            // The first error is the one to tell; what stays is tidied up the next time.
            let _ = self.tidy();
        }
        done
    }

    /// Removes what a crash in the middle of [`Place::replace`] left; whether there was anything.
    pub(super) fn tidy(&self) -> Result<bool, WorldError> {
        let temporary = self.temporary();
        let removed = match self.folder.remove_file(&temporary) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(_) => self.folder.remove_dir(&temporary),
            done => done,
        };
        removed.map(|()| true).map_err(self.io("tidy up beside"))
    }

    /// The same for the same name, so that it is found again after a crash; short, whatever the name's length.
    fn temporary(&self) -> PathBuf {
        format!(".tama-{}.tmp", hash_blob(self.name.as_bytes())).into()
    }
}

pub(super) fn last_part(path: &str) -> OsString {
    OsString::from_vec(name_to_bytes(path.rsplit('/').next().unwrap_or(path)))
}

pub(super) fn describe(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "named pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    }
}
