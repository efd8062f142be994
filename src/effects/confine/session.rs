//! A session of its own for commands that run without confinement: then they can't open the program's terminal.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::unistd::setsid;
use rustix::process::ioctl_tiocsctty;

/// Becomes the program of the arguments, in a new session.
pub(super) fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(program), Some(name)) = (args.next(), args.next()) else { return ExitCode::FAILURE };
    // It fails for a leader of a process group, which this process is not: its parent started none for it.
    if let Err(error) = setsid() {
        eprintln!("failed to leave the terminal: {error}");
        return ExitCode::FAILURE;
    }
    // It is a terminal only for a program that has one of its own.
    let _ = ioctl_tiocsctty(io::stdin());
    let error = Command::new(&program).arg0(name).args(args).exec();
    eprintln!("failed to start {}: {error}", program.display());
    ExitCode::FAILURE
}
