//! Makes mounts read-only: then nothing in them can be changed, neither content nor modes, times and attributes.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;

use super::mount_table::MountPoint;

const NONE: Option<&str> = None;

/// Flags that a mount keeps: in a user namespace those of outside are locked, and a change of them is refused.
const KEPT: [(&str, MsFlags); 7] = [
    ("nosuid", MsFlags::MS_NOSUID),
    ("nodev", MsFlags::MS_NODEV),
    ("noexec", MsFlags::MS_NOEXEC),
    ("noatime", MsFlags::MS_NOATIME),
    ("nodiratime", MsFlags::MS_NODIRATIME),
    ("relatime", MsFlags::MS_RELATIME),
    ("nosymfollow", MsFlags::from_bits_retain(1 << 8)),
];

/// Makes every mount read-only for which `applies` answers true. Returns `true` when all of them are.
pub(super) fn protect(applies: impl Fn(&Path) -> bool) -> io::Result<bool> {
    let mounts = MountPoint::read_all()?;
    let open = mounts.iter().filter(|mount| applies(mount.path()) && !mount.has("ro"));
    Ok(open.filter(|mount| remount(mount).is_err() && is_reachable(mount)).count() == 0)
}

fn remount(point: &MountPoint) -> nix::Result<()> {
    let kept = KEPT.into_iter().filter(|(option, _)| point.has(option)).map(|(_, flag)| flag);
    let mut flags: MsFlags = kept.collect();
    if !flags.intersects(MsFlags::MS_NOATIME | MsFlags::MS_RELATIME) {
        flags |= MsFlags::MS_STRICTATIME;
    }
    flags |= MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    mount(NONE, point.path(), NONE, flags, NONE)
}

/// False when another mount hides this one: nothing can reach it by its path.
fn is_reachable(point: &MountPoint) -> bool {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let Ok(handle) = open(point.path(), flags, Mode::empty()) else { return false };
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", handle.as_raw_fd())).unwrap_or_default();
    let id = info.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    // Where that is not known, it counts as reachable.
    id.is_none_or(|id: u64| id == point.id())
}
