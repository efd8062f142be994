//! The files that one process has open on a device.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::FileId;
use super::holder::Hold;
use super::locks::Locks;

/// The owner's permission to write, of a link in `/proc/PID/fd`: the file is open for writing.
const WRITABLE: u32 = 0o200;
/// Names of things that are no files of a workspace.
const OTHERS: [&[u8]; 4] = [b"/dev/", b"/proc/", b"/memfd:", b"/SYSV"];

/// A file that a process has open.
pub(super) struct Opened {
    pub id: FileId,
    pub hold: Hold,
    /// The path as that process sees it.
    pub path: PathBuf,
    /// How many names it has; 0: not known.
    pub names: u64,
}

/// Counts the processes whose open files can't be seen: those of other users.
#[must_use]
pub fn unseen_processes() -> usize {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // What has no memory of its own is a part of the kernel, and has no files open.
    let is_program = |pid: &u32| fs::read(format!("/proc/{pid}/statm")).is_ok_and(|text| !text.starts_with(b"0 "));
    let is_unseen = |pid: &u32| {
        let handles = fs::read_dir(format!("/proc/{pid}/fd"));
        handles.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    pids.filter(is_unseen).filter(is_program).count()
}

/// True for a process that this one has started.
pub(super) fn is_child(pid: u32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // `4711 (name) S 4710 …`: the name may have anything in it.
    let parent = text.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(1));
    parent.is_some_and(|parent| parent == std::process::id().to_string())
}

/// True while a process runs the program that this one runs.
pub(super) fn is_same_program(pid: u32) -> bool {
    let program = |pid: &str| fs::read_link(format!("/proc/{pid}/exe")).ok();
    program("self").is_some_and(|own| program(&pid.to_string()) == Some(own))
}

/// The files that a process has open through handles, on a device.
///
/// # Errors
/// When its handles can't be read: it is another user's, or gone.
pub(super) fn handles(pid: u32, device: u64, locks: &Locks) -> io::Result<Vec<Opened>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let link = entry?.path();
        // It may be closed by now.
        let Ok(path) = fs::read_link(&link) else { continue };
        if !is_file_name(path.as_os_str().as_bytes()) {
            continue;
        }
        let (Ok(file), Ok(how)) = (fs::metadata(&link), fs::symlink_metadata(&link)) else { continue };
        if !file.is_file() || file.dev() != device || file.nlink() == 0 {
            continue;
        }
        let mut hold = if how.mode() & WRITABLE != 0 { Hold::Writing } else { Hold::Reading };
        if locks.may_have(file.ino()) && is_locked(pid, link.file_name().unwrap_or_default()) {
            hold = Hold::Locked;
        }
        found.push(Opened { id: (file.dev(), file.ino()), hold, path, names: file.nlink() });
    }
    Ok(found)
}

/// The files that a process has mapped, shared and writable, on a device.
pub(super) fn mappings(pid: u32, device: u64) -> Vec<Opened> {
    let table = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    let lines = table.split(|byte| *byte == b'\n').filter(|line| is_shared_and_writable(line));
    lines.filter_map(|line| mapping(line, pid, device)).collect()
}

fn mapping(line: &[u8], pid: u32, device: u64) -> Option<Opened> {
    // `7f0d6c000000-7f0d6c008000 rw-s 00000000 08:01 786530    /work/app.db-shm`
    let text = String::from_utf8_lossy(line);
    let mut fields = text.split_ascii_whitespace().skip(3);
    let (major, minor) = fields.next()?.split_once(':')?;
    let number = |hex| u64::from_str_radix(hex, 16).ok();
    let at = nix::sys::stat::makedev(number(major)?, number(minor)?);
    let inode: u64 = fields.next()?.parse().ok()?;
    let start = line.iter().position(|byte| *byte == b'/')?;
    let path = PathBuf::from(OsString::from_vec(line[start..].to_vec()));
    if inode == 0 || !is_file_name(path.as_os_str().as_bytes()) {
        return None;
    }
    // Some file systems have another device here than a look at the file gives.
    let mut seen = PathBuf::from(format!("/proc/{pid}/root"));
    seen.push(path.strip_prefix("/").unwrap_or(Path::new("")));
    let file = fs::symlink_metadata(&seen).ok().filter(|file| file.ino() == inode && file.dev() == device);
    let names = file.as_ref().map_or(0, MetadataExt::nlink);
    (file.is_some() || at == device).then_some(Opened { id: (device, inode), hold: Hold::Mapped, path, names })
}

fn is_shared_and_writable(line: &[u8]) -> bool {
    let permissions = line.iter().position(|byte| *byte == b' ').and_then(|at| line.get(at + 1..at + 5));
    permissions.is_some_and(|bits| bits[1] == b'w' && bits[3] == b's')
}

fn is_file_name(path: &[u8]) -> bool {
    path.first() == Some(&b'/') && !OTHERS.iter().any(|other| path.starts_with(other))
}

/// True when a lock is held through a handle.
fn is_locked(pid: u32, handle: &OsStr) -> bool {
    let info = fs::read(format!("/proc/{pid}/fdinfo/{}", handle.to_string_lossy())).unwrap_or_default();
    info.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"lock:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_writable_mappings_are_told_from_others() {
        let line = |bits: &str| format!("7f0d6c000000-7f0d6c008000 {bits} 00000000 08:01 786530   /w/a b.db-shm");
        assert!(is_shared_and_writable(line("rw-s").as_bytes()) && is_shared_and_writable(line("-w-s").as_bytes()));
        for other in ["rw-p", "r--s", "r-xp"] {
            assert!(!is_shared_and_writable(line(other).as_bytes()), "{other}");
        }
        assert!(!is_shared_and_writable(b"") && !is_shared_and_writable(b"abc rw"));
        let device = nix::sys::stat::makedev(8, 1);
        let found = mapping(line("rw-s").as_bytes(), 1, device).unwrap();
        assert_eq!((found.id, found.path), ((device, 786_530), PathBuf::from("/w/a b.db-shm")));
        assert!(mapping(line("rw-s").as_bytes(), 1, device + 1).is_none());
    }
}
