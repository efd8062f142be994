//! Programs that last: they run until they end or are ended, with standard streams that their caller made.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::confinement::{Confinement, Launcher, gap_labels};
use super::direct::{self, Group};
use super::helper::outer_command;
use super::job::Job;
use super::program::start_first;
use super::run::{GRACE, send, spec};
use super::scratch::Scratch;
use super::spec::{End, Go, Report, Spec, Streams};

/// The longest wait for the rest of a program that has ended.
pub(super) const ENDING: Duration = Duration::from_millis(500);

/// The other ends of a program's standard streams.
pub(super) enum Ends {
    /// Its output goes into two pipes; it has no input.
    Pipes,
    /// A socket that is its output and its input; a pipe for its errors.
    Socket(OwnedFd),
    /// A terminal that is all three.
    Terminal(OwnedFd),
}

impl Ends {
    fn streams(&self) -> Streams {
        match self {
            Self::Pipes => Streams::Pipes,
            Self::Socket(_) => Streams::Socket,
            Self::Terminal(_) => Streams::Terminal,
        }
    }

    /// Its standard input, output and error.
    fn stdio(&self) -> io::Result<[Stdio; 3]> {
        let same = |fd: &OwnedFd| fd.try_clone().map(Stdio::from);
        Ok(match self {
            Self::Pipes => [Stdio::null(), Stdio::piped(), Stdio::piped()],
            Self::Socket(fd) => [same(fd)?, same(fd)?, Stdio::piped()],
            Self::Terminal(fd) => [same(fd)?, same(fd)?, same(fd)?],
        })
    }
}

/// A program that was started.
pub(super) enum Lasting {
    Confined { child: Child, reading: OwnedReadHalf, leash: OwnedWriteHalf, scratch: Box<Scratch> },
    Direct { child: Child, group: Group },
}

/// The end of a program that lasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastingEnd {
    /// How it ended, for people; follows the program's name.
    pub text: String,
    /// Its exit code, if it ended by itself.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// False when it could not be started.
    pub started: bool,
    /// The gaps of its confinement, a few words each.
    pub gaps: Vec<String>,
}

impl LastingEnd {
    /// The end of a program of which nothing is known any more.
    pub(super) fn unknown() -> Self {
        Self { text: "its end is not known".into(), ..Self::ended_here(Vec::new()) }
    }

    fn ended_here(gaps: Vec<String>) -> Self {
        Self { text: "it was ended".into(), exit: None, signal: None, started: true, gaps }
    }
}

impl Lasting {
    /// Starts a program.
    pub async fn start(confinement: &Confinement, job: &Job, ends: Ends) -> io::Result<Self> {
        match confinement.launcher() {
            Some(launcher) => confined(confinement, launcher, job, ends).await,
            None => unconfined(confinement, job, &ends),
        }
    }

    /// Its standard output and standard error, where they are pipes.
    pub fn take_output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        match self {
            Self::Confined { child, .. } | Self::Direct { child, .. } => (child.stdout.take(), child.stderr.take()),
        }
    }

    /// The process that has its view of the file system.
    pub fn viewer(&self) -> Option<u32> {
        match self {
            Self::Confined { child, .. } => child.id(),
            Self::Direct { .. } => None,
        }
    }

    /// Waits until it ends, or ends it when `stop` is cancelled; every process of it is gone then.
    pub async fn wait_or_end(self, confinement: &Confinement, stop: &CancellationToken) -> LastingEnd {
        match self {
            Self::Direct { mut child, group } => {
                let gaps = gap_labels(confinement.gaps());
                let status = tokio::select! {
                    status = child.wait() => Some(status),
                    () = stop.cancelled() => None,
                };
                drop(group);
                // The group is killed, so this only collects it.
                let _ = timeout(ENDING, child.wait()).await;
                match status {
                    Some(Ok(status)) => {
                        let (text, exit, signal) = direct::describe_end(&Ok(status));
                        LastingEnd { text: format!("it ended: {text}"), exit, signal, started: true, gaps }
                    }
                    Some(Err(error)) => {
                        LastingEnd { text: format!("its end is not known: {error}"), ..LastingEnd::ended_here(gaps) }
                    }
                    None => LastingEnd::ended_here(gaps),
                }
            }
            Self::Confined { mut child, reading, leash, scratch } => {
                let report = read_report(reading);
                tokio::pin!(report);
                let mut leash = Some(leash);
                let found = tokio::select! {
                    report = &mut report => report,
                    () = stop.cancelled() => {
                        drop(leash.take());
                        timeout(GRACE, report).await.unwrap_or_default()
                    }
                };
                if timeout(GRACE, child.wait()).await.is_err() {
                    let _ = child.start_kill();
                }
                // It can be large.
                let _ = tokio::task::spawn_blocking(move || drop(scratch)).await;
                match found {
                    Some(report) => describe(&report),
                    None => LastingEnd::ended_here(gap_labels(confinement.gaps())),
                }
            }
        }
    }
}

async fn confined(confinement: &Confinement, launcher: &Launcher, job: &Job, ends: Ends) -> io::Result<Lasting> {
    let workspace = confinement.workspace();
    let scratch = Scratch::create(&launcher.scratch)?;
    let spec = Spec { streams: ends.streams(), ..spec(confinement, job, &scratch)? };
    let (mut command, control) = outer_command(&launcher.helper, workspace)?;
    // Its input is the control socket's.
    let [_, output, errors] = ends.stdio()?;
    command.stdout(output).stderr(errors);
    let child = Command::from(command).spawn()?;
    drop(ends);
    control.set_nonblocking(true)?;
    let (reading, writing) = UnixStream::from_std(control)?.into_split();
    let mut leash = Some(writing);
    timeout(GRACE, send(&spec, &mut leash)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))?;
    send(&Go, &mut leash).await?;
    let leash = leash.ok_or(io::ErrorKind::BrokenPipe)?;
    Ok(Lasting::Confined { child, reading, leash, scratch: Box::new(scratch) })
}

fn unconfined(confinement: &Confinement, job: &Job, ends: &Ends) -> io::Result<Lasting> {
    let child = start_first(&job.programs, |program| {
        let [input, output, errors] = ends.stdio()?;
        let mut command = direct::command(program, confinement.workspace())?;
        let variables = job.variables.iter().map(|(name, value)| (name, value));
        command.envs(variables).stdin(input).stdout(output).stderr(errors).kill_on_drop(true).spawn()
    })?;
    let group = Group::of(&child);
    Ok(Lasting::Direct { child, group })
}

async fn read_report(mut reading: impl AsyncRead + Unpin) -> Option<Report> {
    let mut text = Vec::new();
    reading.read_to_end(&mut text).await.ok()?;
    serde_json::from_slice(&text).ok()
}

fn describe(report: &Report) -> LastingEnd {
    let gaps = gap_labels(&report.gaps);
    let (text, exit, signal, started) = match &report.end {
        End::Code(code) => (format!("it ended with exit code {code}"), Some(*code), None, true),
        End::Signal(signal) => (format!("it was killed by signal {signal}"), None, Some(*signal), true),
        End::NotStarted(error) | End::NoSetUp(error) => (format!("failed to start: {error}"), None, None, false),
        End::Killed => ("it was ended".to_owned(), None, None, true),
        End::Unknown(why) | End::Lost(why) => (format!("its end is not known: {why}"), None, None, true),
    };
    LastingEnd { text, exit, signal, started, gaps }
}
