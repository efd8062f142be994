//! The driver of a run: it alone waits. Everything that happens arrives as one [`Incoming`]; a part decides, and the
//! driver carries out what the part returns.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::choices::changes_the_run;
use super::driver_action::DriverAction;
use super::fan_outs::FanOuts;
use super::inspector::Inspector;
use super::permits::{Permits, Turns};
use super::resume::Resume;
use super::reversal::RunBy;
use super::stopping::Stopping;
use super::turn_taking::WorkerStart;
use super::wishes::Wishes;
use super::write_back::WriteBack;
use super::{Calls, Edits, Gatekeeper, Incoming, Reversal, Services, Versions};
use crate::effects::llm::LlmProvider;
use crate::model::{Command, Generation, RunStatus, SpanId, TraceBody, Update};
use crate::pipeline::Pipeline;
use crate::runtime::by_hand::ByHand;
use crate::runtime::choices::Choices;
use crate::runtime::engine::{SessionEnd, StatusHook};
use crate::runtime::feed::Sink;
use crate::runtime::look_only::{LookOnly, only_looks};
use crate::runtime::refusal::{Refusal, TriesRefusal};
use crate::runtime::session::ModelSource;
use crate::store::RunLog;

/// The driver of a run, and its parts.
pub(in super::super) struct Dispatcher {
    pub(super) log: RunLog,
    pub(super) services: Arc<Services>,
    /// Answers model calls; `None` until a past run is retried.
    pub(super) models: Option<Arc<dyn LlmProvider>>,
    pub(super) model_source: Arc<ModelSource>,
    pub(super) task: String,
    pub(super) versions: Versions,
    pub(super) gatekeeper: Gatekeeper,
    pub(super) calls: Calls,
    pub(super) edits: Edits,
    /// The retry, undo or redo under way.
    pub(super) reversal: Reversal,
    /// The edits of the last retry.
    pub(super) wishes: Wishes,
    /// The resume under way.
    pub(super) resume: Resume,
    /// The series of tries under way.
    pub(super) choices: Choices,
    /// The cancel or quit under way.
    pub(super) stopping: Stopping,
    pub(super) write_back: WriteBack,
    pub(super) inspector: Inspector,
    /// The calls that wait for a permit.
    pub(super) turns: Turns,
    /// The workers of fan-outs, and those that wait to begin.
    pub(super) fan_outs: FanOuts<WorkerStart>,
    pub(super) pattern: Option<JoinHandle<()>>,
    pub(super) inbox: mpsc::UnboundedSender<Incoming>,
    pub(super) sink: Sink,
    pub(super) on_status: Arc<Mutex<StatusHook>>,
    /// The reason why nothing of the run is changed.
    pub(super) look_only: Option<LookOnly>,
    /// Messages that arrived while everything else had to wait, in their order.
    deferred: VecDeque<Incoming>,
}

/// The pieces that a dispatcher is built of.
pub(in super::super) struct Parts {
    pub log: RunLog,
    pub services: Arc<Services>,
    /// Answers model calls; `None` until a past run is retried.
    pub models: Option<Arc<dyn LlmProvider>>,
    pub model_source: ModelSource,
    pub task: String,
    pub versions: Versions,
    pub gatekeeper: Gatekeeper,
    pub calls: Calls,
    pub edits: Edits,
    pub inbox: mpsc::UnboundedSender<Incoming>,
    pub sink: Sink,
    pub on_status: StatusHook,
    /// The edits by hand of a stored run whose retry was cut off.
    pub by_hand: ByHand,
    pub look_only: Option<LookOnly>,
}

impl Dispatcher {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let limits = parts.versions.newest().limits;
        let inspector = Inspector::new(parts.log.clone(), parts.services.clone(), parts.sink.clone());
        Self {
            log: parts.log,
            services: parts.services,
            models: parts.models,
            model_source: Arc::new(parts.model_source),
            task: parts.task,
            versions: parts.versions,
            gatekeeper: parts.gatekeeper,
            calls: parts.calls,
            edits: parts.edits,
            reversal: Reversal::default(),
            wishes: Wishes::of(parts.by_hand),
            resume: Resume::default(),
            choices: Choices::default(),
            stopping: Stopping::default(),
            write_back: WriteBack::default(),
            inspector,
            turns: Turns::new(Permits::new(limits.effects_at_once())),
            fan_outs: FanOuts::default(),
            pattern: None,
            inbox: parts.inbox,
            sink: parts.sink,
            on_status: Arc::new(Mutex::new(parts.on_status)),
            look_only: parts.look_only,
            deferred: VecDeque::new(),
        }
    }

    /// Handles what arrives until the user quits (or, headless, the run is through).
    pub async fn run(mut self, mut incoming: mpsc::UnboundedReceiver<Incoming>) -> SessionEnd {
        while !self.stopping.is_over() {
            let message = self.next(&mut incoming).await;
            self.take(message);
        }
        self.close().await;
        self.gatekeeper.into_end()
    }

    /// Waits for the next message. While something must be through before anything else happens, only a cancel and a
    /// quit are taken; the rest keeps its order.
    async fn next(&mut self, incoming: &mut mpsc::UnboundedReceiver<Incoming>) -> Incoming {
        loop {
            if !self.is_alone()
                && let Some(message) = self.deferred.pop_front()
            {
                return message;
            }
            let alone = self.is_alone();
            let message = tokio::select! {
                biased;
                step = self.reversal.next() => return Incoming::Reversal(step),
                () = self.stopping.next() => return Incoming::StopTimedOut,
                written = self.write_back.next() => return Incoming::WrittenBack(written),
                step = self.turns.next(), if !alone => return Incoming::Turns(step),
                message = incoming.recv() => message.unwrap_or(Incoming::Command(Command::Quit)),
            };
            if !self.is_alone() || self.is_heard(&message) {
                return message;
            }
            self.deferred.push_back(message);
        }
    }

    /// True while something must be through before anything else happens.
    pub(super) fn is_alone(&self) -> bool {
        self.reversal.is_alone() || self.stopping.is_under_way() || self.write_back.is_under_way()
    }

    /// True for a message that is taken even so.
    fn is_heard(&self, message: &Incoming) -> bool {
        match message {
            Incoming::Command(Command::Cancel | Command::Quit) => true,
            Incoming::Done { .. } | Incoming::Captured { .. } => self.stopping.is_stopping(),
            _ => false,
        }
    }

    /// Gives a message to the part that it is for.
    pub(super) fn take(&mut self, message: Incoming) {
        match message {
            Incoming::Ask { epoch, ask } if epoch == self.calls.epoch() => self.ask(ask),
            Incoming::GivenUp { epoch, path } if epoch == self.calls.epoch() => self.given_up(&path),
            Incoming::Done { path, span, done } => self.task_ended(&path, span, done),
            // Dropping the question of a command that is being stopped discards its changes.
            Incoming::Captured { .. } if self.stopping.is_stopping() => {}
            Incoming::Captured { path, span, asked } => self.captured(&path, span, asked),
            Incoming::Looked { path, span, own_file, open, is_new } => {
                self.calls.set_open_files(&path, span, open);
                self.looked(&path, span, own_file, is_new);
            }
            Incoming::Diverged { path, span, divergence } => self.compared(&path, span, *divergence),
            Incoming::Finished { epoch, result } if epoch == self.calls.epoch() => self.finished(result),
            Incoming::Reversal(step) => self.step_reversal(step),
            Incoming::Choices(step) => self.step_choices(step),
            Incoming::Turns(step) => self.step_turns(step),
            Incoming::StopTimedOut => {
                if let Some(stopped) = self.stopping.time_out() {
                    self.end_stopped(stopped);
                }
            }
            Incoming::WrittenBack(written) => self.end_write_back(written),
            Incoming::Command(command) => self.command(command),
            // From pattern code that was dropped since.
            Incoming::Ask { .. } | Incoming::GivenUp { .. } | Incoming::Finished { .. } => {}
        }
        self.start_workers();
    }

    fn command(&mut self, command: Command) {
        if let Some(why) = self.look_only.as_ref().filter(|_| !only_looks(&command)) {
            return self.refuse(&Refusal::LookOnly(why.refusal()));
        }
        if self.choices.is_open() && changes_the_run(&command) {
            return self.refuse(&TriesRefusal::InTheWay);
        }
        let result = match command {
            Command::Release { span, how } => self.release(span, &how),
            Command::ReleaseAll => self.release_all(),
            Command::Pause => self.pause(),
            Command::Edit { span } => self.editable(span),
            Command::EditPart { span, part } => self.editable_part(span, part),
            Command::SaveEdit { span, text, scope } => self.save_edit(span, &text, scope),
            Command::Undo { action, force } => self.undo(vec![action], force),
            Command::UndoSpan { span, deep, skip } => self.undo_span(span, deep, &skip),
            Command::UndoList { actions } => self.undo(actions, false),
            Command::Redo { action } => self.redo(action),
            Command::Retry { plan, with_readers } => self.retry(*plan, with_readers, RunBy::Today),
            Command::RetryEdited { plan, edits, with_readers } => self.retry_edited(*plan, *edits, with_readers),
            Command::PlanResume => self.plan_resume(),
            Command::Resume { plan, decisions } => self.resume_run(&plan, &decisions),
            Command::Try { plan, settings } => self.begin_tries(*plan, settings),
            Command::KeepTry { number } => {
                self.keep_try(number);
                Ok(())
            }
            Command::SetBreakpoints(breakpoints) => {
                self.gatekeeper.set_breakpoints(&breakpoints).map_err(Refusal::from)
            }
            Command::Diff { action, sides } => self.inspector.diff(action, sides).map_err(Refusal::from),
            Command::Cancel => self.cancel(),
            command => {
                self.start_beside(&command);
                Ok(())
            }
        };
        if let Err(refusal) = result {
            self.refuse(&refusal);
        }
    }

    /// Starts what is never refused at once.
    fn start_beside(&mut self, command: &Command) {
        match command {
            Command::Plan { span } => self.plan(*span),
            Command::Inspect { span } => self.inspect(*span),
            Command::Compare { left, right } => self.compare(*left, *right),
            Command::Moment(asked) => self.inspector.moment(*asked),
            Command::WriteBack => self.write_back.start(self.edits.prompt_files(&self.versions)),
            Command::Quit => self.quit(),
            _ => {}
        }
    }

    /// Shows the user an error that has no place in the tree.
    pub(super) fn refuse(&self, error: &dyn std::error::Error) {
        self.sink.send(Update::Refused(error.to_string()));
    }

    /// Carries out what a part decided.
    pub(super) fn carry_out(&mut self, actions: Vec<DriverAction>) {
        for action in actions {
            match action {
                // It is named by its hash.
                DriverAction::Text(text) => drop(self.log.text(&text)),
                DriverAction::Append(events) => drop(self.log.append(events)),
                DriverAction::Pause { path, gate, reason } => self.pause_at(&path, gate, reason),
                DriverAction::Launch { path } => self.launch(&path),
                DriverAction::Start { path } => self.start(&path),
                DriverAction::End { path, span, done } => self.end(&path, span, done),
                DriverAction::Reply { path } => self.calls.reply(&path),
            }
        }
    }

    /// The pipeline that spans of the newest generation run by.
    pub(super) fn version_now(&self) -> Arc<Pipeline> {
        self.versions.at(self.generation())
    }

    pub(super) fn generation(&self) -> Generation {
        self.log.with(|state| state.generation)
    }

    pub(super) fn status(&self) -> RunStatus {
        self.log.with(|state| state.status)
    }

    pub(super) fn is_headless(&self) -> bool {
        self.gatekeeper.is_headless()
    }

    pub(super) fn note(&self, span: Option<SpanId>, error: bool, text: impl Into<String>) {
        self.log.append(vec![TraceBody::Note { span, error, text: text.into() }]);
    }
}
