//! Effects that are through: recorded, stopped at the gate after them, given back.

use super::super::ask::{Payload, Work};
use super::super::failure::{Failure, Halt};
use super::super::request::json;
use super::Dispatcher;
use super::calls::PendingCall;
use super::exec::Done;
use super::gatekeeper::Ended;
use crate::model::{EndCause, Finish, Gate, LlmResponse, PauseReason, SpanEnd, SpanId, SpanStatus, TraceBody, Usage};
use crate::pipeline::Price;

impl Dispatcher {
    /// Records the outcome of an effect, then takes the gate after it.
    pub(super) fn end(&mut self, path: &str, span: SpanId, done: Done) {
        if !self.calls.end_task(path, span) {
            return;
        }
        let price = self.price_of(path);
        let broken = matches!(done, Done::NotRecorded(_));
        let end = SpanEnd::new(span, SpanStatus::Ok);
        let (end, outcome, faulty) = match done {
            Done::Llm(Ok(response)) => {
                let response = self.mask(response);
                let cost = response.usage.zip(price).map(|(usage, price)| cost(usage, price));
                let output = Some(self.log.text(&json(&response)));
                (SpanEnd { output, usage: response.usage, cost, ..end }, Ok(Payload::Llm(response)), false)
            }
            Done::Tool { text, fault, cause } => {
                let text = self.services.masker.mask(&text).into_owned();
                let status = if fault { SpanStatus::Error } else { SpanStatus::Ok };
                let finish = fault.then(|| Finish { key: "fault".into(), synthetic: true });
                let output = Some(self.log.text(&text));
                (SpanEnd { status, finish, output, cause, ..end }, Ok(Payload::Tool(text)), fault)
            }
            Done::Llm(Err(failure)) | Done::NotRecorded(failure) => {
                let failure = failure.map_text(|text| self.services.masker.mask(&text).into_owned());
                let text = failure.to_string();
                if broken {
                    // What can't be recorded can't come up as an event either.
                    self.refuse(&failure);
                }
                let output = Some(self.log.text(&text));
                (SpanEnd { status: SpanStatus::Error, output, cause: cause_of(&failure), ..end }, Err(failure), true)
            }
        };
        self.log.append(vec![TraceBody::SpanEnded(end)]);
        // A command's changes were asked for at the gate after it before they were applied.
        let passed = self.calls.get(path).is_some_and(PendingCall::is_looked_after);
        let ended = Ended { error: outcome.as_ref().err().map(ToString::to_string), faulty, passed };
        let gate = self.calls.get(path).map_or(Gate::AfterTool, PendingCall::after);
        self.calls.record_outcome(path, outcome);
        let at = self.arrival(path, gate);
        let action = self.gatekeeper.after(at, ended);
        self.carry_out(vec![action]);
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

    fn price_of(&self, path: &str) -> Option<Price> {
        let Some(Work::Llm(request)) = self.calls.get(path)?.work() else { return None };
        self.version_now().prices.get(&request.model.to_string()).copied()
    }

    fn mask(&self, mut response: LlmResponse) -> LlmResponse {
        response.text = self.services.masker.mask(&response.text).into_owned();
        response
    }
}

/// Why an end is none of its own, where a later reading has to know it.
pub(super) fn cause_of(failure: &Failure) -> Option<EndCause> {
    matches!(failure, Failure::Halt(Halt::Limit(_))).then_some(EndCause::Limit)
}

/// Millionths of a US dollar.
fn cost(usage: Usage, price: Price) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
    let dollars_per_million = usage.input as f64 * price.input + usage.output as f64 * price.output;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and prices are not negative")]
    let cost = dollars_per_million.round().max(0.0) as u64;
    cost
}
