//! A command inside a confinement: starts the outer process, holds its leash, and hears how it ended.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::OwnedWriteHalf;
use tokio::process::Child;
use tokio::time::timeout;

use super::environment::environment;
use super::output::{Output, ShellLimits, ShellOutcome};
use super::shell::{Cut, Job, Means, Ran, Shell, Why, last_line, reaches_outside, words};
use super::spec::{End, OverlayDirs, Report, Spec, line};
use super::{OUTER, Scratch};

/// How long everything may take to be gone after the leash was let go.
const GRACE: Duration = Duration::from_secs(15);
/// How long to wait for the rest of the output once every process is gone.
const DRAIN: Duration = Duration::from_millis(500);

/// Runs it, and returns when nothing of it is left.
pub(super) async fn run(
    shell: &Shell,
    helper: &Path,
    scratch: &Path,
    job: &Job,
    limits: ShellLimits,
    cut: &Cut,
) -> Ran {
    let made = Scratch::create(scratch).and_then(|scratch| scratch.resemble(shell.workspace()).map(|()| scratch));
    let scratch = match made {
        Ok(scratch) => scratch,
        Err(error) => return shell.not_started(&format!("failed to make a temporary folder: {error}")),
    };
    let spec = spec(shell, job, &scratch);
    let (mut child, stream) = match start(helper, shell.workspace()) {
        Ok(started) => started,
        Err(error) => return shell.not_started(&error.to_string()),
    };
    let (mut reading, writing) = stream.into_split();
    let mut leash = Some(writing);
    let mut output = Output::new(limits.output_bytes);
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (report, why) = {
        let reader = output.read_both(&mut out, &mut err);
        tokio::pin!(reader);
        let said = timeout(GRACE, tell(&spec, &mut leash)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        let ended = async {
            let mut text = Vec::new();
            let read = reading.read_to_end(&mut text).await;
            child.wait().await?;
            said.and(read)?;
            Ok::<Report, io::Error>(serde_json::from_slice(&text)?)
        };
        let whole = async {
            tokio::pin!(ended);
            tokio::select! {
                report = &mut ended => report,
                () = &mut reader => ended.await,
            }
        };
        tokio::pin!(whole);
        tokio::select! {
            report = &mut whole => (Some(report), None),
            why = cut.cut(job.timeout) => {
                drop(leash.take());
                (timeout(GRACE, whole).await.ok(), Some(why))
            }
        }
    };
    let _ = timeout(DRAIN, output.read_both(&mut out, &mut err)).await;
    if report.is_none() {
        // Some process can't be killed just now (it waits for a device); it will be gone when it can.
        let _ = child.start_kill();
    }
    let report = match report {
        Some(Ok(report)) => report,
        Some(Err(error)) => {
            Report { end: End::NoSetUp(format!("its confinement failed: {error}")), gaps: shell.gaps.clone() }
        }
        None => Report { end: End::Killed, gaps: shell.gaps.clone() },
    };
    told(shell, job, output, &report, why, scratch)
}

/// What is told of it.
fn told(shell: &Shell, job: &Job, output: Output, report: &Report, why: Option<Why>, scratch: Scratch) -> Ran {
    let (last, exit, signal) = match (&report.end, why) {
        (End::NotStarted(error) | End::NoSetUp(error), _) => return shell.not_started(error),
        (End::Code(code), _) => (format!("[exit code {code}]"), Some(*code), None),
        (End::Signal(signal), _) => (format!("[killed by signal {signal}]"), None, Some(*signal)),
        (End::Killed, why) => (why.map_or("[was killed]".into(), |why| last_line(why, job.timeout)), None, None),
    };
    let killed = report.end == End::Killed;
    let printed = output.printed();
    let (text, truncated) = output.into_text(&last);
    let timed_out = killed && why == Some(Why::Timeout);
    Ran {
        outcome: ShellOutcome { text, printed, exit, started: true, timed_out, truncated },
        signal,
        killed,
        gaps: words(&report.gaps),
        may_have_reached_outside: reaches_outside(&report.gaps, job.network),
        written: (job.overlay && shell.means == Means::Overlay).then_some(scratch),
    }
}

fn spec(shell: &Shell, job: &Job, scratch: &Scratch) -> Spec {
    let overlay = job.overlay && shell.means == Means::Overlay;
    Spec {
        programs: job.programs.clone(),
        workspace: shell.workspace().into(),
        hidden: shell.place.hidden.iter().map(Into::into).collect(),
        temp: scratch.temp().into(),
        overlay: overlay.then(|| OverlayDirs { upper: scratch.upper().into(), work: scratch.work().into() }),
        namespaces: shell.means >= Means::Namespaces,
        network: job.network,
        ended: job.ended.as_ref().map(Into::into),
    }
}

/// The outer process, not yet started, and the other end of its socket.
pub(super) fn outer(helper: &Path, workspace: &Path) -> io::Result<(Command, UnixStream)> {
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

fn start(helper: &Path, workspace: &Path) -> io::Result<(Child, tokio::net::UnixStream)> {
    // The command holds the other end until it is dropped, and then only the outer process does.
    let (command, ours) = outer(helper, workspace)?;
    let child = tokio::process::Command::from(command).spawn()?;
    ours.set_nonblocking(true)?;
    Ok((child, tokio::net::UnixStream::from_std(ours)?))
}

async fn tell(spec: &Spec, to: &mut Option<OwnedWriteHalf>) -> io::Result<()> {
    match to {
        Some(to) => to.write_all(&line(spec)?).await,
        None => Ok(()),
    }
}
