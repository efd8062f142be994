//! The run as a whole: start, end, cancel, quit.

use std::sync::{Arc, PoisonError};

use super::super::ask::Output;
use super::super::failure::Failure;
use super::super::live::Live;
use super::super::pattern_scope::run_pipeline;
use super::super::refusal::Refusal;
use super::super::request::json;
use super::exec::TextSoFar;
use super::pending_call::Stage;
use super::reversal::HALT_BOUND;
use super::{Dispatcher, Incoming};
use crate::model::{Command, EndCause, LlmResponse, RunStatus, SpanEnd, SpanId, SpanStatus, TraceBody, Update};
use crate::store::RunLog;

impl Dispatcher {
    /// Runs the pattern code from the start; what the journal holds is answered at once.
    pub(in super::super) fn start_pattern(&mut self) {
        self.epoch += 1;
        let epoch = self.epoch;
        let effects = Arc::new(Live::new(epoch, self.inbox.clone(), self.services.tools.clone()));
        let pipeline = self.versions.first().map(|(_, pipeline)| pipeline.clone()).unwrap_or_default();
        let (inbox, task) = (self.inbox.clone(), self.task.clone());
        let pattern = tokio::spawn(run_pipeline(effects, pipeline, task));
        self.pattern = Some(tokio::spawn(async move {
            let result = AbortOnDrop(pattern).join().await;
            drop(inbox.send(Incoming::Finished { epoch, result }));
        }));
    }

    /// Drops the pattern code; its effects in flight go on.
    pub(super) fn drop_pattern(&mut self) {
        self.epoch += 1;
        if let Some(pattern) = self.pattern.take() {
            pattern.abort();
        }
    }

    pub(super) async fn finished(&mut self, result: Result<Output, Failure>) {
        self.pattern = None;
        if matches!(result, Err(Failure::Halt(_))) {
            // Branches that the halt cut off are still at work.
            self.stop_all_calls().await;
        }
        let (status, text) = match result {
            Ok(output) => (RunStatus::Ok, output.value),
            Err(failure) => (RunStatus::Failed, failure.to_string()),
        };
        self.set_status(status, Some(&text));
        if self.is_headless() {
            drop(self.inbox.send(Incoming::Command(Command::Quit)));
        }
    }

    /// Records the run's status, and tells whoever lists runs.
    pub(super) fn set_status(&self, status: RunStatus, text: Option<&str>) {
        let text = text.map(|text| self.log.text(text));
        self.log.append(vec![TraceBody::RunStatus { status, text }]);
        self.send_abilities();
        (self.on_status)(&self.log);
    }

    /// Cancels everything under way; what is recorded stays, and can be undone.
    pub(super) async fn cancel(&mut self) -> Result<(), Refusal> {
        let undid = !self.reversal.is_idle();
        self.stop_undo().await;
        if self.status() != RunStatus::Running && undid {
            return Ok(());
        }
        if self.status() != RunStatus::Running {
            return Err(Refusal::NothingToCancel);
        }
        self.drop_pattern();
        self.stop_all_calls().await;
        self.set_status(RunStatus::Cancelled, None);
        Ok(())
    }

    /// Cancels every pending call. What is recorded stays as it ended; only what was cut off is cancelled.
    async fn stop_all_calls(&mut self) {
        let ended = self.pending.values().filter(|pending| matches!(pending.stage, Stage::After { .. }));
        let released =
            ended.map(|pending| TraceBody::Released { span: pending.span, how: "cancel".into(), stale: false });
        self.log.append(released.collect());
        let texts: Vec<_> =
            self.pending.values().filter_map(|call| Some((call.span, call.task.as_ref()?.so_far.clone()?))).collect();
        let pending: Vec<String> = self.pending.keys().cloned().collect();
        self.stop_calls(&pending).await;
        let mut ends = end_live(&self.log, None);
        for (span, text) in texts {
            self.keep_text(span, &text, &mut ends);
        }
        self.log.append(ends);
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

    /// Ends tasks, and waits until none of them touches the world any more.
    pub(super) async fn stop_calls(&mut self, paths: &[String]) {
        let tasks: Vec<_> = paths.iter().filter_map(|path| self.pending.get_mut(path)?.task.take()).collect();
        for task in &tasks {
            task.ask_to_stop();
        }
        let until = tokio::time::Instant::now() + HALT_BOUND;
        for mut task in tasks {
            // Only cancellation is expected here; a panic in a task ends that task alone.
            if tokio::time::timeout_at(until, &mut task.handle).await.is_err() {
                task.handle.abort();
                let text =
                    "a tool did not stop in time and was cut off; open the run again to have its changes recorded";
                self.note(None, true, text);
            }
        }
        for path in paths {
            self.pending.remove(path);
        }
    }

    pub(super) async fn quit(&mut self) {
        self.stop_undo().await;
        if self.status() == RunStatus::Running && self.log.with(|state| state.run.is_some()) {
            drop(self.cancel().await);
        }
        (self.on_status)(&self.log);
        let log = self.log.clone();
        let closed = tokio::task::spawn_blocking(move || log.close()).await;
        if let Ok(Err(error)) = closed {
            self.refuse(&Refusal::NotClosed(error));
        }
        self.sink.send(Update::Closed);
    }
}

/// The ends of all spans that are still under way, the innermost first. `cause`: the reason, where the user did not
/// cancel them.
pub(in super::super) fn end_live(log: &RunLog, cause: Option<EndCause>) -> Vec<TraceBody> {
    let live: Vec<SpanId> = log.with(|state| {
        let spans = (1..u32::try_from(state.trace.len()).unwrap_or(u32::MAX)).rev().map(SpanId);
        spans.filter(|span| state.trace.get(*span).is_some_and(|found| found.status.is_live())).collect()
    });
    let end = |span| SpanEnd { cause, ..SpanEnd::new(span, SpanStatus::Cancelled) };
    live.into_iter().map(|span| TraceBody::SpanEnded(end(span))).collect()
}

/// Pattern code ends with whoever waits for it.
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
