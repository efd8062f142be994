//! Runs a command in a process group of its own, without confinement.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::cancellation::{CancelReason, Cancellation};
use super::confinement::{Confinement, can_reach_outside, gap_labels};
use super::environment::environment;
use super::job::{Job, ShellRun};
use super::output::{Output, ShellLimits, ShellOutcome};
use super::program::start_first;
use super::script::{self, with_file};
use super::session_command::in_session;
use crate::effects::mask::Masker;

/// The longest wait for the rest of the output once every process of the group is gone: only one that left the group
/// can still hold the pipe.
const DRAIN: Duration = Duration::from_millis(500);

/// Runs a command. Kills every process of its group when it ends or is cancelled.
pub(super) async fn run(
    confinement: &Confinement,
    job: &Job,
    limits: ShellLimits,
    masker: &Masker,
    cancellation: &Cancellation,
) -> ShellRun {
    let temp = script::needs_file(&job.programs).then(tempfile::tempdir).transpose();
    let started = temp.and_then(|temp| {
        let folder = temp.as_ref().map(TempDir::path);
        let programs = folder.map_or_else(|| Ok(job.programs.clone()), |folder| with_file(&job.programs, folder))?;
        let (child, group) = start_first(&programs, |program| spawn(program, confinement.workspace(), folder))?;
        Ok((child, group, temp))
    });
    let (mut child, group, _temp) = match started {
        Ok(started) => started,
        Err(error) => return confinement.start_failure(&error.to_string()),
    };
    let mut output = Output::new(limits.output_bytes, masker);
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let status = {
        let reading = output.read_both(&mut out, &mut err);
        tokio::pin!(reading);
        let ended = async {
            tokio::select! {
                status = child.wait() => status,
                // Both pipes can be closed long before the command ends.
                () = &mut reading => child.wait().await,
            }
        };
        let ended = tokio::select! {
            status = ended => Ok(status),
            why = cancellation.wait(job.timeout) => Err(why),
        };
        drop(group);
        ended
    };
    // Only the rest that the pipes still hold.
    let _ = timeout(DRAIN, output.read_both(&mut out, &mut err)).await;
    if status.is_err() {
        // The group is killed, so this only collects it.
        let _ = timeout(DRAIN, child.wait()).await;
    }
    let (last, exit, signal) = match &status {
        Ok(status) => describe_end(status),
        Err(why) => (why.end_line(job.timeout), None, None),
    };
    let printed = output.stdout();
    let (text, truncated) = output.into_text(&last);
    let timed_out = status.as_ref().err() == Some(&CancelReason::Timeout);
    let outcome = ShellOutcome { text, printed, exit, started: true, timed_out, truncated };
    ShellRun {
        hints: confinement.hints(job, &outcome, signal),
        outcome,
        signal,
        killed: status.is_err(),
        gaps: gap_labels(confinement.gaps()),
        may_have_reached_outside: can_reach_outside(confinement.gaps(), job),
        written: None,
    }
}

pub(super) fn describe_end(status: &io::Result<ExitStatus>) -> (String, Option<i32>, Option<i32>) {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => (format!("[exit code {code}]"), Some(code), None),
            (None, signal) => (format!("[killed by signal {}]", signal.unwrap_or_default()), None, signal),
        },
        Err(error) => (format!("[failed to wait for its end: {error}]"), None, None),
    }
}

fn spawn(program: &[OsString], dir: &Path, temp: Option<&Path>) -> io::Result<(Child, Group)> {
    let child = command(program, dir)?
        .envs(temp.map(|temp| ("TMPDIR", temp)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let group = Group::of(&child);
    Ok((child, group))
}

/// Prepares a program in a session or a group of its own; its pipes are still to be set.
pub(super) fn command(program: &[OsString], dir: &Path) -> io::Result<Command> {
    let own = in_session(program, std::env::var_os("PATH").as_deref())?;
    let (name, args) = own.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(name);
    if own == program {
        // A new session has a group of its own.
        command.process_group(0);
    }
    command.args(args).current_dir(dir).env_clear().envs(environment(dir));
    Ok(command)
}

/// Kills a process group when dropped.
pub(super) struct Group(Option<Pid>);

impl Group {
    /// The group that a program leads.
    pub fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // No such group: everything in it has ended already.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
