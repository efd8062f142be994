//! Runs a command in a confinement: starts the outer process, holds its leash, and receives its report.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::OwnedWriteHalf;
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::cancellation::{CancelReason, Cancellation};
use super::confinement::{Confinement, Isolation, Launcher, can_reach_outside, gap_labels};
use super::helper::outer_command;
use super::job::{Job, ShellRun};
use super::output::{Output, ShellLimits, ShellOutcome};
use super::scratch::Scratch;
use super::script::with_file;
use super::shell::NOT_ALLOWED;
use super::spec::{End, Go, OverlayDirs, Report, Spec, Streams, line};
use crate::effects::mask::Masker;

/// The longest wait until everything is gone after the leash was dropped.
pub(super) const GRACE: Duration = Duration::from_secs(15);
/// The longest wait for the rest of the output once every process is gone.
const DRAIN: Duration = Duration::from_millis(500);

/// Runs a command, and returns when every process of it is gone.
pub(super) async fn run(
    (confinement, launcher): (&Confinement, &Launcher),
    job: &Job,
    limits: ShellLimits,
    masker: &Masker,
    cancellation: &Cancellation,
    start: oneshot::Receiver<()>,
) -> ShellRun {
    let workspace = confinement.workspace();
    let made = Scratch::create(&launcher.scratch).and_then(|scratch| scratch.copy_mode_of(workspace).map(|()| scratch));
    let scratch = match made {
        Ok(scratch) => scratch,
        Err(error) => return confinement.start_failure(&format!("failed to make a temporary folder: {error}")),
    };
    let started =
        spec(confinement, job, &scratch).and_then(|spec| Ok((spec, start_outer(&launcher.helper, workspace)?)));
    let (spec, (mut child, stream)) = match started {
        Ok(started) => started,
        Err(error) => return confinement.start_failure(&error.to_string()),
    };
    let (mut reading, writing) = stream.into_split();
    let mut leash = Some(writing);
    let sent = timeout(GRACE, send(&spec, &mut leash)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
    // It comes within the time that its caller's own bounds allow, and may have been recorded by then.
    let is_allowed = start.await.is_ok();
    let sent = match (sent, is_allowed) {
        (Ok(()), true) => send(&Go, &mut leash).await,
        (Ok(()), false) => {
            drop(leash.take());
            Ok(())
        }
        (failed, _) => failed,
    };
    let mut output = Output::new(limits.output_bytes, masker);
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (report, why) = {
        let reader = output.read_both(&mut out, &mut err);
        tokio::pin!(reader);
        let ended = async {
            let mut text = Vec::new();
            let read = reading.read_to_end(&mut text).await;
            child.wait().await?;
            sent.and(read)?;
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
            why = cancellation.wait(job.timeout) => {
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
            Report { end: End::Lost(format!("the sandbox failed: {error}")), gaps: confinement.gaps().to_vec() }
        }
        None => Report { end: End::Killed, gaps: confinement.gaps().to_vec() },
    };
    if !is_allowed {
        return confinement.start_failure(NOT_ALLOWED);
    }
    shell_run(confinement, job, output, &report, why, scratch)
}

/// Builds the result from the report.
fn shell_run(
    confinement: &Confinement,
    job: &Job,
    mut output: Output<'_>,
    report: &Report,
    why: Option<CancelReason>,
    scratch: Scratch,
) -> ShellRun {
    let (last, exit, signal) = match (&report.end, why) {
        (End::NotStarted(error) | End::NoSetUp(error), _) => return confinement.start_failure(error),
        (End::Code(code), _) => (format!("[exit code {code}]"), Some(*code), None),
        (End::Signal(signal), _) => (format!("[killed by signal {signal}]"), None, Some(*signal)),
        (End::Unknown(why) | End::Lost(why), _) => (format!("[its end is not known: {why}]"), None, None),
        (End::Killed, why) => (why.map_or("[was killed]".into(), |why| why.end_line(job.timeout)), None, None),
    };
    let killed = matches!(report.end, End::Killed | End::Lost(_));
    let printed = output.stdout();
    let (text, truncated) = output.into_text(&last);
    let timed_out = killed && why == Some(CancelReason::Timeout);
    let outcome = ShellOutcome { text, printed, exit, started: true, timed_out, truncated };
    ShellRun {
        hints: confinement.hints(job, &outcome, signal),
        outcome,
        signal,
        killed,
        gaps: gap_labels(&report.gaps),
        may_have_reached_outside: can_reach_outside(&report.gaps, job),
        written: confinement.overlays(job).then_some(scratch),
    }
}

pub(super) fn spec(confinement: &Confinement, job: &Job, scratch: &Scratch) -> io::Result<Spec> {
    let overlay = confinement.overlays(job);
    Ok(Spec {
        programs: with_file(&job.programs, &scratch.temp())?,
        workspace: confinement.workspace().into(),
        hidden: confinement.hidden().iter().map(Into::into).collect(),
        read_only: job.read_only.iter().map(Into::into).collect(),
        temp: scratch.temp().into(),
        caches: scratch.caches().into(),
        overlay: overlay.then(|| match &job.layer {
            Some(layer) => OverlayDirs { upper: layer.upper().into(), work: layer.work().into() },
            None => OverlayDirs { upper: scratch.upper().into(), work: scratch.work().into() },
        }),
        namespaces: confinement.isolation() >= Isolation::Namespaces,
        network: job.network,
        local_sockets: job.local_sockets,
        variables: job.variables.clone(),
        streams: Streams::Pipes,
        writable: job.writable.iter().map(Into::into).collect(),
        visible: job.visible.iter().map(Into::into).collect(),
        ended: job.end_mark.as_ref().map(Into::into),
    })
}

fn start_outer(helper: &Path, workspace: &Path) -> io::Result<(Child, tokio::net::UnixStream)> {
    // The command holds the other end until it is dropped, and then only the outer process does.
    let (command, ours) = outer_command(helper, workspace)?;
    let child = tokio::process::Command::from(command).spawn()?;
    ours.set_nonblocking(true)?;
    Ok((child, tokio::net::UnixStream::from_std(ours)?))
}

pub(super) async fn send(what: &impl Serialize, to: &mut Option<OwnedWriteHalf>) -> io::Result<()> {
    match to {
        Some(to) => to.write_all(&line(what)?).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::confinement::ShellPaths;
    use super::*;

    #[test]
    fn a_command_whose_end_is_not_known_keeps_its_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (workspace, base) = (folder.path().join("work"), folder.path().join("scratch"));
        fs::create_dir(&workspace).unwrap();
        fs::create_dir(&base).unwrap();
        let launcher = Launcher { helper: "/bin/true".into(), scratch: base.clone() };
        let paths = ShellPaths { workspace, ..ShellPaths::default() };
        let confinement = Confinement::new(paths, Isolation::Overlay, Vec::new(), launcher);
        let job = Job::shell("true", Duration::from_secs(1));
        let result = |end| {
            let report = Report { end, gaps: Vec::new() };
            shell_run(
                &confinement,
                &job,
                Output::new(100, &Masker::default()),
                &report,
                None,
                Scratch::create(&base).unwrap(),
            )
        };
        let unknown = result(End::Unknown("failed to wait".into()));
        assert!(unknown.outcome.started && unknown.written.is_some(), "{unknown:?}");
        assert_eq!(
            (unknown.outcome.exit, unknown.outcome.text.as_str()),
            (None, "[its end is not known: failed to wait]")
        );
        let lost = result(End::Lost("the sandbox failed".into()));
        assert!(lost.outcome.started && lost.killed && !unknown.killed, "{lost:?}");
        assert!(!result(End::NotStarted("no such program".into())).outcome.started);
    }
}
