//! The dispatcher: one task that owns the state of a run. Everything that happens arrives as one [`Incoming`]; the
//! handlers decide and start tasks; nothing else changes the run.
//!
//! Effects in flight belong to the dispatcher; pattern code only awaits them by path. So pattern code can be dropped
//! and run again from the journal at any moment, and finds again what is still under way.

mod approvals;
mod asks;
mod calls;
pub(super) mod command;
mod denial;
mod diff;
mod diverged;
#[cfg(test)]
mod diverged_tests;
pub(super) mod edit;
mod exec;
mod inspect;
mod lifecycle;
mod own_files;
pub(super) mod pending_call;
mod release;
mod retry;
mod reversal;
mod subjects;
mod tools;
mod undo;
mod write_back;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use command::{CaptureGate, Commands};
pub(super) use exec::Done;
pub(super) use lifecycle::end_live;
use pending_call::PendingCall;
pub(super) use reversal::{Reversal, ReversalStep};
pub(super) use subjects::PastSubject;

use super::ask::{Ask, Output};
use super::denial::Denial;
use super::edits::Edits;
use super::engine::{Mode, SessionEnd, StatusHook};
use super::failure::Failure;
use super::feed::Sink;
use super::gates::Gates;
use super::journal::Journal;
use super::past::version_at;
use super::refusal::Refusal;
use super::session::ModelSource;
use crate::effects::Masker;
use crate::effects::llm::LlmProvider;
use crate::effects::tools::{Compensator, Toolbox};
use crate::model::{Command, Generation, RunStatus, SpanId, TraceBody, Update};
use crate::pipeline::Pipeline;
use crate::store::RunLog;
use crate::world::World;

/// Everything that can reach the dispatcher.
pub(super) enum Incoming {
    /// Pattern code asks for something.
    Ask { epoch: u64, ask: Ask },
    /// An effect is through.
    Done { path: String, span: SpanId, done: Done },
    /// A command ended, and its changes may have to be looked at before they land.
    Captured { path: String, span: SpanId, asked: CaptureGate },
    /// The pattern code of an epoch is through.
    Finished { epoch: u64, result: Result<Output, Failure> },
    /// The retry or undo under way goes a step on.
    Reversal(ReversalStep),
    /// The user asks for something.
    Command(Command),
}

/// What a run executes, apart from its log.
pub(super) struct Services {
    pub world: Arc<World>,
    /// The program's own; an agent has those of its pipeline too ([`Dispatcher::tools_of`]).
    pub tools: Arc<Toolbox>,
    pub compensator: Compensator,
    pub masker: Arc<Masker>,
    pub commands: Commands,
}

/// The state of a run under way.
pub(super) struct Dispatcher {
    pub(super) log: RunLog,
    pub(super) services: Arc<Services>,
    /// Who answers model calls; `None` until a past run is retried.
    pub(super) models: Option<Arc<dyn LlmProvider>>,
    pub(super) model_source: ModelSource,
    pub(super) mode: Mode,
    /// Where today's pipeline is read from, for a retry.
    pub(super) source: Option<PathBuf>,
    pub(super) versions: Vec<(Generation, Arc<Pipeline>)>,
    pub(super) task: String,
    pub(super) gates: Gates,
    pub(super) journal: Journal,
    pub(super) edits: Edits,
    /// The span at every path that no invalidation covers.
    pub(super) paths: HashMap<String, SpanId>,
    /// How often each path ran.
    pub(super) tries: HashMap<String, u32>,
    /// Edit names of agents, by span.
    pub(super) agent_names: HashMap<SpanId, String>,
    pub(super) pending: BTreeMap<String, PendingCall>,
    /// The retry, undo or redo under way.
    pub(super) reversal: Reversal,
    pub(super) epoch: u64,
    pub(super) pattern: Option<JoinHandle<()>>,
    pub(super) inbox: mpsc::UnboundedSender<Incoming>,
    pub(super) sink: Sink,
    pub(super) on_status: StatusHook,
    /// What [`super::engine::SessionEnd`] tells a headless caller.
    pub(super) denials: Vec<Denial>,
    pub(super) limited: bool,
    pub(super) limit_waived: bool,
    /// Calls that the user allowed for the rest of a generation: tool and arguments, to the letter.
    pub(super) always_allowed: HashSet<(Generation, String, String)>,
    /// What was offered to be edited, by span.
    pub(super) offered: HashMap<SpanId, edit::Offered>,
    /// Prompts that were written into their files, by edit name.
    pub(super) written: HashMap<String, String>,
}

impl Dispatcher {
    /// Handles what arrives until the user quits (or, headless, the run is through).
    pub async fn run(mut self, mut incoming: mpsc::UnboundedReceiver<Incoming>) -> SessionEnd {
        loop {
            let message = tokio::select! {
                message = incoming.recv() => message,
                step = self.reversal.next() => Some(Incoming::Reversal(step)),
            };
            match message {
                None | Some(Incoming::Command(Command::Quit)) => break,
                Some(message) => self.take(message).await,
            }
        }
        self.quit().await;
        SessionEnd { denials: self.denials, limited: self.limited }
    }

    async fn take(&mut self, message: Incoming) {
        match message {
            Incoming::Ask { epoch, ask } if epoch == self.epoch => self.ask(ask),
            Incoming::Done { path, span, done } => self.arrived(&path, span, done).await,
            Incoming::Captured { path, span, asked } => self.captured(&path, span, asked),
            Incoming::Finished { epoch, result } if epoch == self.epoch => self.finished(result).await,
            Incoming::Reversal(step) => self.step_reversal(step).await,
            Incoming::Command(command) => self.command(command).await,
            // From pattern code that was dropped since.
            Incoming::Ask { .. } | Incoming::Finished { .. } => {}
        }
    }

    async fn command(&mut self, command: Command) {
        let result = match command {
            Command::Release { span, how } => self.release(span, &how),
            Command::ReleaseAll => self.release_all(),
            Command::Pause => self.pause(),
            Command::Edit { span } => self.editable(span),
            Command::SaveEdit { span, text, scope } => self.save_edit(span, &text, scope),
            Command::WriteBack => self.write_back(),
            Command::Undo { action, force } => self.undo(vec![action], force).await,
            Command::UndoSpan { span, deep, skip } => self.undo_span(span, deep, &skip).await,
            Command::UndoList { actions } => self.undo(actions, false).await,
            Command::Redo { action } => self.redo(action).await,
            Command::Plan { span } => self.plan(span),
            Command::Retry { plan, with_readers } => self.retry(&plan, with_readers).await,
            Command::SetBreakpoints(breakpoints) => self.gates.set_breakpoints(&breakpoints).map_err(Refusal::from),
            Command::Inspect { span } => {
                self.inspect(span);
                Ok(())
            }
            Command::Diff { action, sides } => self.diff(action, sides),
            Command::Cancel => self.cancel().await,
            Command::Quit => Ok(()),
        };
        if let Err(refusal) = result {
            self.refuse(&refusal);
        }
    }

    /// Shows the user an error that has no place in the tree.
    pub(super) fn refuse(&self, error: &dyn std::error::Error) {
        self.sink.send(Update::Refused(error.to_string()));
    }

    /// The pipeline that a span of this generation runs by.
    pub(super) fn version(&self, generation: Generation) -> Arc<Pipeline> {
        version_at(&self.versions, generation).cloned().unwrap_or_default()
    }

    pub(super) fn generation(&self) -> Generation {
        self.log.with(|state| state.generation)
    }

    pub(super) fn status(&self) -> RunStatus {
        self.log.with(|state| state.status)
    }

    pub(super) fn is_headless(&self) -> bool {
        matches!(self.mode, Mode::Headless(_))
    }

    pub(super) fn note(&self, span: Option<SpanId>, error: bool, text: impl Into<String>) {
        self.log.append(vec![TraceBody::Note { span, error, text: text.into() }]);
    }
}
