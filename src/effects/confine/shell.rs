//! Runs commands in one workspace.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::agent::{AgentProgram, TerminalSize};
use super::cancellation::Cancellation;
use super::confinement::{Confinement, Isolation, ShellPaths, gap_labels};
use super::gap::Gap;
use super::job::{Job, ShellRun};
use super::layer::LayerFolder;
use super::output::ShellLimits;
use super::serve::{self, Service, ServicePipes};
use super::{direct, probe, run};
use crate::effects::mask::Masker;
use crate::model::{CaptureMode, ShellMode};

/// Why a command was not started whose caller gave up.
pub(super) const NOT_ALLOWED: &str = "it was given up before";

/// Runs the commands of one workspace.
#[derive(Debug, Clone)]
pub struct Shell {
    confinement: Confinement,
    masker: Arc<Masker>,
}

impl Shell {
    /// Finds the strongest isolation of this system by running `true` (some 50 ms; blocks), and removes the scratch
    /// folders of dead processes.
    pub fn probe(paths: ShellPaths) -> Self {
        Self::probe_up_to(paths, Isolation::Overlay)
    }

    /// Does the same, and tries nothing stronger than `most`.
    pub fn probe_up_to(paths: ShellPaths, most: Isolation) -> Self {
        Self { confinement: probe::probe(paths, most), masker: Arc::default() }
    }

    /// Runs commands in a process group only: probes nothing and enforces nothing.
    pub fn unconfined(workspace: impl Into<PathBuf>) -> Self {
        let paths = ShellPaths { workspace: workspace.into(), ..ShellPaths::default() };
        Self { confinement: Confinement::none(paths), masker: Arc::default() }
    }

    /// Masks these secrets in the output of its commands.
    #[must_use]
    pub fn masked_by(self, masker: Arc<Masker>) -> Self {
        Self { masker, ..self }
    }

    /// Returns the capture mode and the gaps, for the screen and for JSON.
    pub fn mode(&self) -> ShellMode {
        let capture = if self.isolation() == Isolation::Overlay { CaptureMode::Overlay } else { CaptureMode::Snapshot };
        ShellMode { capture, gaps: gap_labels(self.gaps()) }
    }

    /// Returns the isolation of its commands.
    pub fn isolation(&self) -> Isolation {
        self.confinement.isolation()
    }

    /// Lists the promises that are not enforced.
    pub fn gaps(&self) -> &[Gap] {
        self.confinement.gaps()
    }

    /// Lists the isolation levels that failed, with the reasons.
    pub fn refused(&self) -> &[(Isolation, String)] {
        self.confinement.refused()
    }

    /// True when commands can't change the data folder. If they can, it should be outside of the workspace.
    pub fn keeps_data_safe(&self) -> bool {
        !self.gaps().contains(&Gap::DataChanged)
    }

    /// Returns the workspace.
    pub fn workspace(&self) -> &Path {
        self.confinement.workspace()
    }

    /// Starts a program that serves over its standard input and output, and writes directly to the workspace. It runs
    /// until it is dropped, whatever the job's time.
    ///
    /// # Errors
    /// When it could not be started; the text says why.
    pub async fn serve(&self, job: Job) -> Result<(Service, ServicePipes), String> {
        serve::serve(&self.confinement, &job).await
    }

    /// Starts an agent of another program, with a terminal of that size or without one. It writes directly to the
    /// workspace, and runs until it ends or is dropped, whatever the job's time.
    ///
    /// # Errors
    /// When it could not be started; the text says why.
    pub async fn start_agent(&self, job: &Job, size: Option<TerminalSize>) -> Result<AgentProgram, String> {
        AgentProgram::start(&self.confinement, job, size).await
    }

    /// Makes a layer that takes what an agent of a run writes to the workspace, and lasts. `folder`: the run's.
    ///
    /// # Errors
    /// When there can be no overlay over the workspace here; the text says why.
    pub fn make_layer(&self, run: &str, folder: &Path) -> Result<LayerFolder, String> {
        self.check_overlay()?;
        let launcher = self.confinement.launcher().ok_or_else(|| self.why_no_overlay())?;
        let made = LayerFolder::create(&launcher.scratch, self.confinement.paths(), run, folder);
        made.map_err(|error| format!("failed to make a folder for held changes: {error}"))
    }

    /// Checks that there can be an overlay over the workspace.
    ///
    /// # Errors
    /// When there can't; the text says why.
    pub fn check_overlay(&self) -> Result<(), String> {
        if self.isolation() == Isolation::Overlay { Ok(()) } else { Err(self.why_no_overlay()) }
    }

    /// Says why there is no overlay over the workspace.
    fn why_no_overlay(&self) -> String {
        let refused = self.confinement.refused().iter().find(|(level, _)| *level == Isolation::Overlay);
        refused.map_or_else(
            || "there is no folder apart from it for what is written, or this system has none".to_owned(),
            |(_, why)| why.clone(),
        )
    }

    /// Runs a command. When this returns, every process that it started is gone; dropping the future kills them.
    pub async fn run(&self, job: Job, limits: ShellLimits, stop: CancellationToken) -> ShellRun {
        let (allow, start) = oneshot::channel();
        // The receiver is here.
        let _ = allow.send(());
        self.run_when(job, limits, stop, start).await
    }

    /// Does the same, and makes the confinement meanwhile, but starts the command only once something is sent to
    /// `start`. When its sender is dropped, the command is not started.
    pub async fn run_when(
        &self,
        job: Job,
        limits: ShellLimits,
        stop: CancellationToken,
        start: oneshot::Receiver<()>,
    ) -> ShellRun {
        let dropped = CancellationToken::new();
        let _guard = dropped.clone().drop_guard();
        let (confinement, masker) = (self.confinement.clone(), self.masker.clone());
        // A task of its own, so that it can end everything and clean up after this future is dropped.
        let task = tokio::spawn(async move {
            let cancellation = Cancellation::new(stop, dropped);
            match confinement.launcher() {
                Some(launcher) => {
                    let sandbox = (&confinement, launcher);
                    run::run(sandbox, &job, limits, &masker, &cancellation, start).await
                }
                None if start.await.is_err() => confinement.start_failure(NOT_ALLOWED),
                None => direct::run(&confinement, &job, limits, &masker, &cancellation).await,
            }
        });
        task.await.unwrap_or_else(|error| self.confinement.start_failure(&error.to_string()))
    }
}
