//! A session of its own for commands that run without confinement: then they can't open the program's terminal.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use nix::unistd::{AccessFlags, access, setsid};

use super::helper::{SESSION, helper};

/// Becomes the program of the arguments, in a new session.
pub(super) fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(program), Some(name)) = (args.next(), args.next()) else { return ExitCode::FAILURE };
    // It fails for a leader of a process group, which this process is not: its parent started none for it.
    if let Err(error) = setsid() {
        eprintln!("failed to leave the terminal: {error}");
        return ExitCode::FAILURE;
    }
    let error = Command::new(&program).arg0(name).args(args).exec();
    eprintln!("failed to start {}: {error}", program.display());
    ExitCode::FAILURE
}

/// Returns the command line that runs a program in a new session; the program itself where this program's own file is
/// not known.
pub(super) fn in_session(program: &[OsString], path: Option<&OsStr>) -> io::Result<Vec<OsString>> {
    let (name, args) = program.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let Some(helper) = helper() else { return Ok(program.to_vec()) };
    let found = find(name, path).ok_or(io::ErrorKind::NotFound)?;
    let own = [helper.as_os_str(), OsStr::new(SESSION), found.as_os_str(), name];
    Ok(own.into_iter().map(OsStr::to_owned).chain(args.iter().cloned()).collect())
}

/// Finds a program as the system does: by its path, or in the folders of `PATH`.
fn find(name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    let whole = Path::new(name);
    if whole.components().count() > 1 {
        return Some(whole.to_owned()).filter(|file| file.is_relative() || file.exists());
    }
    let usual = OsStr::new("/usr/local/bin:/usr/bin:/bin");
    let mut candidates = std::env::split_paths(path.unwrap_or(usual)).map(|folder| folder.join(name));
    candidates.find(|file| file.is_file() && access(file, AccessFlags::X_OK).is_ok())
}
