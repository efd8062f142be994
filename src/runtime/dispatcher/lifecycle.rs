//! The run as a whole: start, end, cancel, quit.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::super::ask::Output;
use super::super::failure::{Failure, Halt};
use super::super::live::Live;
use super::super::pattern_scope::run_pipeline;
use super::super::refusal::{Refusal, RetryRefusal};
use super::super::request::json;
use super::calls::Stage;
use super::exec::TextSoFar;
use super::reversal::Cancelled;
use super::stopping::{QUIT_BOUND, Stopped};
use super::{Dispatcher, Incoming};
use crate::model::{
    Abilities, Command, EndCause, LlmResponse, RunStatus, SpanEnd, SpanId, SpanStatus, TraceBody, Update,
};
use crate::store::RunLog;

/// The longest wait for the store to close.
const CLOSE_BOUND: Duration = Duration::from_secs(10);

/// The longest wait for a reader that is behind, of that.
const READER_BOUND: Duration = Duration::from_secs(5);

impl Dispatcher {
    /// Begins a new run.
    pub(in super::super) fn begin(&mut self) {
        let actions = self.gatekeeper.begin();
        self.carry_out(actions);
        self.update_list();
        self.send_abilities();
        self.start_pattern();
    }

    /// Says what can be done with this run.
    pub(in super::super) fn send_abilities(&self) {
        let lasting = self.log.recorder().is_lasting();
        let undo = match &self.look_only {
            None if !lasting => Err("this run is not recorded".to_owned()),
            _ => Ok(()),
        };
        let pause = if self.status() == RunStatus::Running { Ok(()) } else { Err("the run has ended".to_owned()) };
        let retry = match &undo {
            Err(why) => Err(why.clone()),
            _ if self.versions.newest().wrapped.is_some() && self.services.agent.is_none() => {
                Err("the agent can't be started here".to_owned())
            }
            _ if self.versions.is_empty() => Err("its pipeline was lost with the damaged part of its log".to_owned()),
            _ => self.calls.hash().check().map_err(|error| error.to_string()),
        };
        let able = Abilities { pause, undo, retry };
        if let Some(why) = &self.look_only {
            // Nothing runs, so there is no sandbox to tell of.
            self.sink.send(Update::Abilities(why.limit(able)));
            let question = why.question(self.services.world.root());
            self.sink.send(question.map_or(Update::LookedAt, Update::MadeElsewhere));
        } else {
            self.sink.send(Update::Abilities(able));
            self.send_models();
            self.sink.send(Update::Shell(self.services.commands.shell.mode()));
            self.send_edits();
        }
    }

    /// Says which models tries can be made with.
    fn send_models(&self) {
        self.sink.send(Update::Models(self.versions.newest().models_to_try()));
    }

    /// Runs the pattern code from the start; what the journal holds is answered at once.
    pub(super) fn start_pattern(&mut self) {
        let epoch = self.calls.next_epoch();
        self.fan_outs.clear();
        if let Some(agent) = &self.services.agent {
            agent.record_in(&self.log);
        }
        let effects = Live::new(epoch, self.inbox.clone(), self.services.tools.clone(), self.calls.hash());
        let effects = Arc::new(effects.with_agent(self.services.agent.clone()));
        let pipeline = self.versions.first();
        let (inbox, task) = (self.inbox.clone(), self.task.clone());
        let pattern = tokio::spawn(run_pipeline(effects, pipeline, task));
        self.pattern = Some(tokio::spawn(async move {
            let result = AbortOnDrop(pattern).join().await;
            drop(inbox.send(Incoming::Finished { epoch, result }));
        }));
    }

    /// Drops the pattern code; its effects in flight go on.
    pub(super) fn drop_pattern(&mut self) {
        self.calls.next_epoch();
        self.fan_outs.clear();
        if let Some(pattern) = self.pattern.take() {
            pattern.abort();
        }
    }

    /// Takes the end of the pattern code.
    pub(super) fn finished(&mut self, result: Result<Output, Failure>) {
        self.pattern = None;
        // Their processes are gone with the run; an undo call starts one anew.
        let remotes = self.services.remotes.clone();
        tokio::spawn(async move { remotes.close().await });
        let is_halt = matches!(result, Err(Failure::Halt(_)));
        self.gatekeeper.set_diverged(matches!(result, Err(Failure::Halt(Halt::Diverged(_)))));
        let (status, text) = match result {
            Ok(output) => (RunStatus::Ok, output.value),
            Err(failure) => (RunStatus::Failed, failure.to_string()),
        };
        if is_halt {
            // Branches that the halt cut off are still at work.
            self.stop_all_calls(status, Some(text));
        } else {
            self.end_run(status, Some(&text));
        }
    }

    fn end_run(&mut self, status: RunStatus, text: Option<&str>) {
        self.forget_edits();
        self.set_status(status, text);
        if self.choices.is_open() {
            self.try_ended(text.filter(|_| status != RunStatus::Ok));
        } else if self.is_headless() {
            drop(self.inbox.send(Incoming::Command(Command::Quit)));
        }
    }

    /// Records the run's status, and updates the list of runs.
    pub(super) fn set_status(&self, status: RunStatus, text: Option<&str>) {
        let text = text.map(|text| self.log.text(text));
        self.log.append(vec![TraceBody::RunStatus { status, text }]);
        self.send_abilities();
        self.update_list();
    }

    /// Updates the list of runs, beside the loop: it is a file.
    pub(super) fn update_list(&self) {
        let (on_status, log) = (self.on_status.clone(), self.log.clone());
        tokio::task::spawn_blocking(move || call(&on_status, &log));
    }

    /// Cancels everything under way; what is recorded stays, and can be undone.
    pub(super) fn cancel(&mut self) -> Result<(), Refusal> {
        if self.stopping.is_under_way() {
            return Ok(());
        }
        let was_trying = self.choices.is_busy();
        self.choices.cancel();
        match self.reversal.cancel() {
            Cancelled::Nothing if was_trying => self.cancel_run(true),
            Cancelled::Nothing => self.cancel_run(false),
            Cancelled::Dropped => {
                self.refuse_retry(&RetryRefusal::Cancelled);
                self.cancel_run(true)
            }
            Cancelled::Stopping => {
                self.stopping.wait_for_undo();
                Ok(())
            }
        }
    }

    /// Cancels the run. `was_reversing`: there was something else to cancel.
    fn cancel_run(&mut self, was_reversing: bool) -> Result<(), Refusal> {
        if self.status() != RunStatus::Running {
            return if was_reversing { Ok(()) } else { Err(Refusal::NothingToCancel) };
        }
        self.drop_pattern();
        self.stop_all_calls(RunStatus::Cancelled, None);
        Ok(())
    }

    /// Ends the session: first what is under way, then the store. Headless, the program ends with it.
    pub(super) fn quit(&mut self) {
        if self.quit_tries() {
            return;
        }
        // A cancel that is under way goes on to the end of the session.
        let is_first = self.stopping.ask_to_quit();
        if is_first && self.stopping.is_under_way() {
            self.reversal.hurry(QUIT_BOUND);
        }
        if !is_first || self.stopping.is_under_way() {
            return;
        }
        let cancelled = self.reversal.cancel();
        self.reversal.hurry(QUIT_BOUND);
        match cancelled {
            Cancelled::Nothing | Cancelled::Dropped => self.quit_run(),
            Cancelled::Stopping => self.stopping.wait_for_undo(),
        }
    }

    fn quit_run(&mut self) {
        if self.status() == RunStatus::Running && self.log.with(|state| state.run.is_some()) {
            self.drop_pattern();
            self.stop_all_calls(RunStatus::Cancelled, None);
        } else {
            self.stopping.end();
        }
    }

    /// Goes on with a cancel or a quit that waited for an undo. `timed_out`: the undo did not stop in time.
    pub(super) fn go_on_after_undo(&mut self, timed_out: bool) {
        if self.stopping.is_quitting() {
            self.quit_run();
        } else if !timed_out && let Err(refusal) = self.cancel_run(true) {
            self.refuse(&refusal);
        }
    }

    /// Cancels every pending call, and ends the run with a status. What is recorded stays as it ended; only what was cut
    /// off is cancelled.
    fn stop_all_calls(&mut self, status: RunStatus, text: Option<String>) {
        let ended = self.calls.iter().filter(|(_, call)| matches!(call.stage(), Stage::After { .. }));
        let released =
            ended.map(|(_, call)| TraceBody::Released { span: call.span(), how: "cancel".into(), stale: false });
        self.log.append(released.collect());
        let texts = self.calls.texts_so_far();
        let halted = self.calls.ask_to_stop(&self.calls.paths());
        if let Some(stopped) = self.stopping.begin(halted.waiting, texts, (status, text)) {
            self.end_stopped(stopped);
        }
    }

    /// Ends the run when all its calls have stopped, or did not in time.
    pub(super) fn end_stopped(&mut self, stopped: Stopped) {
        for _ in 0..stopped.cut_off {
            let text = "a tool did not stop in time and was cut off; open the run again to have its changes recorded";
            self.note(None, true, text);
        }
        self.calls.remove(&self.calls.paths());
        let mut ends = end_live(&self.log, None);
        for (span, text) in &stopped.texts {
            self.keep_text(*span, text, &mut ends);
        }
        self.log.append(ends);
        let (status, text) = stopped.status;
        if status == RunStatus::Cancelled {
            // A resume of the retry goes on with them.
            self.end_edits();
            self.set_status(status, None);
            self.try_ended(Some("cancelled"));
        } else {
            self.end_run(status, text.as_deref());
        }
        if self.stopping.is_quitting() {
            self.stopping.end();
        }
    }

    /// Adds the text that a cancelled model call got so far to its end.
    fn keep_text(&self, span: SpanId, so_far: &TextSoFar, ends: &mut [TraceBody]) {
        let text = std::mem::take(&mut *so_far.lock().unwrap_or_else(PoisonError::into_inner));
        let end = ends.iter_mut().find_map(|end| match end {
            TraceBody::SpanEnded(end) if end.span == span => Some(end),
            _ => None,
        });
        if let (Some(end), false) = (end, text.is_empty()) {
            end.output = Some(self.log.text(&json(&LlmResponse { text, ..LlmResponse::default() })));
        }
    }

    /// Closes the store: the last that a session does.
    pub(super) async fn close(&mut self) {
        // Their processes are gone before the program ends. Each wait for one has its own bound.
        self.services.remotes.close().await;
        let (on_status, log, sink) = (self.on_status.clone(), self.log.clone(), self.sink.clone());
        let close = async {
            let listed = log.clone();
            let _ = tokio::task::spawn_blocking(move || call(&on_status, &listed)).await;
            // All rows are on disk and published by now. A reader that missed some reads them from the store; one that does
            // not read any more holds nothing up for long.
            let _ = tokio::time::timeout(READER_BOUND, sink.caught_up()).await;
            tokio::task::spawn_blocking(move || log.close()).await
        };
        match tokio::time::timeout(CLOSE_BOUND, close).await {
            Ok(Ok(Err(error))) => self.refuse(&Refusal::NotClosed(error)),
            Err(_) => self.refuse(&Refusal::CloseTimedOut { seconds: CLOSE_BOUND.as_secs() }),
            Ok(Ok(Ok(())) | Err(_)) => {}
        }
        self.sink.send(Update::Closed);
    }
}

/// Calls a hook, one call at a time, so that the newest state is written last.
fn call(on_status: &std::sync::Mutex<super::StatusHook>, log: &RunLog) {
    let hook = on_status.lock().unwrap_or_else(PoisonError::into_inner);
    hook(log);
}

/// The ends of all spans that are still under way, the innermost first. `cause`: the reason, where the user did not
/// cancel them.
pub(in super::super) fn end_live(log: &RunLog, cause: Option<EndCause>) -> Vec<TraceBody> {
    let live: Vec<SpanId> = log.with(|state| {
        let spans = (0..).map(SpanId).zip(state.trace.spans().iter());
        let live = spans.filter(|(span, found)| *span != SpanId::RUN && found.status.is_live());
        let mut live: Vec<SpanId> = live.map(|(span, _)| span).collect();
        live.reverse();
        live
    });
    let end = |span| SpanEnd { cause, ..SpanEnd::new(span, SpanStatus::Cancelled) };
    live.into_iter().map(|span| TraceBody::SpanEnded(end(span))).collect()
}

/// Pattern code ends with its task.
struct AbortOnDrop(tokio::task::JoinHandle<Result<Output, Failure>>);

impl AbortOnDrop {
    async fn join(mut self) -> Result<Output, Failure> {
        (&mut self.0).await.unwrap_or_else(|error| Err(Failure::new(format!("the pipeline's code failed: {error}"))))
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
