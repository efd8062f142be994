//! Programs that serve: they run as long as they are wanted, and speak over their standard input and output.
//!
//! They are confined as commands are, and write directly to the workspace. Their standard input and output are one
//! socket. What they write to their standard error is read at once, and the end of it is kept.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{ChildStderr, Command};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::confinement::{Confinement, Launcher};
use super::direct::{self, Group};
use super::helper::outer_command;
use super::job::Job;
use super::program::start_first;
use super::run::{GRACE, send, spec};
use super::scratch::Scratch;
use super::spec::{End, Go, Report, Spec};

/// Bytes of standard error that are kept.
const KEPT: usize = 2_000;
/// The longest wait for the end of a program whose connection is over.
const ENDING: Duration = Duration::from_millis(500);

/// A running program; dropping it ends every process of it.
pub struct Service {
    errors: Tail,
    ended: watch::Receiver<Option<String>>,
    stop: CancellationToken,
}

/// The end of a program's standard error.
#[derive(Clone, Default)]
struct Tail(Arc<Mutex<VecDeque<u8>>>);

/// Both directions of a program's standard input and output.
pub type ServicePipes = (OwnedReadHalf, OwnedWriteHalf);

impl Service {
    /// True once every process of it is gone.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Ends it, waits until its processes are gone, and says how it ended: by itself, or by `why`. `more`: what else is
    /// known of it.
    pub async fn why_ended(mut self, why: &str, more: Option<String>) -> String {
        // Of a program that just ended by itself, the end is on its way.
        let by_itself = timeout(ENDING, self.ended.wait_for(Option::is_some)).await.is_ok();
        self.stop.cancel();
        let end = timeout(GRACE + ENDING, self.ended.wait_for(Option::is_some)).await;
        let end = end.ok().and_then(Result::ok).and_then(|end| end.clone()).filter(|_| by_itself);
        let errors = self.errors.text();
        let errors = (!errors.is_empty()).then(|| format!("its last words: {errors}"));
        let parts = std::iter::once(end.unwrap_or_else(|| why.to_owned())).chain(more).chain(errors);
        parts.collect::<Vec<_>>().join("; ")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A text of a program without its control characters.
pub fn without_controls(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

impl Tail {
    async fn read(self, from: Option<ChildStderr>) {
        let Some(mut from) = from else { return };
        let mut bytes = vec![0; 8192];
        while let Ok(read @ 1..) = from.read(&mut bytes).await {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(&bytes[..read]);
            let over = kept.len().saturating_sub(KEPT);
            kept.drain(..over);
        }
    }

    /// The last lines, in one line without control characters.
    fn text(&self) -> String {
        let kept: Vec<u8> = self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        let text = String::from_utf8_lossy(&kept).into_owned();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        without_controls(&lines[lines.len().saturating_sub(3)..].join(" | "))
    }
}

/// Starts a program. The error says why it could not be started.
pub(super) async fn serve(confinement: &Confinement, job: &Job) -> Result<(Service, ServicePipes), String> {
    let failed = |error: io::Error| format!("failed to start: {error}");
    let (ours, theirs) = StdStream::pair().map_err(failed)?;
    ours.set_nonblocking(true).map_err(failed)?;
    let pipes = UnixStream::from_std(ours).map_err(failed)?.into_split();
    let (errors, stop) = (Tail::default(), CancellationToken::new());
    let (told, ended) = watch::channel(None);
    let run = match confinement.launcher() {
        Some(launcher) => confined(confinement, launcher, job, theirs).await,
        None => unconfined(confinement, job, &theirs),
    };
    let run = run.map_err(failed)?;
    let (tail, stopped) = (errors.clone(), stop.clone());
    // A task of its own, so that it can end everything and clean up.
    tokio::spawn(async move {
        let end = run.wait_or_end(tail, &stopped).await;
        told.send_replace(Some(end));
    });
    Ok((Service { errors, ended, stop }, pipes))
}

/// A program that was started.
enum Running {
    Confined { child: tokio::process::Child, reading: OwnedReadHalf, leash: OwnedWriteHalf, scratch: Box<Scratch> },
    Direct { child: tokio::process::Child, group: Group },
}

async fn confined(confinement: &Confinement, launcher: &Launcher, job: &Job, theirs: StdStream) -> io::Result<Running> {
    let workspace = confinement.workspace();
    let scratch = Scratch::create(&launcher.scratch)?;
    let spec = Spec { serves: true, ..spec(confinement, job, &scratch)? };
    let (mut command, control) = outer_command(&launcher.helper, workspace)?;
    command.stdout(OwnedFd::from(theirs));
    let child = Command::from(command).spawn()?;
    control.set_nonblocking(true)?;
    let (reading, writing) = UnixStream::from_std(control)?.into_split();
    let mut leash = Some(writing);
    timeout(GRACE, send(&spec, &mut leash)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))?;
    send(&Go, &mut leash).await?;
    let leash = leash.ok_or(io::ErrorKind::BrokenPipe)?;
    Ok(Running::Confined { child, reading, leash, scratch: Box::new(scratch) })
}

fn unconfined(confinement: &Confinement, job: &Job, theirs: &StdStream) -> io::Result<Running> {
    let child = start_first(&job.programs, |program| {
        let mut command = direct::command(program, confinement.workspace())?;
        let variables = job.variables.iter().map(|(name, value)| (name, value));
        command
            .envs(variables)
            .stdin(Stdio::from(OwnedFd::from(theirs.try_clone()?)))
            .stdout(Stdio::from(OwnedFd::from(theirs.try_clone()?)))
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    })?;
    let group = Group::of(&child);
    Ok(Running::Direct { child, group })
}

impl Running {
    /// Waits until it ends, or ends it when `stop` is cancelled, and says how it ended.
    async fn wait_or_end(self, tail: Tail, stop: &CancellationToken) -> String {
        match self {
            Self::Direct { mut child, group } => {
                let errors = tokio::spawn(tail.read(child.stderr.take()));
                let status = tokio::select! {
                    status = child.wait() => Some(status),
                    () = stop.cancelled() => None,
                };
                drop(group);
                // The group is killed, so this only collects it.
                let _ = timeout(ENDING, child.wait()).await;
                let _ = timeout(ENDING, errors).await;
                match status {
                    Some(Ok(status)) => format!("it ended: {status}"),
                    Some(Err(error)) => format!("its end is not known: {error}"),
                    None => "it was ended".to_owned(),
                }
            }
            Self::Confined { mut child, reading, leash, scratch } => {
                let errors = tokio::spawn(tail.read(child.stderr.take()));
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
                let _ = timeout(ENDING, errors).await;
                // It can be large.
                let _ = tokio::task::spawn_blocking(move || drop(scratch)).await;
                found.map_or_else(|| "it was ended".to_owned(), |report| describe(&report.end))
            }
        }
    }
}

async fn read_report(mut reading: impl AsyncRead + Unpin) -> Option<Report> {
    let mut text = Vec::new();
    reading.read_to_end(&mut text).await.ok()?;
    serde_json::from_slice(&text).ok()
}

fn describe(end: &End) -> String {
    match end {
        End::Code(code) => format!("it ended with exit code {code}"),
        End::Signal(signal) => format!("it was killed by signal {signal}"),
        End::NotStarted(error) | End::NoSetUp(error) => format!("failed to start: {error}"),
        End::Killed => "it was ended".to_owned(),
        End::Unknown(why) | End::Lost(why) => format!("its end is not known: {why}"),
    }
}
