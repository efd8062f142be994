//! Judges a try: reads how it ended, and runs the `[verify]` command over the workspace as the try left it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::dispatcher::Services;
use super::facts::Facts;
use super::standing::Standing;
use super::workspace_copy::copy_workspace;
use crate::effects::confine::{Job, Shell, ShellLimits, ShellPaths, ShellRun};
use crate::model::{CaptureMode, RunStatus, SpanId, TryVerdict};
use crate::pipeline::Verify;
use crate::store::RunLog;
use crate::world::Scope;

/// The longest line of a verdict, in characters.
const LINE: usize = 200;

/// A try to judge.
pub(in super::super) struct Judge {
    pub log: RunLog,
    pub services: Arc<Services>,
    /// The command; `None`: there is none, or it is not asked.
    pub verify: Option<Verify>,
    pub facts: Facts,
    /// The agents above the tried span.
    pub above: Vec<SpanId>,
    /// Ends the command.
    pub stop: CancellationToken,
}

/// A try that was judged.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Judged {
    /// The try, to have it stand again; the error says why it can't.
    pub standing: Result<Standing, String>,
    /// The error of the span, where the run has none.
    pub failure: Option<String>,
    pub verdict: TryVerdict,
}

impl Judge {
    /// Judges it.
    pub async fn run(self) -> Judged {
        let Self { log, services, verify, facts, above, stop } = self;
        let span_failed = facts.span.filter(|_| facts.span_failed && facts.failure.is_none());
        let standing = match facts.span {
            Some(span) => {
                Standing::read(&log, span, facts.spans, facts.actions, &above).await.map_err(|e| e.to_string())
            }
            None => Err("the run ended before it began".to_owned()),
        };
        let failure = match span_failed {
            Some(span) => Some(Standing::end_text(&log, span).await.unwrap_or_else(|| "the span failed".to_owned())),
            None => facts.failure,
        };
        let failed = facts.status != RunStatus::Ok;
        let verdict = match (verify, failed, &failure) {
            (None, ..) => TryVerdict::NotAsked,
            (Some(_), true, failure) => TryVerdict::Fail(first_line(failure.as_deref().unwrap_or(facts.status.name()))),
            (Some(verify), false, _) => ask(&services, &verify, stop).await,
        };
        Judged { standing, failure: failure.map(|text| first_line(&text)), verdict }
    }
}

/// Runs the command. Nothing that it changes stays: it writes to an overlay that is thrown away, or, where there is none,
/// runs in a copy of the workspace.
async fn ask(services: &Arc<Services>, verify: &Verify, stop: CancellationToken) -> TryVerdict {
    if let Err(error) = services.world.check_root() {
        return TryVerdict::Unknown(format!("failed to {error}"));
    }
    let _guard = services.world.lock(&Scope::All, "verify").await;
    let job = Job {
        programs: vec![verify.command.iter().map(Into::into).collect()],
        ..Job::shell("", Duration::from_secs(verify.timeout_seconds))
    };
    let shell = &services.commands.shell;
    let ran = if shell.mode().capture == CaptureMode::Overlay {
        shell.run(job, ShellLimits::default(), stop).await
    } else {
        match run_in_copy(services, job, stop).await {
            Ok(ran) => ran,
            Err(why) => return TryVerdict::Unknown(why),
        }
    };
    verdict(&ran, verify)
}

async fn run_in_copy(services: &Arc<Services>, job: Job, stop: CancellationToken) -> Result<ShellRun, String> {
    // Beside the data folder no more than other commands see.
    let data = services.commands.folders.as_ref().and_then(|folders| Some(folders.run.parent()?.parent()?.to_owned()));
    let root = services.world.root().to_owned();
    let masker = services.masker.clone();
    let made = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let copy = folder.path().join("workspace");
        copy_workspace(&root, &copy, data.as_deref()).map_err(|error| error.to_string())?;
        let hidden: Vec<PathBuf> = data.into_iter().collect();
        let paths = ShellPaths { workspace: copy, hidden, scratch: None };
        Ok::<_, String>((folder, Shell::probe_up_to(paths, crate::effects::confine::Isolation::Namespaces)))
    });
    let made = made.await.unwrap_or_else(|error| Err(error.to_string()));
    let (folder, shell) = made.map_err(|why| format!("failed to copy the workspace for it: {why}"))?;
    let ran = shell.masked_by(masker).run(Job { overlay: false, ..job }, ShellLimits::default(), stop).await;
    // Thousands of files are removed beside the loop.
    tokio::task::spawn_blocking(move || drop(folder));
    Ok(ran)
}

fn verdict(ran: &ShellRun, verify: &Verify) -> TryVerdict {
    let outcome = &ran.outcome;
    let last = last_output(&outcome.text);
    let with_last = |why: String| match &last {
        Some(line) => format!("{why}: {line}"),
        None => why,
    };
    match outcome.exit {
        _ if !outcome.started => TryVerdict::Unknown(with_last("it could not be run".to_owned())),
        _ if outcome.timed_out => {
            TryVerdict::Unknown(with_last(format!("it took more than {} s", verify.timeout_seconds)))
        }
        _ if ran.killed => TryVerdict::Unknown("it was cancelled".to_owned()),
        Some(0) => TryVerdict::Pass,
        Some(code) => TryVerdict::Fail(last.unwrap_or_else(|| format!("exit {code}"))),
        None => TryVerdict::Unknown(with_last("it did not come to its end".to_owned())),
    }
}

/// The last line of output that is not empty; the shell adds one about the end.
fn last_output(text: &str) -> Option<String> {
    let mut lines = text.lines().rev().map(str::trim).filter(|line| !line.is_empty()).peekable();
    lines.next_if(|line| line.starts_with('[') && line.ends_with(']'));
    lines.next().map(shortened)
}

fn first_line(text: &str) -> String {
    shortened(text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default())
}

fn shortened(line: &str) -> String {
    let short: String = line.chars().take(LINE).collect();
    if short.len() == line.len() { short } else { format!("{short}…") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::confine::ShellOutcome;

    fn ran(text: &str, exit: Option<i32>) -> ShellRun {
        let printed = text.to_owned();
        let outcome =
            ShellOutcome { text: text.into(), printed, exit, started: true, timed_out: false, truncated: false };
        ShellRun {
            outcome,
            signal: None,
            killed: false,
            gaps: Vec::new(),
            hints: Vec::new(),
            may_have_reached_outside: false,
            written: None,
        }
    }

    #[test]
    fn only_exit_code_0_passes_and_a_failure_is_named_by_its_last_line() {
        let verify = Verify { command: vec!["./check.sh".into()], timeout_seconds: 9 };
        let of = |ran: &ShellRun| verdict(ran, &verify);
        assert_eq!(of(&ran("fine\n[exit code 0]", Some(0))), TryVerdict::Pass);
        assert_eq!(of(&ran("a\n2 tests failed\n\n[exit code 1]", Some(1))), TryVerdict::Fail("2 tests failed".into()));
        assert_eq!(of(&ran("[exit code 3]", Some(3))), TryVerdict::Fail("exit 3".into()));
        let mut slow = ran("waiting\n[timed out after 9 s and was killed]", None);
        (slow.outcome.timed_out, slow.killed) = (true, true);
        assert_eq!(of(&slow), TryVerdict::Unknown("it took more than 9 s: waiting".into()));
        let mut gone = ran("failed to start\n[no such file]", None);
        gone.outcome.started = false;
        assert_eq!(of(&gone), TryVerdict::Unknown("it could not be run: failed to start".into()));
    }
}
