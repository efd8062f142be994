//! Reads every touched key again after an undo, with other code than that which restored it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};

use super::state::{Location, describe_state};
use crate::model::{BlobHash, KeyState, ReadBack, name_from_bytes, name_to_bytes, readable_name};
use crate::store::RunLog;
use crate::world::World;

/// The expected state of every touched key, by location (a path and a memory key may have the same name).
pub(super) type Expected = BTreeMap<Location, KeyState>;

/// Compares every touched key with the state that it should have, and counts those that have it.
///
/// A path is read with plain system calls instead of through the world, and should have its expected state. A memory
/// key is read from the world, and should have the state that the ledger computes from its applied actions. Where the
/// workspace is no longer the folder that was opened, nothing in it counts: a path that is absent there says nothing.
pub(super) fn read_back(log: &RunLog, world: &World, expected: &Expected) -> ReadBack {
    let mut report = ReadBack { total: expected.len(), ..ReadBack::default() };
    // Where it is now: a run can be opened with its workspace elsewhere.
    let workspace = Workspace::open(world);
    let mut memory = if expected.keys().all(|(is_path, _)| *is_path) { BTreeMap::new() } else { world.memory() };
    for ((is_path, name), state) in expected {
        let (wanted, found) = if *is_path {
            (state.clone(), workspace.as_ref().map_err(Clone::clone).and_then(|root| root.read(world, name)))
        } else {
            let found = memory.remove(name).unwrap_or(KeyState::Absent);
            (log.with(|run| run.ledger.memory(name)), Ok(found))
        };
        let name = readable_name(name);
        match found {
            Ok(found) if found == wanted => report.restored += 1,
            Ok(found) => {
                let line = format!("{name}: should be {}, found {}", wanted.summary(), describe_state(&found, &wanted));
                report.differs.push(line);
            }
            Err(error) => report.differs.push(format!("{name}: failed to read it back: {error}")),
        }
    }
    report
}

/// The workspace by its path, opened anew.
struct Workspace(OwnedFd);

impl Workspace {
    fn open(world: &World) -> Result<Self, String> {
        let folder = File::open(world.root()).map_err(|error| error.to_string());
        check(world)?;
        Ok(Self(folder?.into()))
    }

    fn read(&self, world: &World, name: &str) -> Result<KeyState, String> {
        let found = read_path(&self.0, &name_to_bytes(name)).map_err(|error| error.to_string())?;
        if found == KeyState::Absent {
            check(world)?;
        }
        Ok(found)
    }
}

fn check(world: &World) -> Result<(), String> {
    world.check_root().map_err(|error| format!("failed to {error}"))
}

/// Reads a path part by part: it may be longer than the system takes at once.
fn read_path(workspace: &OwnedFd, name: &[u8]) -> io::Result<KeyState> {
    let (above, last) = match name.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (&name[..0], name),
    };
    let mut folder = workspace.try_clone()?;
    for part in above.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        // The world follows no symlink, so nothing below one belongs to this key.
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        folder = match openat(&folder, part, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::EACCES) => open_to_pass(&folder, part)?,
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Ok(KeyState::Absent),
            Err(error) => return Err(error.into()),
        };
    }
    read_entry(&folder, last)
}

/// Opens a folder that may be passed and not listed.
#[cfg(target_os = "linux")]
fn open_to_pass(folder: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(folder, name, flags, Mode::empty())?)
}

#[cfg(not(target_os = "linux"))]
fn open_to_pass(_: &OwnedFd, _: &[u8]) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::PermissionDenied.into())
}

fn read_entry(folder: &OwnedFd, name: &[u8]) -> io::Result<KeyState> {
    let found = match fstatat(folder.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(found) => found,
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(KeyState::Absent),
        Err(error) => return Err(error.into()),
    };
    #[allow(clippy::useless_conversion, reason = "16 bits on some systems")]
    let mode = u32::from(found.st_mode) & 0o7777;
    match SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFLNK => {
            Ok(KeyState::Symlink { target: name_from_bytes(&readlinkat(folder.as_fd(), name)?.into_vec()) })
        }
        SFlag::S_IFDIR => Ok(KeyState::Directory { mode }),
        SFlag::S_IFREG => read_file(folder, name, &found, mode),
        _ => Ok(KeyState::Unknown),
    }
}

/// Hashes a file without holding it in memory.
fn read_file(folder: &OwnedFd, name: &[u8], found: &FileStat, mode: u32) -> io::Result<KeyState> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = match openat(folder, name, flags, Mode::empty()) {
        // The world reads what its owner may not; here it is opened by its owner's right to change that.
        Err(Errno::EACCES) => return Err(io::ErrorKind::PermissionDenied.into()),
        opened => File::from(opened?),
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&file)?;
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    let size = u64::try_from(found.st_size).unwrap_or_default();
    Ok(KeyState::File { blob: BlobHash(half), size, mode })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;
    use crate::world::Value;

    #[test]
    fn it_reads_what_the_world_reads() {
        let place = tempfile::tempdir().unwrap();
        let world = World::open(place.path(), None).unwrap();
        let folder = Value::Directory { mode: Some(0o750), entries: Vec::new() };
        let file = Value::File { bytes: b"bytes".to_vec(), mode: Some(0o640) };
        let link = Value::Symlink { target: "nowhere".into() };
        for (name, value) in [("d", &folder), ("d/f", &file), ("l", &link)] {
            world.put(&Key::file(name), value).unwrap();
        }
        let root: OwnedFd = File::open(place.path()).unwrap().into();
        for name in ["d", "d/f", "l", ".", "none", "none/x", "d/f/x", "l/x"] {
            let wanted = world.peek(&Key::file(name)).map_or(KeyState::Absent, |value| value.state());
            assert_eq!(read_path(&root, name.as_bytes()).unwrap(), wanted, "{name}");
        }
    }

    #[test]
    fn what_is_absent_in_another_folder_is_not_restored() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("w");
        std::fs::create_dir(&root).unwrap();
        let world = World::open(&root, None).unwrap();
        let workspace = Workspace::open(&world).unwrap();
        assert_eq!(workspace.read(&world, "f").unwrap(), KeyState::Absent);
        std::fs::rename(&root, place.path().join("other")).unwrap();
        assert!(workspace.read(&world, "f").unwrap_err().contains("it was moved to "));
        std::fs::create_dir(&root).unwrap();
        assert!(Workspace::open(&world).err().unwrap().contains("something else is in its place"));
    }
}
