//! The helper: the program that is started as the outer process.
//!
//! It is `tama-tui-sandbox` beside this program: it starts in a millisecond, as it has no database to load. Without it,
//! or when it is built from other sources, it is this program's own file.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::environment::environment;
use super::roles::{OUTER, PRESENT, SMALL_PROGRAM};

/// This program's own file on Linux, even when another has taken its path meanwhile.
const OWN: &str = "/proc/self/exe";

/// The program, set by the first call.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
/// The helper of that program; found at its first use.
static HELPER: OnceLock<Option<Helper>> = OnceLock::new();

/// The helper's path, and the handle that the path leads to.
struct Helper {
    path: PathBuf,
    #[allow(dead_code, reason = "it is held, and that is all")]
    handle: Option<File>,
}

/// Sets the path of this program; its helper lies beside it. Without it, commands run without confinement. The first
/// call counts.
pub fn set_helper(program: impl Into<PathBuf>) {
    let _ = PROGRAM.set(program.into());
}

/// Sets the program to the one that this process runs.
pub fn set_own_helper() {
    if let Ok(program) = std::env::current_exe() {
        set_helper(program);
    }
}

/// Returns a path of the helper, once the program is set.
pub(super) fn helper() -> Option<&'static Path> {
    let program = PROGRAM.get()?;
    HELPER.get_or_init(|| find(program)).as_ref().map(|helper| helper.path.as_path())
}

fn find(program: &Path) -> Option<Helper> {
    small_helper(&program.with_file_name(SMALL_PROGRAM)).or_else(|| {
        let is_own = std::env::current_exe().is_ok_and(|own| own == program);
        let path = if is_own && cfg!(target_os = "linux") { OWN.into() } else { program.to_owned() };
        Some(Helper { path, handle: None })
    })
}

/// Opens the helper, so that it stays the same when another takes its path; `None` if it is missing or built
/// from other sources.
fn small_helper(path: &Path) -> Option<Helper> {
    let (path, handle) = if cfg!(target_os = "linux") {
        let file = File::open(path).ok()?;
        (format!("/proc/self/fd/{}", file.as_raw_fd()).into(), Some(file))
    } else {
        (path.to_owned(), None)
    };
    let mut command = Command::new(&path);
    command.arg(PRESENT).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let is_present = command.status().is_ok_and(|status| status.success());
    is_present.then_some(Helper { path, handle })
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
