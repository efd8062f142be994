//! The inner process: gives up its rights, runs the command, and collects processes that end. In a pid namespace it is
//! the first process, so that the kernel kills all others when it ends.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::{set_dumpable, set_pdeathsig};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, geteuid, tcsetpgrp};

use super::gap::Gap;
use super::program::start_first;
use super::spec::{Channel, End, Go, InnerMessage, InnerSpec, Mapped, Streams};
use super::{calls, read_only, rights, rules};

/// Carries out the specification on its standard input, and answers there.
pub(super) fn main() -> ExitCode {
    let _ = set_pdeathsig(Signal::SIGKILL);
    let Ok(mut channel) = Channel::from_stdin() else { return ExitCode::FAILURE };
    let Ok(Some(spec)) = channel.receive::<InnerSpec>() else { return ExitCode::FAILURE };
    let end = run(&spec, &mut channel).unwrap_or_else(|error| End::NoSetUp(error.to_string()));
    let _ = channel.send(&InnerMessage::Ended(end));
    ExitCode::SUCCESS
}

fn run(spec: &InnerSpec, channel: &mut Channel) -> io::Result<End> {
    let mut gaps = vec![];
    if spec.namespaces {
        gaps.extend(mount_proc());
        gaps.extend(enter_user_namespace(channel)?);
    }
    std::env::set_current_dir(&spec.workspace)
        .map_err(|error| io::Error::other(format!("failed to enter the workspace: {error}")))?;
    // With a user namespace of its own it has no capabilities outside of it.
    let is_apart = spec.namespaces && !gaps.contains(&Gap::RootId);
    gaps.extend(rights::give_up(is_apart));
    let mut writable = spec.writable.clone();
    if spec.namespaces && !geteuid().is_root() && !gaps.contains(&Gap::Processes) {
        // The command needs it for its own namespaces; only root can change anything else in there.
        writable.push("/proc".into());
    }
    gaps.extend(rules::restrict(&writable, spec.network || spec.namespaces, spec.local_sockets));
    if !spec.network {
        gaps.extend(calls::filter(spec.local_sockets));
    }
    // From here on the command can't trace this process or read its memory.
    let _ = set_dumpable(false);
    let _ = set_pdeathsig(Signal::SIGKILL);
    channel.send(&InnerMessage::Ready(gaps))?;
    channel.receive::<Go>()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let leash = channel.leash()?;
    std::thread::Builder::new().spawn(move || {
        leash.wait();
        std::process::exit(1);
    })?;
    Ok(match start_first(&spec.programs, |program| spawn(program, spec)) {
        Ok(child) => wait_for(i32::try_from(child.id()).map(Pid::from_raw).ok(), || waitpid(None, None)),
        Err(error) => End::NotStarted(error.to_string()),
    })
}

/// Mounts a `/proc` that shows the processes of this namespace only. Root owns the switches of the kernel in there, so
/// that for root it is read-only.
fn mount_proc() -> Vec<Gap> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let mut gaps = vec![];
    let is_own = mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>).is_ok();
    if !is_own {
        gaps.push(Gap::Processes);
    }
    let is_protected = || read_only::protect(|path| path.starts_with("/proc")).unwrap_or(false);
    if (!is_own || geteuid().is_root()) && !is_protected() {
        gaps.push(Gap::MetadataOutside);
    }
    gaps
}

/// Enters a user namespace with the ids of outside: it has no power over the mounts and the network of outside.
fn enter_user_namespace(channel: &mut Channel) -> io::Result<Option<Gap>> {
    if let Err(error) = unshare(CloneFlags::CLONE_NEWUSER) {
        if geteuid().is_root() {
            return Ok(Some(Gap::RootId));
        }
        return Err(io::Error::other(format!("failed to make a user namespace: {error}")));
    }
    channel.send(&InnerMessage::MapMe)?;
    channel.receive::<Mapped>()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(None)
}

fn spawn(program: &[OsString], spec: &InnerSpec) -> io::Result<Child> {
    let (name, args) = program.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let variables = spec.variables.iter().map(|(name, value)| (name, value));
    let same = || io::stdout().as_fd().try_clone_to_owned().map(Stdio::from);
    let mut command = Command::new(name);
    command.args(args).envs(variables).process_group(0);
    match spec.streams {
        Streams::Pipes => command.stdin(Stdio::null()),
        Streams::Socket => command.stdin(same()?),
        Streams::Terminal => command.stdin(same()?).stderr(same()?),
    };
    let child = command.spawn()?;
    if spec.streams == Streams::Terminal {
        bring_to_front(&child);
    }
    Ok(child)
}

/// Makes a command's group the one that its terminal listens to. It may have been stopped before, because it read.
fn bring_to_front(child: &Child) {
    let Ok(group) = i32::try_from(child.id()).map(Pid::from_raw) else { return };
    // It fails where the terminal is not the session's, and then there is nothing to bring to the front.
    let _ = tcsetpgrp(io::stdout(), group);
    let _ = killpg(group, Signal::SIGCONT);
}

/// Waits for the command, and collects every other process that ends before it. `next` waits for any process.
fn wait_for(command: Option<Pid>, mut next: impl FnMut() -> nix::Result<WaitStatus>) -> End {
    loop {
        match next() {
            Ok(WaitStatus::Exited(of, code)) if Some(of) == command => return End::Code(code),
            Ok(WaitStatus::Signaled(of, signal, _)) if Some(of) == command => return End::Signal(signal as i32),
            Ok(_) | Err(Errno::EINTR) => {}
            // The command was started: what it did is still to be found.
            Err(error) => return End::Unknown(format!("failed to wait for its end: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(results: Vec<nix::Result<WaitStatus>>) -> End {
        let mut results = results.into_iter();
        wait_for(Some(Pid::from_raw(7)), || results.next().unwrap())
    }

    #[test]
    fn a_command_whose_end_is_lost_was_started_all_the_same() {
        let other = || Ok(WaitStatus::Exited(Pid::from_raw(8), 0));
        assert_eq!(end(vec![other(), Err(Errno::EINTR), Ok(WaitStatus::Exited(Pid::from_raw(7), 3))]), End::Code(3));
        let End::Unknown(why) = end(vec![other(), Err(Errno::ECHILD)]) else { panic!("the end is known") };
        assert!(why.starts_with("failed to wait for its end: "), "{why}");
    }
}
