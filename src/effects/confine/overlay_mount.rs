//! Overlays: writes to a folder go to another one.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;

use super::spec::OverlayDirs;

/// Mounts an overlay over a folder. Its folders are named by handle: their names would have to be escaped.
pub(super) fn mount_overlay(target: &Path, dirs: &OverlayDirs) -> io::Result<()> {
    let (lower, upper, work) = (folder(target.as_os_str())?, folder(&dirs.upper)?, folder(&dirs.work)?);
    // `userxattr`: the upper folder looks the same for every mounting user, and can be read without being root.
    // `volatile`: what is kept is synced when it is copied out of the upper folder; without it, each command would wait
    // for the whole file system.
    // `index=off`, wherever another is the default: with an index, a write through one name of a file shows through
    // its other names without being in the upper folder. Without it, the names part, as they do when the file is
    // applied.
    let data = format!(
        "lowerdir={},upperdir={},workdir={},userxattr,volatile,index=off",
        by_handle(&lower),
        by_handle(&upper),
        by_handle(&work)
    );
    Ok(mount(Some("overlay"), target, Some("overlay"), MsFlags::empty(), Some(data.as_str()))?)
}

/// Opens a folder as a handle that only names it.
pub(super) fn folder(path: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty())
        .map_err(|error| io::Error::other(format!("failed to open {}: {error}", Path::new(path).display())))
}

/// Opens a file or a folder as a handle that only names it; `None` when it is not there.
pub(super) fn handle(path: &OsStr) -> Option<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()
}

/// Returns a path to the file of a handle, whatever is mounted over its own.
pub(super) fn by_handle(handle: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", handle.as_raw_fd())
}
