//! Effects that are through: recorded, stopped at the gate after them, given back.

use super::super::ask::Work;
use super::super::failure::{Failure, Halt};
use super::Dispatcher;
use super::calls::{PendingCall, Stage};
use super::exec::Done;
use super::gatekeeper::Ended;
use super::outcome::after_finish;
use crate::model::{EndCause, Gate, PauseReason, Release, SpanId, TraceBody};
use crate::pipeline::Price;

impl Dispatcher {
    /// Records the outcome of an effect, then takes the gate after it.
    pub(super) fn end(&mut self, path: &str, span: SpanId, done: Done) {
        if !self.calls.end_task(path, span) {
            return;
        }
        let (end, outcome, faulty) = self.outcome(span, done, self.price_of(path).as_ref());
        let unrun = outcome.as_ref().ok().and_then(after_finish);
        let note = unrun.map(|text| TraceBody::Note { span: Some(span), error: false, text });
        self.log.append([TraceBody::SpanEnded(end)].into_iter().chain(note).collect());
        // A command's changes were asked for at the gate after it before they were applied.
        let passed = self.calls.get(path).is_some_and(PendingCall::is_looked_after);
        let error = outcome.as_ref().err().map(ToString::to_string);
        // The agent does about it what it likes; a breakpoint at errors still stops there.
        let is_heard = error.is_some() && self.agent_has_heard(path);
        let ended = Ended { error: error.filter(|_| !is_heard), faulty: faulty || is_heard, passed };
        let gate = self.calls.get(path).map_or(Gate::AfterTool, PendingCall::after);
        self.calls.record_outcome(path, outcome);
        let at = self.arrival(path, gate);
        let action = self.gatekeeper.after(at, ended);
        self.carry_out(vec![action]);
    }

    /// True for a model call of another program's agent whose answer the agent has.
    fn agent_has_heard(&self, path: &str) -> bool {
        let is_model = matches!(self.calls.get(path).and_then(PendingCall::work), Some(Work::Llm(_)));
        is_model && self.services.agent.as_ref().is_some_and(|agent| !agent.announced().is_model_waiting(path))
    }

    /// Takes the end of a task; a call that was stopped meanwhile has its end already.
    pub(super) fn task_ended(&mut self, path: &str, span: SpanId, done: Done) {
        if self.stopping.is_stopping() {
            if let Some(stopped) = self.stopping.stopped(path) {
                self.end_stopped(stopped);
            }
            return;
        }
        if let Some(actions) = self.reversal.stopped(path) {
            self.calls.end_task(path, span);
            return self.carry_out_reversal(actions);
        }
        if self.calls.get(path).is_some_and(PendingCall::is_withdrawn) {
            // The retry that had it wait has given up.
            self.calls.end_task(path, span);
            return self.launch(path);
        }
        if self.calls.get(path).is_some_and(PendingCall::has_task) {
            self.end(path, span, done);
        }
    }

    /// Stops a span at a gate.
    pub(super) fn pause_at(&mut self, path: &str, gate: Gate, reason: PauseReason) {
        let asked = self.approval_asked(path, &reason);
        if let Some(pending) = self.calls.get(path) {
            let paused = TraceBody::Paused { span: pending.span(), gate, reason };
            self.log.append(asked.into_iter().chain([paused]).collect());
        }
    }

    /// Ends a call that is stopped before it is sent, as the agent of another program no longer waits for it.
    pub(super) fn given_up(&mut self, path: &str) {
        let is_stopped = |pending: &&PendingCall| pending.is_paused() && matches!(pending.stage(), Stage::Before);
        if let Some(span) = self.calls.get(path).filter(is_stopped).map(PendingCall::span) {
            // Refused, it stays until the user lets it go.
            let _ = self.release(span, &Release::Continue { notify_model: false });
        }
    }

    fn price_of(&self, path: &str) -> Option<Price> {
        let pending = self.calls.get(path)?;
        let Some(Work::Llm(request)) = pending.work() else { return None };
        let began = self.log.with(|state| state.trace.get(pending.agent()).map(|found| found.generation));
        let sent = self.wishes.with_model(request.clone(), began.unwrap_or_default());
        self.version_now().prices.get(&sent.model.to_string()).cloned()
    }
}

/// Why an end is none of its own, where a later reading has to know it.
pub(super) fn cause_of(failure: &Failure) -> Option<EndCause> {
    match failure {
        Failure::Halt(Halt::Limit(_)) => Some(EndCause::Limit),
        Failure::Halt(Halt::Unanswered(_)) => Some(EndCause::Denied),
        _ => None,
    }
}
