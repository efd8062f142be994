//! The command line of a program that runs in a session of its own.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use super::helper::helper;
use super::roles::SESSION;

/// Returns the command line that runs a program in a new session; the program itself where there is no helper.
pub(super) fn in_session(program: &[OsString], path: Option<&OsStr>) -> io::Result<Vec<OsString>> {
    let (name, args) = program.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let Some(helper) = helper() else { return Ok(program.to_vec()) };
    let found = find(name, path).ok_or(Errno::ENOENT)?;
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
