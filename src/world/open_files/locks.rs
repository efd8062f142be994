//! The table of locks of the system, `/proc/locks` (proc(5)).

use std::collections::{HashMap, HashSet};
use std::fs;

/// The locks that processes hold.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// By inode number, whatever the device.
    inodes: HashSet<u64>,
    /// By process: device and inode.
    by_process: HashMap<u32, Vec<(u64, u64)>>,
}

impl Locks {
    /// Reads the table; empty where there is none.
    pub(super) fn read() -> Self {
        Self::parse(&fs::read_to_string("/proc/locks").unwrap_or_default())
    }

    fn parse(table: &str) -> Self {
        let mut locks = Self::default();
        for line in table.lines() {
            // `1: POSIX  ADVISORY  WRITE 708 08:01:786530 0 EOF`; one that waits has an arrow, and holds nothing.
            let mut fields = line.split_whitespace().skip(1);
            if fields.next() == Some("->") {
                continue;
            }
            let (Some(pid), Some(file)) = (fields.nth(2), fields.next()) else { continue };
            let mut parts = file.split(':');
            let mut hex = || u64::from_str_radix(parts.next()?, 16).ok();
            let (Some(major), Some(minor)) = (hex(), hex()) else { continue };
            let Some(inode) = parts.next().and_then(|inode| inode.parse().ok()) else { continue };
            locks.inodes.insert(inode);
            // Locks that belong to no single process have -1.
            if let Ok(pid) = pid.parse() {
                locks.by_process.entry(pid).or_default().push((nix::sys::stat::makedev(major, minor), inode));
            }
        }
        locks
    }

    /// True when a file with this inode number may be locked.
    pub(super) fn may_have(&self, inode: u64) -> bool {
        self.inodes.contains(&inode)
    }

    /// Devices and inodes of the files that a process has locked.
    pub(super) fn of(&self, pid: u32) -> &[(u64, u64)] {
        self.by_process.get(&pid).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_read_and_waiting_ones_left_out() {
        let table = "\
1: POSIX  ADVISORY  READ  708 08:01:786530 128 128
2: FLOCK  ADVISORY  WRITE 99 00:1f:12 0 EOF
2: -> FLOCK  ADVISORY  WRITE 100 00:1f:13 0 EOF
3: OFDLCK ADVISORY  WRITE -1 08:01:5 0 EOF
rubbish
";
        let locks = Locks::parse(table);
        assert!([786_530, 12, 5].iter().all(|inode| locks.may_have(*inode)) && !locks.may_have(13));
        assert_eq!(locks.of(708), [(nix::sys::stat::makedev(8, 1), 786_530)]);
        assert_eq!(locks.of(99), [(nix::sys::stat::makedev(0, 0x1f), 12)]);
        assert!(locks.of(100).is_empty());
    }
}
