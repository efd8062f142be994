//! Gives up rights that a command must not have: the user's keyring and, without a user namespace, root's capabilities.

use std::fs;

use caps::CapSet;
use keyutils::Keyring;
use nix::sys::prctl::set_no_new_privs;

use super::gap::Gap;

/// Gives up rights of this thread and its children. `is_apart`: true in a user namespace of its own, where capabilities
/// have no power outside. Returns the gaps that the system leaves.
pub(super) fn give_up(is_apart: bool) -> Vec<Gap> {
    // A new and empty session keyring: the old one comes with the program's session. Where the kernel has none or
    // forbids the call, the command can't use it either.
    let _ = Keyring::join_anonymous_session();
    let mut gaps = vec![];
    if !is_apart && !drop_capabilities() {
        gaps.push(Gap::Root);
    }
    let _ = set_no_new_privs();
    gaps
}

/// Drops every capability; `false` when some are left.
fn drop_capabilities() -> bool {
    // The bounding set first: dropping from it needs one of the others.
    for set in [CapSet::Bounding, CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        let _ = caps::clear(None, set);
    }
    has_none(&fs::read_to_string("/proc/thread-self/status").unwrap_or_default())
}

/// True when a thread has no capabilities and can't get any, by its `/proc/PID/status` (proc(5)).
fn has_none(status: &str) -> bool {
    ["CapInh", "CapPrm", "CapEff", "CapAmb"].iter().all(|name| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.is_some_and(|value| value.trim().bytes().all(|digit| digit == b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_that_are_left_are_seen() {
        let status = "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n\
                      CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\n";
        assert!(has_none(status));
        assert!(!has_none(&status.replacen("CapPrm:\t00", "CapPrm:\t01", 1)));
        assert!(!has_none(""));
    }
}
