//! The `tama-tui-sandbox` program: the processes of a command's confinement, without the rest of `tama-tui`.
//!
//! Each command starts two processes before its own. This program has no database to load, so that they start in a
//! millisecond each. `tama-tui` runs it from beside its own file; nobody else has a use for it. Its modules are those of
//! the library, and may use only each other.

#![allow(dead_code, reason = "the library uses more of these modules")]

#[cfg(target_os = "linux")]
#[path = "effects/confine/caches.rs"]
mod caches;
#[cfg(target_os = "linux")]
#[path = "effects/confine/calls.rs"]
mod calls;
#[cfg(target_os = "linux")]
#[path = "effects/confine/credentials.rs"]
mod credentials;
#[cfg(target_os = "linux")]
#[path = "effects/confine/devices.rs"]
mod devices;
#[path = "effects/confine/entry.rs"]
mod entry;
#[path = "effects/confine/gap.rs"]
mod gap;
#[cfg(target_os = "linux")]
#[path = "effects/confine/inner.rs"]
mod inner;
#[path = "effects/confine/mount_table.rs"]
mod mount_table;
#[cfg(target_os = "linux")]
#[path = "effects/confine/mounts.rs"]
mod mounts;
#[cfg(target_os = "linux")]
#[path = "effects/confine/namespaces.rs"]
mod namespaces;
#[cfg(target_os = "linux")]
#[path = "effects/confine/outer.rs"]
mod outer;
#[cfg(target_os = "linux")]
#[path = "effects/confine/overlay_mount.rs"]
mod overlay_mount;
#[path = "effects/hooks/pass_on.rs"]
mod pass_on;
#[path = "effects/confine/program.rs"]
mod program;
#[cfg(target_os = "linux")]
#[path = "effects/confine/read_only.rs"]
mod read_only;
#[cfg(target_os = "linux")]
#[path = "effects/confine/reap.rs"]
mod reap;
#[cfg(target_os = "linux")]
#[path = "effects/confine/rights.rs"]
mod rights;
#[path = "effects/confine/roles.rs"]
mod roles;
#[cfg(target_os = "linux")]
#[path = "effects/confine/rules.rs"]
mod rules;
#[path = "effects/confine/session.rs"]
mod session;
#[path = "effects/confine/spec.rs"]
mod spec;
#[cfg(target_os = "linux")]
#[path = "effects/confine/tool_caches.rs"]
mod tool_caches;

use std::process::ExitCode;

fn main() -> ExitCode {
    // An agent's hook is passed on by the program that starts faster.
    if std::env::args_os().nth(1).is_some_and(|first| first == "hook") {
        return pass_on::run_hook();
    }
    entry::enter().unwrap_or_else(|| {
        eprintln!("tama-tui-sandbox is a part of tama-tui {}, which starts it", env!("CARGO_PKG_VERSION"));
        ExitCode::FAILURE
    })
}
