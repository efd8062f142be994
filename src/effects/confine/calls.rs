//! A seccomp filter: refuses the system calls by which a command gets around the rest of its confinement.
//!
//! A network namespace doesn't close sockets that have a path: a program that can name one can connect to it.
//! `io_uring` does what other calls do without being one, so that no filter sees it. Keyrings hold secrets of the user's
//! session.
//!
//! Calls of another architecture end the program: their numbers mean something else. On x86-64 the calls of x32 have the
//! same numbers with one bit more, and are refused like the others.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::gap::Gap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The bit of x32 calls.
const X32: i64 = 0x4000_0000;
/// The kind of a socket is in these bits of its type; the others are flags.
const KIND: u64 = 0xf;
const UNCONDITIONAL: [i64; 6] = [
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
];

/// Restricts this thread and its children. Returns the gaps that the system leaves.
pub(super) fn filter(local_sockets: bool) -> Vec<Gap> {
    let mut gaps = vec![];
    if apply(unconditional(), libc::EPERM).is_err() {
        gaps.push(Gap::SystemCalls);
    }
    // Programs take it as a system that has no such sockets.
    let refused = sockets(local_sockets).map_err(seccompiler::Error::from);
    if refused.and_then(|rules| apply(rules, libc::EAFNOSUPPORT)).is_err() && !local_sockets {
        gaps.push(Gap::LocalServices);
    }
    gaps
}

fn unconditional() -> Rules {
    UNCONDITIONAL.into_iter().map(|call| (call, vec![])).collect()
}

/// The sockets that are refused: all but those that a network namespace confines.
fn sockets(local_sockets: bool) -> Result<Rules, BackendError> {
    let mut allowed = vec![libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    if local_sockets {
        allowed.push(libc::AF_UNIX);
    }
    let others = allowed.into_iter().map(|family| argument(0, SeccompCmpOp::Ne, family)).collect::<Result<_, _>>()?;
    let mut pairs = vec![SeccompRule::new(vec![argument(0, SeccompCmpOp::Ne, libc::AF_UNIX)?])?];
    if !local_sockets {
        // One of a pair of these can still send to any path.
        for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
            pairs.push(SeccompRule::new(vec![argument(1, SeccompCmpOp::MaskedEq(KIND), kind)?])?);
        }
    }
    let sockets = vec![SeccompRule::new(others)?];
    Ok([(libc::SYS_socket, sockets), (libc::SYS_socketpair, pairs)].into())
}

fn argument(at: u8, compare: SeccompCmpOp, with: i32) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(at, SeccompCmpArgLen::Dword, compare, u64::from(with.unsigned_abs()))
}

fn apply(mut rules: Rules, error: i32) -> seccompiler::Result<()> {
    if cfg!(target_arch = "x86_64") {
        let x32: Rules = rules.iter().map(|(call, when)| (call | X32, when.clone())).collect();
        rules.extend(x32);
    }
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let refuse = SeccompAction::Errno(error.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter(&program)
}
