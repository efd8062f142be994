//! Commands of tools: they run confined, and their changes of the workspace are recorded as actions. There are two ways
//! to find the changes:
//!
//! - `overlay`: the command writes beside the workspace. Its changes are applied afterwards, unless the user discards
//!   them.
//! - `snapshot`: the command writes to the workspace, which is compared with a snapshot of before. No other command
//!   runs meanwhile.

mod apply;
mod gate;
mod outside;
mod overlay;
mod own_tool;
mod program;
mod reviewed;
mod server;
mod snapshot;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, oneshot};

pub(in super::super) use gate::{CaptureGate, ChangesDecision, ChangesFacts};

use super::exec::{Done, ToolRun, fault};
use super::open_files::OpenLook;
use crate::effects::confine::{Job, Shell, ShellRun};
use crate::effects::tools::{ShellCall, ShellLimits, ToolError};
use crate::model::{
    ActionRecord, BlobHash, CaptureMode, CommandStart, EffectClass, EndCause, Seq, first_names, readable_name,
};
use crate::rollback::capture::{Changed, Rules, Snapshots};
use crate::rollback::{ActError, record_command_start};
use crate::runtime::review::Review;
use crate::world::Scope;

/// Everything that commands of a run need: the shell, the rules of capture, and the folders for snapshots.
pub struct Commands {
    /// Runs them confined.
    pub shell: Shell,
    /// The paths that capture leaves out.
    pub rules: Rules,
    /// The shared store of snapshots and the run's folder; `None`: nothing is recorded.
    pub folders: Option<SnapshotFolders>,
    /// The snapshots of the workspace; opened for the first command that needs one.
    pub snapshots: Mutex<Option<Snapshots>>,
    /// The layer of an agent whose changes are held; `None`: nothing is held for review.
    pub review: Option<Arc<Review>>,
}

/// Folders for snapshots.
#[derive(Debug, Clone)]
pub struct SnapshotFolders {
    /// The shared store, a cache.
    pub store: PathBuf,
    /// The run's folder.
    pub run: PathBuf,
}

/// A command whose start is recorded.
struct Started {
    /// The seq of its start.
    command: Seq,
    /// The action for its effects outside of the workspace, if it may have any.
    outside: Option<Seq>,
}

/// The reason why a command has no result.
enum NotRun {
    /// The command that runs before it failed. The model gets this error.
    Before(ToolError),
    /// Its start, or its changes, could not be recorded.
    Act(ActError),
}

impl From<ActError> for NotRun {
    fn from(error: ActError) -> Self {
        Self::Act(error)
    }
}

impl ToolRun {
    /// Runs a command, and records its changes.
    pub(in super::super) async fn run_command(&self, call: ShellCall, effect: EffectClass) -> Done {
        let commands = &self.services.commands;
        if let Err(error) = self.services.world.check_root() {
            return fault(&ToolError(format!("the command was not run: failed to {error}")));
        }
        let done = match (&commands.folders, commands.shell.mode().capture) {
            (None, _) => return self.run_unrecorded(&call).await,
            (Some(folders), CaptureMode::Overlay) => match self.may_use_overlay().await {
                Ok(true) => self.run_overlay(&call, effect, folders).await,
                Ok(false) => self.run_snapshot(&call, effect, folders).await,
                Err(error) => Err(error),
            },
            (Some(folders), CaptureMode::Snapshot) => self.run_snapshot(&call, effect, folders).await,
        };
        done.unwrap_or_else(|not_run| match not_run {
            NotRun::Before(error) => fault(&error),
            NotRun::Act(error) => Done::from_error(&error),
        })
    }

    /// False when programs have files of the workspace open, and the user allowed the command to run directly in it.
    async fn may_use_overlay(&self) -> Result<bool, NotRun> {
        if self.open.as_ref().is_some_and(|look| look.found().is_some()) {
            return Ok(false);
        }
        // A command that waited for long, or for one that runs directly in the workspace, is looked at again.
        let is_old = self.open.as_ref().is_none_or(OpenLook::is_old);
        let is_taken = self.services.world.try_lock(&Scope::Files, "look").is_none();
        if !is_old && !is_taken {
            return Ok(true);
        }
        let Some(guard) = self.lock_unless_stopped(&Scope::Files).await else { return Ok(true) };
        let services = self.services.clone();
        let look = tokio::task::spawn_blocking(move || OpenLook::run(&services)).await;
        drop(guard);
        match look.ok().as_ref().and_then(OpenLook::found) {
            None => Ok(true),
            Some(found) => {
                Err(NotRun::Before(ToolError(format!("it was not run: {found} since just now; call it again"))))
            }
        }
    }

    /// Runs a command of a run that is not recorded: its changes are not looked for.
    async fn run_unrecorded(&self, call: &ShellCall) -> Done {
        let Some(_guard) = self.lock_unless_stopped(&Scope::Shell).await else { return stopped() };
        let ran = self.execute(Job { overlay: false, ..call.job() }).await;
        answer(&ran, None)
    }

    async fn execute(&self, job: Job) -> ShellRun {
        self.services.commands.shell.run(job, ShellLimits::default(), self.stop.clone()).await
    }

    /// Makes the confinement of a command while `before` is done, and runs it if that succeeds.
    async fn execute_after<T>(
        &self,
        job: Job,
        before: impl Future<Output = Result<T, NotRun>>,
    ) -> Result<(T, ShellRun), NotRun> {
        let (allow, start) = oneshot::channel();
        let ran = self.services.commands.shell.run_when(job, ShellLimits::default(), self.stop.clone(), start);
        let before = async {
            let done = before.await?;
            // The receiver is dropped only when the confinement could not be made, which the result says.
            let _ = allow.send(());
            Ok::<T, NotRun>(done)
        };
        let (ran, done) = tokio::join!(ran, before);
        Ok((done?, ran))
    }

    /// Formats the command for people, with secrets masked.
    fn line(&self, call: &ShellCall) -> String {
        self.services.masker.mask(&call.program.to_string()).into_owned()
    }

    /// Records the start of the command, and the action for its effects outside of the workspace.
    async fn start(
        &self,
        call: &ShellCall,
        outside: Option<ActionRecord>,
        snapshot: Option<BlobHash>,
    ) -> Result<Started, NotRun> {
        self.start_line(self.line(call), outside, snapshot).await
    }

    /// Does the same for a command that is written like this.
    async fn start_line(
        &self,
        command: String,
        outside: Option<ActionRecord>,
        snapshot: Option<BlobHash>,
    ) -> Result<Started, NotRun> {
        let mode = self.services.commands.shell.mode();
        // A command beside open files runs directly in the workspace, whatever the others do.
        let capture = if snapshot.is_some() { CaptureMode::Snapshot } else { mode.capture };
        let start = CommandStart { span: self.origin.tool_span, command, capture, snapshot, gaps: mode.gaps };
        let (command, outside) = record_command_start(&self.log, start, outside).await?;
        Ok(Started { command, outside })
    }

    /// Waits for a future; `None`: the call was stopped before.
    async fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            done = wait => Some(done),
        }
    }
}

/// Builds the result for the model: the output, hints, and `more`, a remark on the changes.
fn answer(ran: &ShellRun, more: Option<&str>) -> Done {
    let outcome = &ran.outcome;
    let remarks = ran.hints.iter().map(String::as_str).chain(more);
    let text = remarks.fold(outcome.text.clone(), |text, remark| format!("{text}\n[{remark}]"));
    // The model gets an exit code as a result, not as a fault of the tool; people see a failed call.
    let cause = outcome.exit.filter(|code| *code != 0).map(|code| EndCause::Exit { code });
    let is_unknown = outcome.exit.is_none() && ran.signal.is_none() && !ran.killed;
    Done::Tool { text, fault: outcome.timed_out || !outcome.started || is_unknown, cause }
}

/// Lists the changes that can't be undone, with the reasons; part of the result.
fn left_out(changes: &[Changed]) -> Option<String> {
    const NAMED: usize = 3;
    let lost: Vec<String> = changes
        .iter()
        .filter_map(|changed| Some(format!("{} ({})", readable_name(&changed.path), changed.left_out.as_ref()?)))
        .collect();
    (!lost.is_empty()).then(|| format!("no undo: {}", first_names(&lost, NAMED)))
}

/// The result of a call that was stopped before it started; nobody reads it.
fn stopped() -> Done {
    Done::Tool { text: "[stopped]".into(), fault: true, cause: None }
}
