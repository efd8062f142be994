//! Effects on their way: looked at, started, carried out by a task.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::super::ask::{Payload, Work};
use super::super::conversations::message_records;
use super::super::failure::{Failure, Halt};
use super::super::gates::Arrival;
use super::calls::{Job, PendingCall, Stage};
use super::exec::{self, Done, ModelRun, ToolRun};
use super::gatekeeper::Question;
use super::permits::HeldPermit;
use super::turn::Turn;
use super::{Dispatcher, Incoming};
use crate::effects::llm::CallPosition;
use crate::effects::tools::ToolError;
use crate::model::{ConditionFacts, EditReach, Gate, LlmRequest, Message, SentModel, SpanId, ToolCall, TraceBody};
use crate::rollback::Origin;

/// The tools that write a memory key, which their argument `key` names.
const MEMORY_WRITERS: [&str; 3] = ["tama_mem_set", "tama_mem_append", "tama_mem_delete"];

impl Dispatcher {
    /// Carries an effect out, unless the policy or a limit forbids it, or nothing can be recorded.
    pub(super) fn launch(&mut self, path: &str) {
        let Some(span) = self.calls.get(path).map(PendingCall::span) else { return };
        if let Some(why) = self.log.stopped() {
            let text = format!("not done, because the run can't be recorded any more: failed to {why}");
            return self.end(path, span, Done::NotRecorded(Halt::NotRecorded(text).into()));
        }
        let question = self.question(path);
        if let Some(Question::Tool(asked)) = &question {
            self.record_unseen_approval(asked);
        }
        let actions = self.gatekeeper.launch(path, question.as_ref());
        self.carry_out(actions);
    }

    /// Starts the task of an effect, when it has a permit.
    pub(super) fn start(&mut self, path: &str) {
        let Some(pending) = self.calls.get(path) else { return };
        let (span, agent) = (pending.span(), pending.agent());
        let work = pending.work().cloned();
        if let Some(Work::Tool { refusal: Some(why), .. }) = work {
            return self.end(path, span, exec::fault(&ToolError(why)));
        }
        let Some(permit) = self.turn(path, span) else { return };
        match work {
            Some(Work::Llm(request)) => self.start_llm(path, &request, permit),
            Some(Work::Tool { call, .. }) => self.start_tool(path, (span, agent), call, permit),
            Some(Work::Human { .. }) | None => {}
        }
    }

    fn start_tool(&mut self, path: &str, (span, agent): (SpanId, SpanId), call: ToolCall, permit: Arc<HeldPermit>) {
        let (stop, turn) = (CancellationToken::new(), Turn::default());
        let open = self.calls.get(path).and_then(PendingCall::open_files).cloned();
        self.note_open_files(span, open.as_ref());
        let tools = self.tools_of(agent);
        let is_command = tools.get(&call.name).is_some_and(|tool| tool.is_command());
        let own_files = if is_command { self.versions.own_files(self.generation()) } else { Vec::new() };
        let run = ToolRun {
            own_files,
            open,
            log: self.log.clone(),
            services: self.services.clone(),
            tools,
            inbox: self.inbox.clone(),
            path: path.to_owned(),
            stop: stop.clone(),
            turn: turn.clone(),
            permit: permit.clone(),
            origin: Origin { span: agent, tool_span: span, tool_name: call.name.clone() },
            call,
        };
        let job = self.spawn(path, span, run.run());
        self.calls.start(path, Job { stop: Some(stop), turn, permit: Some(permit), ..job });
    }

    fn start_llm(&mut self, path: &str, request: &LlmRequest, permit: Arc<HeldPermit>) {
        let Some(pending) = self.calls.get(path) else { return };
        let Some(models) = self.models.clone() else { return };
        let (span, agent) = (pending.span(), pending.agent());
        let (visit, parent) = (pending.position().visit, pending.position().parent.clone());
        self.send_notice(agent, span, request);
        let began = self.log.with(|state| state.trace.get(agent).map(|found| found.generation)).unwrap_or_default();
        let edited = self.edits.apply(request, agent, span).unwrap_or_else(|| request.clone());
        let sent = Some(self.wishes.with_model(edited, began)).filter(|sent| sent != request);
        if let Some(sent) = &sent {
            let is_other = sent.model != request.model || sent.options != request.options;
            let model = is_other.then(|| SentModel { name: sent.model.clone(), options: sent.options });
            let messages = (sent.messages != request.messages).then(|| message_records(&self.log, &sent.messages, 0));
            let system = (sent.system != request.system).then(|| self.log.text(&sent.system));
            self.log.append(vec![TraceBody::Sent { span, system, messages, args: None, model }]);
        }
        let attempt = self.log.with(|state| {
            let of = |span| state.trace.get(span).map_or(1, |found| found.attempt.0);
            of(agent).max(of(span))
        });
        let stops_after = self.gatekeeper.would_stop(&self.arrival(path, Gate::AfterLlm));
        let position = CallPosition { agent: parent, call: visit, attempt, path: path.to_owned(), stops_after };
        let sent = sent.unwrap_or_else(|| request.clone());
        let so_far = exec::TextSoFar::default();
        let (log, sink, services) = (self.log.clone(), self.sink.clone(), self.services.clone());
        let run = ModelRun {
            log,
            services,
            models,
            sink,
            span,
            request: sent,
            position,
            so_far: so_far.clone(),
            permit: permit.clone(),
        };
        let job = self.spawn(path, span, run.run());
        self.calls.start(path, Job { so_far: Some(so_far), permit: Some(permit), ..job });
    }

    /// Adds the notice for the model of a stale agent to its conversation, from this call on.
    fn send_notice(&mut self, agent: SpanId, call: SpanId, request: &LlmRequest) {
        // An agent of another program hears of it in the answer to its hook.
        let Some(text) = self.edits.take_notice(agent).filter(|_| self.services.agent.is_none()) else { return };
        let mut messages = request.messages.clone();
        messages.push(Message::User { text });
        self.add_conversation(EditReach::Try { span: agent }, call, request.messages.len(), messages);
    }

    fn spawn(&self, path: &str, span: SpanId, work: impl Future<Output = Done> + Send + 'static) -> Job {
        let (inbox, at) = (self.inbox.clone(), path.to_owned());
        let handle = tokio::spawn(async move {
            let ended = AssertUnwindSafe(work).catch_unwind().await;
            // The callers must hear of it, or the run would stand still for ever.
            let done = ended.unwrap_or_else(|_| Done::NotRecorded(Failure::new("the program failed in this call")));
            // The dispatcher outlives its tasks; when it is gone, nobody waits.
            drop(inbox.send(Incoming::Done { path: at, span, done }));
        });
        Job { handle, stop: None, turn: Turn::default(), permit: None, so_far: None }
    }

    /// Describes a span's arrival at a gate.
    pub(super) fn arrival(&self, path: &str, gate: Gate) -> Arrival {
        let pending = self.calls.get(path);
        let agent_span = pending.map(PendingCall::agent).or_else(|| self.calls.span_at(path));
        let agent = agent_span.map(|span| self.log.with(|state| state.trace.name(span).to_owned())).unwrap_or_default();
        let (tool, model) = match pending.and_then(PendingCall::work) {
            Some(Work::Llm(request)) => (None, Some(request.model.to_string())),
            Some(Work::Tool { call, .. }) => (Some(call.name.clone()), None),
            Some(Work::Human { .. }) | None => (None, None),
        };
        let writes = pending.and_then(PendingCall::work).and_then(written_key);
        let facts = if self.gatekeeper.has_conditions() { self.facts(path, gate) } else { ConditionFacts::default() };
        Arrival { gate, path: path.to_owned(), agent, tool, model, writes, facts }
    }

    /// The facts about a span that conditions ask about; before a call those of its agent so far.
    fn facts(&self, path: &str, gate: Gate) -> ConditionFacts {
        let pending = self.calls.get(path);
        let own = pending.map(PendingCall::span).or_else(|| self.calls.span_at(path));
        let of = if gate.is_before() { pending.map(PendingCall::agent).or(own) } else { own };
        let counts = of.and_then(|span| self.log.with(|state| state.trace.get(span).map(|found| found.counts)));
        let counts = counts.unwrap_or_default();
        let outcome = pending.and_then(|pending| match pending.stage() {
            Stage::After { outcome } => Some(outcome),
            _ => None,
        });
        let output = outcome.map(|outcome| match outcome {
            Ok(Payload::Llm(response)) => response.text.clone(),
            Ok(Payload::Tool(text) | Payload::Human(text)) => text.clone(),
            Ok(Payload::Agent(output)) => output.value.clone(),
            Err(failure) => failure.to_string(),
        });
        let tokens = counts.usage.input + counts.usage.output;
        ConditionFacts { tokens, cost: counts.cost, output, ..ConditionFacts::default() }
    }
}

/// The memory key that a call would write.
fn written_key(work: &Work) -> Option<String> {
    let Work::Tool { call, .. } = work else { return None };
    let is_writer = MEMORY_WRITERS.contains(&call.name.as_str());
    call.args.get("key").filter(|_| is_writer).and_then(|key| key.as_str()).map(ToOwned::to_owned)
}
