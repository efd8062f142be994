//! Permissions of one's own things: lent for a moment where they bar their owner, and set to last.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use cap_std::fs::{Dir, Metadata, MetadataExt as _};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::files::PERMISSIONS;

/// Set-user-id and set-group-id.
const SET_IDS: u32 = 0o6000;

/// Takes a permission away again when it is dropped.
pub(crate) struct Lent {
    of: OwnedFd,
    mode: u32,
}

impl Lent {
    /// A folder of one's own that may not be written in may be for a moment; `None`: nothing is missing, or it can't be
    /// lent.
    pub(super) fn to_write(folder: &Dir) -> io::Result<Option<Self>> {
        const WRITE: u32 = 0o300;
        let found = folder.dir_metadata()?;
        Self::lend(found.uid(), found.mode(), WRITE, || folder.as_fd().try_clone_to_owned())
    }

    /// The same for reading a file that is in a folder.
    #[cfg(target_os = "linux")]
    pub(crate) fn to_read(folder: &impl AsFd, name: &OsStr) -> io::Result<Option<Self>> {
        const READ: u32 = 0o400;
        // A handle that needs no permission, so that what is lent to is what was looked at.
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = File::from(openat(folder.as_fd(), name, flags, Mode::empty())?);
        let found = file.metadata()?;
        if !found.is_file() {
            return Ok(None);
        }
        Self::lend(found.uid(), found.mode(), READ, || Ok(file.into()))
    }

    /// There are no such handles.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn to_read(_: &impl AsFd, _: &OsStr) -> io::Result<Option<Self>> {
        Ok(None)
    }

    fn lend(
        owner: u32,
        mode: u32,
        needed: u32,
        handle: impl FnOnce() -> io::Result<OwnedFd>,
    ) -> io::Result<Option<Self>> {
        let user = nix::unistd::geteuid();
        if user.is_root() || owner != user.as_raw() || mode & needed == needed {
            return Ok(None);
        }
        let lent = Self { of: handle()?, mode: mode & PERMISSIONS };
        set_mode(&lent.of, lent.mode | needed)?;
        Ok(Some(lent))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // What could be given can be taken back; there is nobody to tell here.
        let _ = set_mode(&self.of, self.mode);
    }
}

/// Sets the permission bits of what a handle is of, whatever the handle itself may do.
#[cfg(target_os = "linux")]
pub(super) fn set_mode(of: &impl AsFd, mode: u32) -> io::Result<()> {
    // The call for handles takes none that was opened as a place only; this name for it does.
    let name = format!("/proc/self/fd/{}", of.as_fd().as_raw_fd());
    std::fs::set_permissions(name, std::fs::Permissions::from_mode(mode))
}

/// Sets the permission bits of what a handle is of.
#[cfg(not(target_os = "linux"))]
pub(super) fn set_mode(of: &impl AsFd, mode: u32) -> io::Result<()> {
    #[allow(clippy::cast_possible_truncation, reason = "16 bits on some systems")]
    let mode = Mode::from_bits_truncate(mode as nix::libc::mode_t);
    Ok(nix::sys::stat::fchmod(of.as_fd(), mode)?)
}

/// Gives a new file the owner and the group of the one that it replaces, as far as that is allowed, and its mode; what
/// runs as its owner or group does not come to run as another one.
pub(super) fn own(file: &File, replaces: Option<&Metadata>, mode: u32) -> io::Result<()> {
    let mut mode = mode;
    if let Some(before) = replaces.filter(|found| found.is_file()) {
        let own = file.metadata()?;
        let group = (own.gid() != before.gid()).then(|| before.gid().into());
        let user = (own.uid() != before.uid()).then(|| before.uid().into());
        let kept = nix::unistd::fchown(file, None, group).and_then(|()| nix::unistd::fchown(file, user, None));
        if kept.is_err() {
            mode &= !SET_IDS;
        }
    }
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}
