//! Namespaces for mounts, processes, IPC and network, and the ids in them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::{OFlag, open, openat};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, getegid, geteuid};

/// The parts of the machine's own `/proc` that are needed after the mounts have changed.
pub(super) struct Outside {
    proc: OwnedFd,
    uids: String,
    gids: String,
    uid: Uid,
    gid: Gid,
}

impl Outside {
    /// Opens them; to be called before [`enter`].
    pub fn open() -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self {
            proc: open("/proc", flags, Mode::empty())?,
            uids: identity_map(&fs::read_to_string("/proc/self/uid_map")?),
            gids: identity_map(&fs::read_to_string("/proc/self/gid_map")?),
            uid: geteuid(),
            gid: getegid(),
        })
    }

    /// Gives a process in a new user namespace its ids from outside. `mapped`: this process itself is in a user
    /// namespace in which the user is root.
    pub fn map(&self, pid: u32, mapped: bool) -> io::Result<()> {
        let (uids, gids) = if mapped {
            (format!("{} 0 1\n", self.uid), format!("{} 0 1\n", self.gid))
        } else {
            (self.uids.clone(), self.gids.clone())
        };
        self.write(pid, "uid_map", &uids)?;
        self.write(pid, "gid_map", &gids)
    }

    fn write(&self, pid: u32, name: &str, text: &str) -> io::Result<()> {
        let path = format!("{pid}/{name}");
        let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        // The kernel takes a map in one write.
        File::from(openat(&self.proc, path.as_str(), flags, Mode::empty())?).write_all(text.as_bytes())
    }
}

/// Builds the map that gives every id known here its own number.
fn identity_map(map: &str) -> String {
    let lines = map.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace();
        let (inside, _, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
        Some(format!("{inside} {inside} {count}\n"))
    });
    lines.collect()
}

/// Enters new namespaces (of processes: its children do). Returns `true` when it needed a user namespace, in which
/// the user is root. Root needs none, and without one files of other users stay usable.
pub(super) fn enter(network: bool, outside: &Outside) -> io::Result<bool> {
    let mut flags = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC;
    if !network {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    if outside.uid.is_root() && unshare(flags).is_ok() {
        return Ok(false);
    }
    unshare(flags | CloneFlags::CLONE_NEWUSER)?;
    let write = |name: &str, text: String| {
        OpenOptions::new().write(true).open(format!("/proc/self/{name}"))?.write_all(text.as_bytes())
    };
    write("setgroups", "deny".into())?;
    write("uid_map", format!("0 {} 1", outside.uid))?;
    write("gid_map", format!("0 {} 1", outside.gid))?;
    Ok(true)
}

/// Switches the loopback device of a new network namespace on (rtnetlink(7): `RTM_NEWLINK` with an `ifinfomsg`).
pub(super) fn loopback_up() -> io::Result<()> {
    const NEW_LINK: u16 = 16;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
    const LOOPBACK: i32 = 1;
    const UP: u32 = 1;
    let mut message = Vec::with_capacity(32);
    message.extend(32u32.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    message.extend([0; 8]);
    message.extend([0; 4]);
    message.extend(LOOPBACK.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    let kind = (SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute);
    let socket = socket(AddressFamily::Netlink, kind.0, kind.1, kind.2)?;
    let to = NetlinkAddr::new(0, 0);
    sendto(socket.as_raw_fd(), &message, &to, MsgFlags::empty())?;
    let mut answer = [0; 256];
    recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_keeps_its_number() {
        assert_eq!(identity_map("         0          0 4294967295\n"), "0 0 4294967295\n");
        assert_eq!(identity_map("0 1000 1\n1 100000 65536\n"), "0 0 1\n1 1 65536\n");
    }
}
