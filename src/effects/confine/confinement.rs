//! The confinement of one workspace's commands.

use std::path::{Path, PathBuf};

use super::gap::Gap;
use super::helper::helper;
use super::hints::Failure;
use super::job::{Job, ShellRun};
use super::output::ShellOutcome;

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

/// The confinement that commands of a workspace run in.
#[derive(Debug, Clone)]
pub(super) struct Confinement {
    paths: ShellPaths,
    isolation: Isolation,
    gaps: Vec<Gap>,
    refused: Vec<(Isolation, String)>,
    launcher: Option<Launcher>,
}

/// The paths that a confined command needs beside its workspace.
#[derive(Debug, Clone)]
pub(super) struct Launcher {
    /// This program's own file, which runs as the outer process.
    pub helper: PathBuf,
    /// The parent of scratch folders.
    pub scratch: PathBuf,
}

impl Confinement {
    /// Confines commands with `isolation`, except for `gaps`.
    pub fn new(paths: ShellPaths, isolation: Isolation, gaps: Vec<Gap>, launcher: Launcher) -> Self {
        Self { paths, isolation, gaps, refused: vec![], launcher: Some(launcher) }
    }

    /// Runs commands in a process group only.
    pub fn none(paths: ShellPaths) -> Self {
        let mut gaps = vec![
            Gap::Network,
            Gap::LocalServices,
            Gap::WritesOutside,
            Gap::MetadataOutside,
            Gap::SystemCalls,
            Gap::Background,
            Gap::Processes,
            Gap::Signals,
        ];
        if helper().is_none() {
            gaps.push(Gap::Terminal);
        }
        if !paths.hidden.is_empty() {
            gaps.extend([Gap::DataRead, Gap::DataChanged]);
        }
        gaps.sort_unstable();
        Self { paths, isolation: Isolation::Group, gaps, refused: vec![], launcher: None }
    }

    /// Records the levels that failed, with the reasons.
    pub fn with_refused(self, refused: Vec<(Isolation, String)>) -> Self {
        Self { refused, ..self }
    }

    /// Returns the workspace.
    pub fn workspace(&self) -> &Path {
        &self.paths.workspace
    }

    /// Returns the folders.
    pub fn paths(&self) -> &ShellPaths {
        &self.paths
    }

    /// Lists the hidden folders.
    pub fn hidden(&self) -> &[PathBuf] {
        &self.paths.hidden
    }

    /// Returns the isolation of commands.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Lists the promises that are not enforced.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Lists the levels that failed, with the reasons.
    pub fn refused(&self) -> &[(Isolation, String)] {
        &self.refused
    }

    /// Returns the launcher; `None` when commands run in a process group only.
    pub fn launcher(&self) -> Option<&Launcher> {
        self.launcher.as_ref()
    }

    /// True when a command's writes to the workspace go to an overlay.
    pub fn overlays(&self, job: &Job) -> bool {
        job.overlay && self.isolation == Isolation::Overlay
    }

    /// Lists the hints for a command that ended.
    pub fn hints(&self, job: &Job, outcome: &ShellOutcome, signal: Option<i32>) -> Vec<String> {
        let (isolation, overlay, workspace) = (self.isolation, self.overlays(job), self.workspace());
        Failure { isolation, overlay, workspace, job, text: &outcome.text, exit: outcome.exit, signal }.hints()
    }

    /// Builds the result of a command that failed to start.
    pub fn start_failure(&self, why: &str) -> ShellRun {
        let text = format!("[failed to start: {why}]");
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
            hints: vec![],
            may_have_reached_outside: false,
            written: None,
        }
    }
}

/// Returns a few words for each gap.
pub(super) fn gap_labels(gaps: &[Gap]) -> Vec<String> {
    gaps.iter().map(|gap| gap.label().to_owned()).collect()
}

/// True when a command with these gaps can change something outside of the workspace.
pub(super) fn can_reach_outside(gaps: &[Gap], job: &Job) -> bool {
    job.network || job.local_sockets || gaps.iter().any(|gap| gap.reaches_outside())
}
