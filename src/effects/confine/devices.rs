//! Devices of a command's own: those that every program needs, terminals, and shared memory. It sees no others, so that
//! it can neither write to terminals of others nor read a disk past its file system.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;

use super::overlay_mount::by_handle;

const NONE: Option<&str> = None;
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Mounts a `/dev` with the command's own devices, or where that fails at least its own terminals and shared memory.
/// `needed`: paths that must stay as they are. Returns the places that can be written.
pub(super) fn mount_devices(needed: &[&Path]) -> Vec<&'static str> {
    let is_free = |folder: &str| !needed.iter().any(|path| path.starts_with(folder));
    if is_free("/dev") && own_devices().is_ok() {
        return vec!["/dev/pts", "/dev/shm"];
    }
    let mut writable = vec![];
    if is_folder("/dev/pts") && terminals().is_ok() {
        let link = fs::symlink_metadata("/dev/ptmx").is_ok_and(|data| data.is_symlink());
        if link || mount(Some("/dev/pts/ptmx"), "/dev/ptmx", NONE, MsFlags::MS_BIND, NONE).is_ok() {
            writable.extend(["/dev/pts", "/dev/ptmx"]);
        }
    }
    if is_free("/dev/shm") && is_folder("/dev/shm") && shared_memory().is_ok() {
        writable.push("/dev/shm");
    }
    writable
}

fn own_devices() -> io::Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let devices: Vec<(&str, OwnedFd)> = DEVICES
        .into_iter()
        .filter_map(|name| Some((name, open(format!("/dev/{name}").as_str(), flags, Mode::empty()).ok()?)))
        .collect();
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), "/dev", Some("tmpfs"), flags, Some("size=64k,mode=755"))?;
    fill(&devices).inspect_err(|_| {
        // What was there before is there again.
        let _ = umount2("/dev", MntFlags::MNT_DETACH);
    })
}

fn fill(devices: &[(&str, OwnedFd)]) -> io::Result<()> {
    for (name, device) in devices {
        let path = format!("/dev/{name}");
        File::create_new(&path)?;
        mount(Some(by_handle(device).as_str()), path.as_str(), NONE, MsFlags::MS_BIND, NONE)?;
    }
    for (name, target) in LINKS {
        symlink(target, format!("/dev/{name}"))?;
    }
    for folder in ["/dev/pts", "/dev/shm"] {
        DirBuilder::new().mode(0o755).create(folder)?;
    }
    terminals()?;
    Ok(shared_memory()?)
}

fn terminals() -> nix::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(Some("devpts"), "/dev/pts", Some("devpts"), flags, Some("newinstance,ptmxmode=0666,mode=0620"))
}

fn shared_memory() -> nix::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), "/dev/shm", Some("tmpfs"), flags, Some("mode=1777"))
}

fn is_folder(path: &str) -> bool {
    fs::symlink_metadata(path).is_ok_and(|data| data.is_dir())
}
