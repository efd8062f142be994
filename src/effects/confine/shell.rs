//! Runs commands in one workspace.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::output::{ShellLimits, ShellOutcome};
use super::spec::Gap;
use super::{Scratch, direct, probe, run};
use crate::model::{Lane, ShellMode};

/// The isolation of commands; each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolation {
    /// Nothing but a process group.
    Group,
    /// Landlock; processes are found and killed by their parents.
    Landlock,
    /// Namespaces.
    Namespaces,
    /// An overlay over the workspace.
    Overlay,
}

/// The folders of a shell.
#[derive(Debug, Clone, Default)]
pub struct ShellPaths {
    /// The workspace.
    pub workspace: PathBuf,
    /// Folders that commands must neither see nor write: the data folder.
    pub hidden: Vec<PathBuf>,
    /// The folder for held changes and temporary files of commands; `None`: the user's state folder, or the system's
    /// folder for temporary files.
    pub scratch: Option<PathBuf>,
}

/// Runs the commands of one workspace.
#[derive(Debug, Clone)]
pub struct Shell {
    pub(super) paths: ShellPaths,
    pub(super) isolation: Isolation,
    pub(super) gaps: Vec<Gap>,
    pub(super) refused: Vec<(Isolation, String)>,
    pub(super) helper: Option<PathBuf>,
}

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Programs with their arguments; the first that is found is run, in the workspace.
    pub programs: Vec<Vec<OsString>>,
    /// True when it may use the network.
    pub network: bool,
    /// The time after which it is killed.
    pub timeout: Duration,
    /// True when its writes to the workspace go to an overlay, where there is one ([`Shell::mode`]).
    pub overlay: bool,
    /// A file that is written every second while the command runs, and once when its last process is gone, even if
    /// this process is gone by then; locked until then. Changes after the file's time are by other programs or
    /// people. It is not written where commands run in a process group only.
    pub end_mark: Option<PathBuf>,
}

impl Job {
    /// A command for `bash`, or `sh` where there is none: no network, the overlay where there is one.
    pub fn shell(command: impl Into<OsString>, timeout: Duration) -> Self {
        let command = command.into();
        let programs = ["bash", "sh"].map(|shell| vec![shell.into(), "-c".into(), command.clone()]).into();
        Self { programs, network: false, timeout, overlay: true, end_mark: None }
    }
}

/// The result of a command; every process that it started is gone.
#[derive(Debug)]
#[must_use]
pub struct ShellRun {
    /// Its output and exit code.
    pub outcome: ShellOutcome,
    /// The signal that ended it, unless this program killed it.
    pub signal: Option<i32>,
    /// True when this program killed it: at its timeout, or because it was stopped.
    pub killed: bool,
    /// The gaps of its confinement, a few words each.
    pub gaps: Vec<String>,
    /// True when it could use the network or write outside of the workspace.
    pub may_have_reached_outside: bool,
    /// Its held changes, when it ran over an overlay ([`Scratch::upper`]); removed when dropped.
    pub written: Option<Scratch>,
}

impl Shell {
    /// Finds the strongest isolation of this system by running `true` (some 50 ms; blocks), and removes the scratch
    /// folders of dead processes.
    pub fn probe(paths: ShellPaths) -> Self {
        Self::probe_up_to(paths, Isolation::Overlay)
    }

    /// Does the same, and tries nothing stronger than `most`.
    pub fn probe_up_to(paths: ShellPaths, most: Isolation) -> Self {
        probe::probe(paths, most)
    }

    /// Runs commands in a process group only: probes nothing and enforces nothing.
    pub fn unconfined(workspace: impl Into<PathBuf>) -> Self {
        Self::unconfined_at(ShellPaths { workspace: workspace.into(), ..ShellPaths::default() })
    }

    pub(super) fn unconfined_at(paths: ShellPaths) -> Self {
        let mut gaps = vec![Gap::Network, Gap::WritesOutside, Gap::Background, Gap::Processes, Gap::Signals];
        if !paths.hidden.is_empty() {
            gaps.extend([Gap::DataRead, Gap::DataChanged]);
        }
        gaps.sort_unstable();
        Self { paths, isolation: Isolation::Group, gaps, refused: vec![], helper: None }
    }

    /// Returns the capture mode and the gaps, for the screen and for JSON.
    pub fn mode(&self) -> ShellMode {
        let lane = if self.isolation == Isolation::Overlay { Lane::Overlay } else { Lane::Portable };
        ShellMode { lane, gaps: gap_labels(&self.gaps) }
    }

    /// Returns the isolation of its commands.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Lists the promises that are not enforced.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Lists the isolation levels that failed, with the reasons.
    pub fn refused(&self) -> &[(Isolation, String)] {
        &self.refused
    }

    /// True when commands can't change the data folder. If they can, it should be outside of the workspace.
    pub fn keeps_data_safe(&self) -> bool {
        !self.gaps.contains(&Gap::DataChanged)
    }

    /// Returns the workspace.
    pub fn workspace(&self) -> &Path {
        &self.paths.workspace
    }

    /// Runs a command. When this returns, every process that it started is gone; dropping the future kills them.
    pub async fn run(&self, job: Job, limits: ShellLimits, stop: CancellationToken) -> ShellRun {
        let dropped = CancellationToken::new();
        let _guard = dropped.clone().drop_guard();
        let shell = self.clone();
        // A task of its own, so that it can end everything and clean up after this future is dropped.
        let task = tokio::spawn(async move {
            let cancellation = Cancellation { stop, dropped };
            match shell.helper.clone().zip(shell.paths.scratch.clone()) {
                Some((helper, scratch)) => run::run(&shell, &helper, &scratch, &job, limits, &cancellation).await,
                None => direct::run(&shell, &job, limits, &cancellation).await,
            }
        });
        task.await.unwrap_or_else(|error| self.start_failure(&error.to_string()))
    }

    pub(super) fn start_failure(&self, why: &str) -> ShellRun {
        let text = format!("[could not be started: {why}]");
        ShellRun {
            outcome: ShellOutcome {
                text,
                printed: String::new(),
                exit: None,
                started: false,
                timed_out: false,
                truncated: false,
            },
            signal: None,
            killed: false,
            gaps: gap_labels(&self.gaps),
            may_have_reached_outside: false,
            written: None,
        }
    }
}

/// Cancels a command before it ends on its own.
pub(super) struct Cancellation {
    stop: CancellationToken,
    dropped: CancellationToken,
}

/// The reason of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CancelReason {
    Timeout,
    Stopped,
}

impl Cancellation {
    /// Waits until the command has to end, at the latest for `timeout`.
    pub async fn wait(&self, timeout: Duration) -> CancelReason {
        tokio::select! {
            () = tokio::time::sleep(timeout) => CancelReason::Timeout,
            () = self.stop.cancelled() => CancelReason::Stopped,
            () = self.dropped.cancelled() => CancelReason::Stopped,
        }
    }
}

/// Returns the last line of the output of a cancelled command.
pub(super) fn end_line(why: CancelReason, timeout: Duration) -> String {
    match why {
        CancelReason::Timeout => format!("[timed out after {} s and was killed]", timeout.as_secs()),
        CancelReason::Stopped => "[was stopped]".into(),
    }
}

pub(super) fn gap_labels(gaps: &[Gap]) -> Vec<String> {
    gaps.iter().map(|gap| gap.label().to_owned()).collect()
}

/// True when a command with these gaps can change something outside of the workspace.
pub(super) fn can_reach_outside(gaps: &[Gap], network: bool) -> bool {
    let outside = [Gap::Network, Gap::LocalServices, Gap::WritesOutside, Gap::TruncatesOutside, Gap::Root, Gap::Mounts];
    network || gaps.iter().any(|gap| outside.contains(gap))
}
