//! Effects on their way: launched, done, stopped at a gate, given back.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::super::ask::{Outcome, Payload, Work};
use super::super::edits::Target;
use super::super::failure::{Failure, Halt};
use super::super::policy::{PolicyDecision, decide};
use super::super::request::json;
use super::asks::message_records;
use super::exec::{self, Done, ToolRun};
use super::pending_call::{Job, PendingCall, Stage};
use super::{Dispatcher, Incoming};
use crate::effects::llm::CallPosition;
use crate::effects::tools::ToolError;
use crate::model::{
    EndCause, Finish, Gate, LlmRequest, LlmResponse, Message, PauseReason, SpanEnd, SpanId, SpanStatus, TraceBody,
    Usage,
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
        match self.policy_decision_on(path)? {
            PolicyDecision::Ask(rule) => {
                let runs = self.command_at(path).map(|command| format!("; it runs {command}"));
                Some(PauseReason::Policy { rule: rule + &runs.unwrap_or_default() })
            }

            PolicyDecision::Allow | PolicyDecision::Deny(_) => None,
        }
    }

    /// Carries an effect out, unless policy or a limit forbids it.
    pub(super) fn launch(&mut self, path: &str) {
        let Some(pending) = self.pending.get(path) else { return };
        let span = pending.span;
        if let Some(why) = self.log.stopped() {
            let text = format!("not done, because the run can't be recorded any more: failed to {why}");
            return self.done(path, span, Done::NotRecorded(Halt::NotRecorded(text).into()));
        }
        if self.is_headless()
            && let Some(limit) = self.crossed_limit(path)
        {
            self.limited = true;
            return self.done(path, span, Done::Llm(Err(Halt::Limit(limit).into())));
        }
        match pending.work.clone() {
            Some(Work::Llm(request)) => self.launch_llm(path, &request),
            Some(Work::Tool { call, refusal }) => {
                if let Some(why) = refusal {
                    return self.done(path, span, exec::fault(&ToolError(why)));
                }
                let denial = self.denial(path);
                self.record_unseen_approval(path, denial.is_some());
                if let Some(denial) = denial {
                    let result = denial.result();
                    // Without a screen the end of the program tells it.
                    if !self.is_headless() {
                        self.note(Some(span), false, format!("denied {path}: {}", denial.why));
                    }
                    self.denials.push(denial);
                    return self.done(path, span, exec::denied(&result));
                }
                let Some(pending) = self.pending.get(path) else { return };
                let origin = Origin { span: pending.agent, tool_span: span, tool_name: call.name.clone() };
                let stop = CancellationToken::new();
                let run = ToolRun {
                    log: self.log.clone(),
                    services: self.services.clone(),
                    tools: self.tools_of(pending.agent),
                    inbox: self.inbox.clone(),
                    path: path.to_owned(),
                    stop: stop.clone(),
                    origin,
                    call,
                };
                self.spawn(path, span, run.run(), Some(stop));
            }
            None => {}
        }
    }

    fn launch_llm(&mut self, path: &str, request: &LlmRequest) {
        let Some(pending) = self.pending.get(path) else { return };
        let Some(models) = self.models.clone() else { return };
        let (span, agent, visit, parent) =
            (pending.span, pending.agent, pending.position.visit, pending.position.parent.clone());
        self.send_notice(agent, span, request);
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
        let position = CallPosition { agent: parent, call: visit, attempt };
        let sent = sent.unwrap_or_else(|| request.clone());
        let so_far = exec::TextSoFar::default();
        let (sink, services) = (self.sink.clone(), self.services.clone());
        let call = exec::call_model(models, sink, span, sent, position, services, so_far.clone());
        self.spawn(path, span, call, None);
        if let Some(task) = self.pending.get_mut(path).and_then(|pending| pending.task.as_mut()) {
            task.so_far = Some(so_far);
        }
    }

    /// Adds the notice for the model of a stale agent to its conversation, from this call on.
    fn send_notice(&mut self, agent: SpanId, call: SpanId, request: &LlmRequest) {
        let Some(text) = self.edits.take_notice(agent) else { return };
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
            let done = ended.unwrap_or_else(|_| Done::NotRecorded(Failure::new("the program failed in this call")));
            // The dispatcher outlives its tasks; when it is gone, nobody waits.
            drop(inbox.send(Incoming::Done { path: at, span, done }));
        });
        if let Some(pending) = self.pending.get_mut(path) {
            pending.stage = Stage::Running;
            pending.task = Some(Job { handle, stop, so_far: None });
        }
    }

    /// A task is through; one that was halted meanwhile has its end already.
    pub(super) async fn arrived(&mut self, path: &str, span: SpanId, done: Done) {
        if self.reversal.stopped(path) {
            if let Some(pending) = self.pending.get_mut(path) {
                pending.task = None;
            }
            return self.go_on_when_halted().await;
        }
        if self.pending.get(path).is_some_and(|pending| pending.task.is_some()) {
            self.done(path, span, done);
        }
    }

    /// An effect is through: its outcome is recorded, then the gate after it.
    pub(super) fn done(&mut self, path: &str, span: SpanId, done: Done) {
        let Some(pending) = self.pending.get_mut(path).filter(|pending| pending.span == span) else { return };
        pending.task = None;
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
        let (gate, reason) = self.after(path, &outcome, faulty);
        self.record_outcome(path, outcome);
        self.stop_or_reply(path, gate, reason);
    }

    /// The gate after an effect, and why it stops there.
    fn after(&mut self, path: &str, outcome: &Outcome, faulty: bool) -> (Gate, Option<PauseReason>) {
        match outcome {
            Err(failure) => (Gate::Error, Some(PauseReason::Error { error: failure.to_string() })),
            Ok(_) if faulty && let Some(reason) = self.arrive(path, Gate::Error) => (Gate::Error, Some(reason)),
            Ok(payload) => {
                let gate = if matches!(payload, Payload::Llm(_)) { Gate::AfterLlm } else { Gate::AfterTool };
                // A command's changes were asked for there before they landed.
                let passed = self.pending.get(path).is_some_and(|pending| pending.looked_after);
                (gate, if passed { None } else { self.arrive(path, gate) })
            }
        }
    }

    /// Keeps a recorded outcome with its pending call, and in the journal.
    pub(super) fn record_outcome(&mut self, path: &str, outcome: Outcome) {
        let Some(pending) = self.pending.get_mut(path) else { return };
        if pending.work.is_some() {
            let kept = outcome.clone().map_err(Failure::into_shown);
            self.journal.insert(path.to_owned(), pending.span, pending.request, kept);
        }
        pending.stage = Stage::After { outcome };
    }

    /// Stops a recorded call at a gate, or replies to its callers.
    pub(super) fn stop_or_reply(&mut self, path: &str, gate: Gate, reason: Option<PauseReason>) {
        match reason {
            Some(reason) if !self.is_headless() => self.pause_at(path, gate, reason),
            _ => self.reply(path),
        }
    }

    /// Stops a span at a gate.
    pub(super) fn pause_at(&mut self, path: &str, gate: Gate, reason: PauseReason) {
        let asked = self.approval_asked(path, &reason);
        if let Some(pending) = self.pending.get(path) {
            let paused = TraceBody::Paused { span: pending.span, gate, reason };
            self.log.append(asked.into_iter().chain([paused]).collect());
        }
    }

    /// Sends the recorded outcome to every waiting caller and removes the call.
    pub(super) fn reply(&mut self, path: &str) {
        let Some(PendingCall { stage: Stage::After { outcome }, replies, .. }) = self.pending.remove(path) else {
            return;
        };
        let outcome = outcome.map_err(Failure::into_shown);
        for caller in replies {
            caller.reply(outcome.clone());
        }
    }

    /// The policy's decision on the tool call at a path.
    pub(super) fn policy_decision_on(&self, path: &str) -> Option<PolicyDecision> {
        let pending = self.pending.get(path)?;
        let Some(Work::Tool { call, refusal: None }) = pending.work.as_ref() else { return None };
        self.tools_of(pending.agent).get(&call.name)?;
        let effect = self.effect_of(pending.agent, call);
        let policy = &self.version(self.generation()).policy;
        let decision = decide(policy, call, effect, self.services.world.root());
        let always = (self.generation(), call.name.clone(), call.args.to_string());
        if self.always_allowed.contains(&always) && !matches!(decision, PolicyDecision::Deny(_)) {
            return Some(PolicyDecision::Allow);
        }
        let before = || self.done_before(pending.agent, call);
        Some(match decision {
            PolicyDecision::Allow => before()
                .or_else(|| self.writes_own_file(call, effect))
                .map_or(PolicyDecision::Allow, PolicyDecision::Ask),
            PolicyDecision::Ask(why) => {
                PolicyDecision::Ask(before().map_or(why.clone(), |done| format!("{why}; {done}")))
            }
            decision @ PolicyDecision::Deny(_) => decision,
        })
    }

    /// Allows the call at a path, with exactly its arguments, for the rest of the generation: a retry asks again.
    pub(super) fn allow_always(&mut self, path: &str) {
        let generation = self.generation();
        if let Some(Work::Tool { call, .. }) = self.pending.get(path).and_then(|pending| pending.work.as_ref()) {
            self.always_allowed.insert((generation, call.name.clone(), call.args.to_string()));
        }
    }

    /// The limit that was crossed, before another model call.
    fn crossed_limit(&self, path: &str) -> Option<String> {
        let is_llm = matches!(self.pending.get(path)?.work, Some(Work::Llm(_)));
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
        let Some(Work::Llm(request)) = self.pending.get(path)?.work.as_ref() else { return None };
        self.version(self.generation()).prices.get(&request.model.to_string()).copied()
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
