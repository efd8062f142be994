//! Confined commands: they write only to the workspace and a temporary folder of their own, can't see the data folder,
//! inherit no secrets, have no network unless it is allowed, and are gone, with every process that they started, when
//! their outcome is known.
//!
//! On Linux the program runs itself again, as two processes in a row. The *outer* one makes namespaces (mounts,
//! processes, IPC, network), mounts the command's view of the file system with an overlay over the workspace, and
//! starts the *inner* one, which is the first process of the new pid namespace: it gives up the rights that were needed
//! for that (a user namespace with its own ids), restricts its writes with Landlock, and runs the command. When it
//! ends, the kernel kills everything else in the namespace. Each process holds the next one by a socket: when the
//! program is killed, so are they.
//!
//! Where namespaces are refused there is Landlock alone, and processes are found by their parents; where even the
//! program's own path is not known, or on another system, commands run in a process group, without confinement. Each
//! promise that is not enforced is reported as a [`Gap`].

mod direct;
mod environment;
mod output;
mod probe;
mod run;
mod scratch;
mod shell;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "nobody there to talk to"))]
mod spec;

#[cfg(target_os = "linux")]
mod inner;
#[cfg(target_os = "linux")]
mod mounts;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod outer;
#[cfg(target_os = "linux")]
mod reap;
#[cfg(target_os = "linux")]
mod rules;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

pub use output::{ShellLimits, ShellOutcome};
pub use scratch::Scratch;
pub use shell::{Isolation, Job, Shell, ShellPaths, ShellRun};
pub use spec::Gap;

/// The first argument of the outer process.
const OUTER: &str = "__confine";
/// The first argument of the inner process.
const INNER: &str = "__confined";

/// The program that can be the outer process.
static HELPER: OnceLock<PathBuf> = OnceLock::new();

/// Sets the path of this program's own file; without it, commands run without confinement. The first call counts.
pub fn set_helper(path: impl Into<PathBuf>) {
    let _ = HELPER.set(path.into());
}

fn helper() -> Option<&'static Path> {
    HELPER.get().map(PathBuf::as_path)
}

/// Plays the outer or inner process when this process was started as one, and returns its exit code. To be called
/// before anything else, above all before there is a second thread.
pub fn enter() -> Option<ExitCode> {
    let first = std::env::args_os().nth(1)?;
    #[cfg(target_os = "linux")]
    if first == OUTER {
        return Some(outer::main());
    } else if first == INNER {
        return Some(inner::main());
    }
    #[cfg(not(target_os = "linux"))]
    if first == OUTER || first == INNER {
        return Some(ExitCode::FAILURE);
    }
    None
}

/// True when a program failed to start because it isn't there: the system reports "permission denied" when a folder of
/// the search path can't be searched.
fn not_found(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied)
}
