//! Effects on their way: launched, done, stopped at a gate, given back.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::super::ask::{Failure, Outcome, Payload, Work};
use super::super::edits::Target;
use super::super::policy::{Verdict, verdict};
use super::super::request::json;
use super::asks::message_records;
use super::exec::{self, Done, ToolRun};
use super::flight::{Flight, Job, Stage};
use super::{Dispatcher, Incoming};
use crate::effects::llm::CallPlace;
use crate::effects::tools::ToolError;
use crate::model::{
    Finish, Gate, LlmRequest, LlmResponse, Message, PauseReason, SpanEnd, SpanId, SpanStatus, TraceBody, Update, Usage,
};
use crate::pipeline::Price;
use crate::rollback::Origin;

impl Dispatcher {
    /// Why the user must be asked before this effect: policy, or a limit that was crossed.
    pub(super) fn must_ask(&mut self, path: &str) -> Option<PauseReason> {
        if self.is_headless() {
            return None;
        }
        if let Some(limit) = self.crossed_limit(path) {
            return Some(PauseReason::Limit { limit });
        }
        match self.verdict_on(path)? {
            Verdict::Ask(rule) => {
                let runs = self.command_at(path).map(|command| format!("; it runs {command}"));
                Some(PauseReason::Policy { rule: rule + &runs.unwrap_or_default() })
            }

            Verdict::Allow | Verdict::Deny(_) => None,
        }
    }

    /// Carries an effect out, unless policy or a limit forbids it.
    pub(super) fn launch(&mut self, path: &str) {
        let Some(flight) = self.flights.get(path) else { return };
        let span = flight.span;
        if let Some(why) = self.log.stopped() {
            let text = format!("not done, because the run can't be recorded any more: failed to {why}");
            return self.done(path, span, Done::Broken(Failure::new(text)));
        }
        if self.is_headless()
            && let Some(limit) = self.crossed_limit(path)
        {
            self.limited = true;
            return self.done(path, span, Done::Llm(Err(Failure { text: limit, told: true })));
        }
        match flight.work.clone() {
            Some(Work::Llm(request)) => self.launch_llm(path, &request),
            Some(Work::Tool { call, refusal }) => {
                if let Some(why) = refusal {
                    return self.done(path, span, exec::fault(&ToolError(why)));
                }
                if let Some(denial) = self.denial(path) {
                    let result = denial.result();
                    self.denials.push(denial);
                    return self.done(path, span, exec::denied(&result));
                }
                let Some(flight) = self.flights.get(path) else { return };
                let doer = Origin { span: flight.agent, tool_span: span, tool_name: call.name.clone() };
                let stop = CancellationToken::new();
                let run = ToolRun {
                    log: self.log.clone(),
                    means: self.means.clone(),
                    tools: self.tools_of(flight.agent),
                    inbox: self.inbox.clone(),
                    path: path.to_owned(),
                    stop: stop.clone(),
                    doer,
                    call,
                };
                self.spawn(path, span, run.run(), Some(stop));
            }
            None => {}
        }
    }

    fn launch_llm(&mut self, path: &str, request: &LlmRequest) {
        let Some(flight) = self.flights.get(path) else { return };
        let Some(models) = self.models.clone() else { return };
        let (span, agent, visit, parent) = (flight.span, flight.agent, flight.place.visit, flight.place.parent.clone());
        self.tell(agent, span, request);
        let name = self.agent_names.get(&agent).cloned().unwrap_or_default();
        let sent = self.edits.apply(request, Target { agent: &name, agent_span: agent, call: span });
        if let Some(sent) = &sent {
            let messages = (sent.messages != request.messages).then(|| message_records(&self.log, &sent.messages));
            let system = (sent.system != request.system).then(|| self.log.text(&sent.system));
            self.log.append(vec![TraceBody::Sent { span, system, messages, args: None }]);
        }
        let attempt = self.log.with(|state| {
            let of = |span| state.trace.get(span).map_or(1, |found| found.attempt.0);
            of(agent).max(of(span))
        });
        let place = CallPlace { agent: parent, call: visit, attempt };
        let sent = sent.unwrap_or_else(|| request.clone());
        let call = exec::call_model(models, self.sink.clone(), span, sent, place, self.means.clone());
        self.spawn(path, span, call, None);
    }

    /// What a stale agent's model is told goes into its conversation, from this call on.
    fn tell(&mut self, agent: SpanId, call: SpanId, request: &LlmRequest) {
        let Some(text) = self.edits.take_tell(agent) else { return };
        let mut messages = request.messages.clone();
        messages.push(Message::User { text });
        self.add_conversation(crate::model::EditReach::Try { span: agent }, call, request.messages.len(), messages);
    }

    fn spawn(
        &mut self,
        path: &str,
        span: SpanId,
        work: impl Future<Output = Done> + Send + 'static,
        stop: Option<CancellationToken>,
    ) {
        let (inbox, at) = (self.inbox.clone(), path.to_owned());
        let handle = tokio::spawn(async move {
            let ended = AssertUnwindSafe(work).catch_unwind().await;
            // Whoever waits must hear of it, or the run would stand still for ever.
            let done = ended.unwrap_or_else(|_| Done::Broken(Failure::new("the program failed in this call")));
            // The dispatcher outlives its tasks; when it is gone, nobody waits.
            drop(inbox.send(Incoming::Done { path: at, span, done }));
        });
        if let Some(flight) = self.flights.get_mut(path) {
            flight.stage = Stage::Running;
            flight.task = Some(Job { handle, stop });
        }
    }

    /// A task is through; one that was halted meanwhile has its end already.
    pub(super) fn arrived(&mut self, path: &str, span: SpanId, done: Done) {
        if self.flights.get(path).is_some_and(|flight| flight.task.is_some()) {
            self.done(path, span, done);
        }
    }

    /// An effect is through: its outcome is recorded, then the gate after it.
    pub(super) fn done(&mut self, path: &str, span: SpanId, done: Done) {
        let Some(flight) = self.flights.get_mut(path).filter(|flight| flight.span == span) else { return };
        flight.task = None;
        let price = self.price_of(path);
        let broken = matches!(done, Done::Broken(_));
        let end = SpanEnd::new(span, SpanStatus::Ok);
        let (end, outcome, faulty) = match done {
            Done::Llm(Ok(response)) => {
                let response = self.mask(response);
                let cost = response.usage.zip(price).map(|(usage, price)| cost(usage, price));
                let output = Some(self.log.text(&json(&response)));
                (SpanEnd { output, usage: response.usage, cost, ..end }, Ok(Payload::Llm(response)), false)
            }
            Done::Tool { text, fault, cause } => {
                let text = self.means.masker.mask(&text).into_owned();
                let status = if fault { SpanStatus::Error } else { SpanStatus::Ok };
                let finish = fault.then(|| Finish { key: "fault".into(), synthetic: true });
                let output = Some(self.log.text(&text));
                (SpanEnd { status, finish, output, cause, ..end }, Ok(Payload::Tool(text)), fault)
            }
            Done::Llm(Err(mut failure)) | Done::Broken(mut failure) => {
                failure.text = self.means.masker.mask(&failure.text).into_owned();
                if broken {
                    // What can't be recorded can't come up as an event either.
                    self.sink.send(Update::Refused(failure.text.clone()));
                }
                let output = Some(self.log.text(&failure.text));
                (SpanEnd { status: SpanStatus::Error, output, ..end }, Err(failure), true)
            }
        };
        self.log.append(vec![TraceBody::SpanEnded(end)]);
        let (gate, reason) = self.after(path, &outcome, faulty);
        self.rest(path, outcome);
        self.stop_or_settle(path, gate, reason);
    }

    /// The gate after an effect, and why it stops there.
    fn after(&mut self, path: &str, outcome: &Outcome, faulty: bool) -> (Gate, Option<PauseReason>) {
        match outcome {
            Err(failure) => (Gate::Error, Some(PauseReason::Error { error: failure.text.clone() })),
            Ok(_) if faulty && let Some(reason) = self.arrive(path, Gate::Error) => (Gate::Error, Some(reason)),
            Ok(payload) => {
                let gate = if matches!(payload, Payload::Llm(_)) { Gate::AfterLlm } else { Gate::AfterTool };
                // A command's changes were asked for there before they landed.
                let passed = self.flights.get(path).is_some_and(|flight| flight.looked_after);
                (gate, if passed { None } else { self.arrive(path, gate) })
            }
        }
    }

    /// Keeps a recorded outcome with its flight, and in the journal.
    pub(super) fn rest(&mut self, path: &str, outcome: Outcome) {
        let Some(flight) = self.flights.get_mut(path) else { return };
        if flight.work.is_some() {
            let kept = outcome.clone().map_err(|failure| Failure { told: true, ..failure });
            self.journal.insert(path.to_owned(), flight.span, flight.request, kept);
        }
        flight.stage = Stage::After { outcome };
    }

    /// Stops a recorded flight at a gate, or gives it back.
    pub(super) fn stop_or_settle(&mut self, path: &str, gate: Gate, reason: Option<PauseReason>) {
        match reason {
            Some(reason) if !self.is_headless() => self.pause_at(path, gate, reason),
            _ => self.settle(path),
        }
    }

    /// Stops a span at a gate.
    pub(super) fn pause_at(&mut self, path: &str, gate: Gate, reason: PauseReason) {
        if let Some(flight) = self.flights.get(path) {
            self.log.append(vec![TraceBody::Paused { span: flight.span, gate, reason }]);
        }
    }

    /// Gives a recorded outcome to whoever asked.
    pub(super) fn settle(&mut self, path: &str) {
        let Some(Flight { stage: Stage::After { outcome }, replies, .. }) = self.flights.remove(path) else { return };
        let outcome = outcome.map_err(|failure| Failure { told: true, ..failure });
        for reply in replies {
            // Pattern code that was dropped since doesn't wait any more.
            drop(reply.send(outcome.clone()));
        }
    }

    /// The policy's decision on the tool call at a path.
    pub(super) fn verdict_on(&self, path: &str) -> Option<Verdict> {
        let flight = self.flights.get(path)?;
        let Some(Work::Tool { call, refusal: None }) = flight.work.as_ref() else { return None };
        self.tools_of(flight.agent).get(&call.name)?;
        let effect = self.effect_of(flight.agent, call);
        let policy = &self.version(self.generation()).policy;
        let verdict = verdict(policy, call, effect, self.means.world.root());
        let always = (self.generation(), call.name.clone(), call.args.to_string());
        if self.always_allowed.contains(&always) && !matches!(verdict, Verdict::Deny(_)) {
            return Some(Verdict::Allow);
        }
        let before = || self.done_before(flight.agent, call);
        Some(match verdict {
            Verdict::Allow => {
                before().or_else(|| self.writes_own_file(call, effect)).map_or(Verdict::Allow, Verdict::Ask)
            }
            Verdict::Ask(why) => Verdict::Ask(before().map_or(why.clone(), |done| format!("{why}; {done}"))),
            verdict @ Verdict::Deny(_) => verdict,
        })
    }

    /// Allows the call at a path, with exactly its arguments, for the rest of the generation: a retry asks again.
    pub(super) fn allow_always(&mut self, path: &str) {
        let generation = self.generation();
        if let Some(Work::Tool { call, .. }) = self.flights.get(path).and_then(|flight| flight.work.as_ref()) {
            self.always_allowed.insert((generation, call.name.clone(), call.args.to_string()));
        }
    }

    /// The limit that was crossed, before another model call.
    fn crossed_limit(&self, path: &str) -> Option<String> {
        let is_llm = matches!(self.flights.get(path)?.work, Some(Work::Llm(_)));
        if !is_llm || self.limit_waived {
            return None;
        }
        let limits = self.version(self.generation()).limits;
        let counts = self.log.with(|state| state.trace.get(SpanId::RUN).map(|run| run.counts)).unwrap_or_default();
        let tokens = counts.usage.input + counts.usage.output;
        #[expect(clippy::cast_precision_loss, reason = "a sum of money, compared with a limit")]
        let dollars = counts.cost as f64 / 1e6;
        if let Some(max) = limits.max_tokens.filter(|max| tokens >= *max) {
            return Some(format!("{tokens} tokens are used, and limits.max_tokens is {max}"));
        }
        let max = limits.max_cost_usd.filter(|max| dollars >= *max)?;
        Some(format!("${dollars:.3} is spent, and limits.max_cost_usd is {max}"))
    }

    fn price_of(&self, path: &str) -> Option<Price> {
        let Some(Work::Llm(request)) = self.flights.get(path)?.work.as_ref() else { return None };
        self.version(self.generation()).prices.get(&request.model.to_string()).copied()
    }

    fn mask(&self, mut response: LlmResponse) -> LlmResponse {
        response.text = self.means.masker.mask(&response.text).into_owned();
        response
    }
}

/// Millionths of a US dollar.
fn cost(usage: Usage, price: Price) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
    let dollars_per_million = usage.input as f64 * price.input + usage.output as f64 * price.output;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and prices are not negative")]
    let cost = dollars_per_million.round().max(0.0) as u64;
    cost
}
