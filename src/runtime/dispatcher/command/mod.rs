//! Commands: run confined, and what they changed in the workspace recorded as actions.
//!
//! `overlay`: the command writes beside the workspace, and its changes land afterwards, if the user lets them.
//! `portable`: the command has the workspace alone, which is compared with a snapshot of before.

mod fence;
mod gate;
mod landing;
mod overlay;
mod portable;

use std::path::PathBuf;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

pub(in super::super) use gate::{CaptureGate, Verdict};

use super::super::ask::Failure;
use super::Means;
use super::exec::{Done, ToolRun};
use crate::effects::confine::{Job, Ran, Shell};
use crate::effects::tools::{ShellCall, ShellLimits};
use crate::model::{
    ActionChange, ActionEvent, BlobHash, CommandStart, EffectClass, KeyState, Lane, Seq, ToolCall, TraceBody,
    readable_name,
};
use crate::rollback::capture::{Changed, Rules, Snapshots};
use crate::rollback::{ActError, command_started, outside};
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

impl Means {
    /// What a call does to the world here: a command can be undone only where it is confined.
    pub(in super::super) fn effect_of(&self, call: &ToolCall) -> EffectClass {
        let Some(tool) = self.tools.get(&call.name) else { return EffectClass::Read };
        let confined = self.commands.shell.mode().gaps.is_empty();
        match tool.effect() {
            EffectClass::Reversible if tool.is_command() && !confined => EffectClass::Irreversible,
            effect => effect,
        }
    }
}

/// A command that is on record as started.
struct Started {
    /// The seq of its start.
    command: Seq,
    /// The action that stands for what it may do outside of the workspace.
    outside: Option<Seq>,
}

impl ToolRun {
    /// Runs a command, and records what it changed.
    pub(in super::super) async fn run_command(&self, call: ShellCall) -> Done {
        let commands = &self.means.commands;
        let done = match (&commands.places, commands.shell.mode().lane) {
            (None, _) => return self.run_unrecorded(&call).await,
            (Some(places), Lane::Overlay) => self.run_overlay(&call, places).await,
            (Some(places), Lane::Portable) => self.run_portable(&call, places).await,
        };
        done.unwrap_or_else(|error| Done::Broken(Failure::new(format!("failed to {error}"))))
    }

    /// Nothing is recorded, so nothing is looked for either.
    async fn run_unrecorded(&self, call: &ShellCall) -> Done {
        let Some(_guard) = self.lock_unless_stopped(Scope::Shell).await else { return stopped() };
        let ran = self.execute(call, false).await;
        answer(&ran, None)
    }

    async fn execute(&self, call: &ShellCall, overlay: bool) -> Ran {
        let job = Job { overlay, ..call.job() };
        self.means.commands.shell.run(job, ShellLimits::default(), self.stop.clone()).await
    }

    /// Puts the command on record, with what it may do outside of the workspace.
    async fn start(&self, call: &ShellCall, snapshot: Option<BlobHash>) -> Result<Started, ActError> {
        let mode = self.means.commands.shell.mode();
        let command = self.means.masker.mask(&call.program.to_string()).into_owned();
        let start = CommandStart {
            span: self.doer.tool_span,
            command: command.clone(),
            lane: mode.lane,
            snapshot,
            gaps: mode.gaps,
        };
        let outside = self.outside(call).map(|why| outside(&self.doer, &command, why));
        let (command, outside) = command_started(&self.log, start, outside).await?;
        Ok(Started { command, outside })
    }

    /// Why something of the command may be outside of what is captured.
    fn outside(&self, call: &ShellCall) -> Option<String> {
        let gaps = self.means.commands.shell.mode().gaps;
        match (call.network, gaps.is_empty()) {
            (true, _) => Some("may have reached outside: it has the network".into()),
            (false, false) => Some(format!("may have reached outside; not enforced here: {}", gaps.join(", "))),
            (false, true) => None,
        }
    }

    /// The command ran, or could not be started and so did nothing outside.
    fn outside_ended(&self, started: &Started, ran: &Ran) {
        let Some(action) = started.outside else { return };
        let change = if ran.outcome.started {
            ActionChange::Applied { after: KeyState::Unknown }
        } else {
            ActionChange::Failed { error: ran.outcome.text.clone() }
        };
        self.log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change })]);
    }

    /// Waits for something, or until the call is stopped.
    async fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        unless(&self.stop, wait).await
    }
}

async fn unless<T>(stop: &CancellationToken, wait: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        done = wait => Some(done),
    }
}

/// What the model gets; `more` is said of its changes.
fn answer(ran: &Ran, more: Option<&str>) -> Done {
    let outcome = &ran.outcome;
    let text = more.map_or_else(|| outcome.text.clone(), |more| format!("{}\n[{more}]", outcome.text));
    // A command's own exit code is an answer, not a fault.
    Done::Tool { text, fault: outcome.timed_out || !outcome.started }
}

/// Which changes can't be undone, and why; told to the model and shown with the result.
fn left_out(changes: &[Changed]) -> Option<String> {
    const TOLD: usize = 3;
    let lost: Vec<String> = changes
        .iter()
        .filter_map(|changed| Some(format!("{} ({})", readable_name(&changed.path), changed.left_out.as_ref()?)))
        .collect();
    let more = lost.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let told = lost.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
    (!lost.is_empty()).then(|| format!("can't be undone: {told}{more}"))
}

/// The call was stopped before anything of it happened; nobody reads this.
fn stopped() -> Done {
    Done::Tool { text: "[stopped]".into(), fault: true }
}
