//! A session of its own for commands that run without confinement: then they can't open the program's terminal.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::unistd::setsid;

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
