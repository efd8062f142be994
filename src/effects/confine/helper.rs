//! This program's own file, which is started once more as the outer process.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::environment::environment;

/// The first argument of the outer process.
pub(super) const OUTER: &str = "__confine";
/// The first argument of the inner process.
pub(super) const INNER: &str = "__confined";
/// The first argument of a process that leaves the terminal, and then becomes a command.
pub(super) const SESSION: &str = "__session";

/// The program that can be the outer process.
static HELPER: OnceLock<PathBuf> = OnceLock::new();

/// Sets the path of this program's own file; without it, commands run without confinement. The first call counts.
pub fn set_helper(path: impl Into<PathBuf>) {
    let _ = HELPER.set(path.into());
}

/// Returns the path of this program's own file, once it is set.
pub(super) fn helper() -> Option<&'static Path> {
    HELPER.get().map(PathBuf::as_path)
}

/// Prepares the outer process, and returns the other end of its socket.
pub(super) fn outer_command(helper: &Path, workspace: &Path) -> io::Result<(Command, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(helper);
    command
        .arg(OUTER)
        .current_dir("/")
        .env_clear()
        .envs(environment(workspace))
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok((command, ours))
}
