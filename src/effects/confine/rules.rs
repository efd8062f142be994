//! Landlock: restricts the writes of a process and its descendants, whatever the mounts.

use std::ffi::OsString;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

use super::gap::Gap;

/// Devices that every command may write to.
const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Restricts this thread and its children to writes in those folders, and without `tcp` forbids TCP, and sockets with
/// abstract names but for `local_sockets`. Returns the gaps that the system leaves.
pub(super) fn restrict(writable: &[OsString], tcp: bool, local_sockets: bool) -> Vec<Gap> {
    match apply(writable, tcp, local_sockets) {
        Ok(abi) if abi >= ABI::V6 => vec![],
        Ok(abi) if abi >= ABI::V3 => vec![Gap::Signals],
        Ok(abi) if abi > ABI::Unsupported => vec![Gap::TruncatesOutside, Gap::Signals],
        _ => vec![Gap::WritesOutside, Gap::Signals],
    }
}

/// Returns the version of Landlock in the kernel. Restricts this thread: it can make no more sockets with a name.
pub(super) fn kernel_abi() -> Option<i32> {
    let ruleset = Ruleset::default().handle_access(AccessFs::MakeSock).ok()?.create().ok()?;
    match ruleset.restrict_self().ok()?.landlock {
        LandlockStatus::Available { effective_abi, kernel_abi } => Some(kernel_abi.unwrap_or(effective_abi as i32)),
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => None,
    }
}

fn apply(writable: &[OsString], tcp: bool, local_sockets: bool) -> Result<ABI, RulesetError> {
    let writes = AccessFs::from_write(ABI::V3);
    let mut ruleset = Ruleset::default().handle_access(writes)?;
    let mut scope: BitFlags<Scope> = Scope::Signal.into();
    if !tcp {
        ruleset = ruleset.handle_access(AccessNet::from_all(ABI::V4))?;
        if !local_sockets {
            scope |= Scope::AbstractUnixSocket;
        }
    }
    let status = ruleset
        .scope(scope)?
        .create()?
        .add_rules(path_beneath_rules(writable, writes))?
        .add_rules(path_beneath_rules(DEVICES, AccessFs::WriteFile | AccessFs::Truncate))?
        .restrict_self()?;
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => ABI::Unsupported,
        (_, LandlockStatus::Available { effective_abi, .. }) => effective_abi,
        _ => ABI::Unsupported,
    })
}
