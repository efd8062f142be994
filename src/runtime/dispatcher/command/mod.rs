//! Commands: run confined, and what they changed in the workspace recorded as actions.
//!
//! `overlay`: the command writes beside the workspace, and its changes are applied afterwards, if the user lets them.
//! `portable`: the command has the workspace alone, which is compared with a snapshot of before.

mod apply;
mod fence;
mod gate;
mod outside;
mod overlay;
mod portable;

use std::path::PathBuf;

use tokio::sync::Mutex;

pub(in super::super) use gate::{CaptureGate, ChangesDecision};

use super::super::ask::Failure;
use super::exec::{Done, ToolRun, fault};
use crate::effects::confine::{Job, Shell, ShellRun};
use crate::effects::tools::{ShellCall, ShellLimits, ToolError};
use crate::model::{
    ActionRecord, BlobHash, CommandStart, EffectClass, EndCause, Lane, Seq, first_names, readable_name,
};
use crate::rollback::capture::{Changed, Rules, Snapshots};
use crate::rollback::{ActError, record_command_start};
use crate::world::Scope;

/// How a run's commands run, and where what is needed to undo them is kept meanwhile.
pub struct Commands {
    /// Runs them confined.
    pub shell: Shell,
    /// What is left out of capture.
    pub rules: Rules,
    /// The shared store of snapshots and the run's folder; `None`: nothing is recorded.
    pub places: Option<Places>,
    /// The workspace's snapshots, made for the first command of the portable lane.
    pub snapshots: Mutex<Option<Snapshots>>,
}

/// Folders of the portable lane.
#[derive(Debug, Clone)]
pub struct Places {
    /// The shared store, a cache.
    pub store: PathBuf,
    /// The run's folder.
    pub run: PathBuf,
}

/// A command that is on record as started.
struct Started {
    /// The seq of its start.
    command: Seq,
    /// The action that stands for what it may do outside of the workspace.
    outside: Option<Seq>,
}

/// Why a command did not get so far.
enum NotRun {
    /// What has to run before it failed; the model is told.
    Before(ToolError),
    /// It could not be recorded, or what it changed could not be.
    Act(ActError),
}

impl From<ActError> for NotRun {
    fn from(error: ActError) -> Self {
        Self::Act(error)
    }
}

impl ToolRun {
    /// Runs a command, and records what it changed.
    pub(in super::super) async fn run_command(&self, call: ShellCall, effect: EffectClass) -> Done {
        let commands = &self.services.commands;
        let done = match (&commands.places, commands.shell.mode().lane) {
            (None, _) => return self.run_unrecorded(&call).await,
            (Some(places), Lane::Overlay) => self.run_overlay(&call, effect, places).await,
            (Some(places), Lane::Portable) => self.run_portable(&call, effect, places).await,
        };
        done.unwrap_or_else(|not_run| match not_run {
            NotRun::Before(error) => fault(&error),
            NotRun::Act(error) => Done::NotRecorded(Failure::new(format!("failed to {error}"))),
        })
    }

    /// Nothing is recorded, so nothing is looked for either.
    async fn run_unrecorded(&self, call: &ShellCall) -> Done {
        let Some(_guard) = self.lock_unless_stopped(Scope::Shell).await else { return stopped() };
        let ran = self.execute(Job { overlay: false, ..call.job() }).await;
        answer(&ran, None)
    }

    async fn execute(&self, job: Job) -> ShellRun {
        self.services.commands.shell.run(job, ShellLimits::default(), self.stop.clone()).await
    }

    /// The command as it is shown.
    fn line(&self, call: &ShellCall) -> String {
        self.services.masker.mask(&call.program.to_string()).into_owned()
    }

    /// Puts the command on record, with what it may do outside of the workspace.
    async fn start(
        &self,
        call: &ShellCall,
        outside: Option<ActionRecord>,
        snapshot: Option<BlobHash>,
    ) -> Result<Started, NotRun> {
        let mode = self.services.commands.shell.mode();
        let command = self.line(call);
        let start = CommandStart { span: self.origin.tool_span, command, lane: mode.lane, snapshot, gaps: mode.gaps };
        let (command, outside) = record_command_start(&self.log, start, outside).await?;
        Ok(Started { command, outside })
    }

    /// Waits for something, or until the call is stopped.
    async fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            done = wait => Some(done),
        }
    }
}

/// What the model gets; `more` is said of its changes.
fn answer(ran: &ShellRun, more: Option<&str>) -> Done {
    let outcome = &ran.outcome;
    let text = more.map_or_else(|| outcome.text.clone(), |more| format!("{}\n[{more}]", outcome.text));
    // A command's own exit code is an answer to the model, not a fault; people see a failure.
    let cause = outcome.exit.filter(|code| *code != 0).map(|code| EndCause::Exit { code });
    let is_unknown = outcome.exit.is_none() && ran.signal.is_none() && !ran.killed;
    Done::Tool { text, fault: outcome.timed_out || !outcome.started || is_unknown, cause }
}

/// Which changes can't be undone, and why; told to the model and shown with the result.
fn left_out(changes: &[Changed]) -> Option<String> {
    const TOLD: usize = 3;
    let lost: Vec<String> = changes
        .iter()
        .filter_map(|changed| Some(format!("{} ({})", readable_name(&changed.path), changed.left_out.as_ref()?)))
        .collect();
    (!lost.is_empty()).then(|| format!("no undo: {}", first_names(&lost, TOLD)))
}

/// The call was stopped before anything of it happened; nobody reads this.
fn stopped() -> Done {
    Done::Tool { text: "[stopped]".into(), fault: true, cause: None }
}
