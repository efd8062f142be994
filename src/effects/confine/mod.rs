//! Confined commands: they write only to the workspace and a temporary folder of their own, can't see the data folder,
//! inherit no secrets, have no network unless it is allowed, and are gone, with every process that they started, when
//! their outcome is known.
//!
//! On Linux the small program `tama-tui-sandbox` (or this program itself) runs as two processes in a row. The *outer*
//! one makes namespaces (mounts, processes, IPC, network), mounts the command's view of the file system with an overlay
//! over the workspace and everything else read-only, and starts the *inner* one, which is the first process of the new
//! pid namespace: it gives up the rights that were needed for that (a user namespace with its own ids), restricts its
//! writes with Landlock and its system calls with seccomp, and runs the command. When it ends, the kernel kills
//! everything else in the namespace. Each process holds the next one by a socket: when the program is killed, so are
//! they. The modules of these processes are compiled into both programs (`src/sandbox.rs`).
//!
//! Where namespaces are refused there is Landlock alone, and processes are found by their parents; where even the
//! program's own path is not known, or on another system, commands run in a process group, without confinement. Each
//! promise that is not enforced is reported as a [`Gap`].

mod agent;
mod cancellation;
mod confinement;
mod direct;
mod entry;
mod environment;
mod gap;
mod helper;
mod hints;
mod job;
mod kernel;
mod lasting;
mod layer;
mod layer_sweep;
mod mount_table;
mod output;
mod probe;
mod program;
mod roles;
mod run;
mod scratch;
mod script;
mod serve;
mod session;
mod session_command;
mod shell;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "nobody there to talk to"))]
mod spec;

#[cfg(target_os = "linux")]
mod caches;
#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod credentials;
#[cfg(target_os = "linux")]
mod devices;
#[cfg(target_os = "linux")]
mod inner;
#[cfg(target_os = "linux")]
mod mounts;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod outer;
#[cfg(target_os = "linux")]
mod overlay_mount;
#[cfg(target_os = "linux")]
mod read_only;
#[cfg(target_os = "linux")]
mod reap;
#[cfg(target_os = "linux")]
mod rights;
#[cfg(target_os = "linux")]
mod rules;
#[cfg(target_os = "linux")]
mod tool_caches;

pub use agent::{AgentProgram, Outlets, OutputPart, TerminalInput, TerminalSize};
pub use confinement::{Isolation, ShellPaths};
pub use entry::enter;
pub use gap::Gap;
pub use helper::{set_helper, set_own_helper};
pub use job::{Job, ShellRun};
pub use kernel::Kernel;
pub use lasting::LastingEnd;
pub use layer::LayerFolder;
pub use output::{ShellLimits, ShellOutcome};
pub use scratch::Scratch;
pub use serve::{Service, ServicePipes, without_controls};
pub use shell::Shell;
