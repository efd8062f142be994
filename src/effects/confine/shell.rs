//! How commands run in one workspace.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::output::{ShellLimits, ShellOutcome};
use super::spec::Gap;
use super::{Scratch, direct, probe, run};
use crate::model::{Lane, ShellMode};

/// What a confinement is made of, each including those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// Nothing but a process group.
    Group,
    /// Landlock, and chasing processes by their parents.
    Landlock,
    /// Namespaces.
    Namespaces,
    /// An overlay over the workspace.
    Overlay,
}

/// Where commands run.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The workspace.
    pub workspace: PathBuf,
    /// Folders that commands must neither see nor write: the data folder.
    pub hidden: Vec<PathBuf>,
    /// Where to keep what commands write until it lands, and their temporary files; `None`: the user's state folder,
    /// or the system's folder for temporary files.
    pub scratch: Option<PathBuf>,
}

/// Runs the commands of one workspace.
#[derive(Debug, Clone)]
pub struct Shell {
    pub(super) place: Place,
    pub(super) means: Means,
    pub(super) gaps: Vec<Gap>,
    pub(super) refused: Vec<(Means, String)>,
    pub(super) helper: Option<PathBuf>,
}

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Programs with their arguments; the first that is found is run, in the workspace.
    pub programs: Vec<Vec<OsString>>,
    /// Whether it may use the network.
    pub network: bool,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether its writes to the workspace go to an overlay, where there is one ([`Shell::mode`]).
    pub overlay: bool,
    /// A file that is written to every second while it runs, and when every process of it is gone, even if this one
    /// is gone by then; locked until then. So its time says from when on changes are someone else's. Nobody writes to
    /// it where commands run in a process group only.
    pub ended: Option<PathBuf>,
}

impl Job {
    /// A command for `bash`, or `sh` where there is none: no network, the overlay where there is one.
    pub fn shell(command: impl Into<OsString>, timeout: Duration) -> Self {
        let command = command.into();
        let programs = ["bash", "sh"].map(|shell| vec![shell.into(), "-c".into(), command.clone()]).into();
        Self { programs, network: false, timeout, overlay: true, ended: None }
    }
}

/// A command that ended: everything that it started is gone.
#[derive(Debug)]
#[must_use]
pub struct Ran {
    /// What it said, and how it ended.
    pub outcome: ShellOutcome,
    /// The signal it ended by, if not killed from here.
    pub signal: Option<i32>,
    /// Whether it did not end on its own: its time was up, or it was stopped.
    pub killed: bool,
    /// What was not enforced, a few words each.
    pub gaps: Vec<String>,
    /// Whether it could use the network or write outside of the workspace.
    pub may_have_reached_outside: bool,
    /// What it wrote, when it ran over an overlay ([`Scratch::upper`]); removed when dropped.
    pub written: Option<Scratch>,
}

impl Shell {
    /// Finds out what the system can do, by running `true` (some 50 ms; blocks), and removes what dead processes left
    /// behind.
    pub fn probe(place: Place) -> Self {
        Self::probe_up_to(place, Means::Overlay)
    }

    /// The same, trying no more than that.
    pub fn probe_up_to(place: Place, most: Means) -> Self {
        probe::probe(place, most)
    }

    /// Commands in a process group, as they are: nothing is probed, nothing is enforced.
    pub fn unconfined(workspace: impl Into<PathBuf>) -> Self {
        Self::bare(Place { workspace: workspace.into(), ..Place::default() })
    }

    pub(super) fn bare(place: Place) -> Self {
        let mut gaps = vec![Gap::Network, Gap::WritesOutside, Gap::Background, Gap::Processes, Gap::Signals];
        if !place.hidden.is_empty() {
            gaps.extend([Gap::DataRead, Gap::DataChanged]);
        }
        gaps.sort_unstable();
        Self { place, means: Means::Group, gaps, refused: vec![], helper: None }
    }

    /// The lane, and what is not enforced, for the screen and for JSON.
    pub fn mode(&self) -> ShellMode {
        let lane = if self.means == Means::Overlay { Lane::Overlay } else { Lane::Portable };
        ShellMode { lane, gaps: words(&self.gaps) }
    }

    /// What it is made of.
    pub fn means(&self) -> Means {
        self.means
    }

    /// What is not enforced.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// What was tried and can't be had, and why.
    pub fn refused(&self) -> &[(Means, String)] {
        &self.refused
    }

    /// Whether commands can't change the data folder, where it is. If they can, it should be outside of the workspace.
    pub fn keeps_data_safe(&self) -> bool {
        !self.gaps.contains(&Gap::DataChanged)
    }

    /// The workspace.
    pub fn workspace(&self) -> &Path {
        &self.place.workspace
    }

    /// Runs a command. When this returns, every process that it started is gone; when it is dropped, they are killed.
    pub async fn run(&self, job: Job, limits: ShellLimits, stop: CancellationToken) -> Ran {
        let dropped = CancellationToken::new();
        let _guard = dropped.clone().drop_guard();
        let shell = self.clone();
        // A task of its own, so that it can end everything and clean up after this future is dropped.
        let task = tokio::spawn(async move {
            let cut = Cut { stop, dropped };
            match shell.helper.clone().zip(shell.place.scratch.clone()) {
                Some((helper, scratch)) => run::run(&shell, &helper, &scratch, &job, limits, &cut).await,
                None => direct::run(&shell, &job, limits, &cut).await,
            }
        });
        task.await.unwrap_or_else(|error| self.not_started(&error.to_string()))
    }

    pub(super) fn not_started(&self, why: &str) -> Ran {
        let text = format!("[could not be started: {why}]");
        Ran {
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
            gaps: words(&self.gaps),
            may_have_reached_outside: false,
            written: None,
        }
    }
}

/// Whether it has to end before its time.
pub(super) struct Cut {
    stop: CancellationToken,
    dropped: CancellationToken,
}

/// Why it has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Timeout,
    Stopped,
}

impl Cut {
    /// Returns when it has to end.
    pub async fn cut(&self, timeout: Duration) -> Why {
        tokio::select! {
            () = tokio::time::sleep(timeout) => Why::Timeout,
            () = self.stop.cancelled() => Why::Stopped,
            () = self.dropped.cancelled() => Why::Stopped,
        }
    }
}

/// The last line of the output of a command that was killed from here.
pub(super) fn last_line(why: Why, timeout: Duration) -> String {
    match why {
        Why::Timeout => format!("[timed out after {} s and was killed]", timeout.as_secs()),
        Why::Stopped => "[was stopped]".into(),
    }
}

pub(super) fn words(gaps: &[Gap]) -> Vec<String> {
    gaps.iter().map(|gap| gap.words().to_owned()).collect()
}

/// Whether a command may have changed something that is not in the workspace.
pub(super) fn reaches_outside(gaps: &[Gap], network: bool) -> bool {
    let outside = [Gap::Network, Gap::LocalServices, Gap::WritesOutside, Gap::TruncatesOutside, Gap::Root, Gap::Mounts];
    network || gaps.iter().any(|gap| outside.contains(gap))
}
