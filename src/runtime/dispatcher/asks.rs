//! What pattern code asks: an agent begins, an effect, an agent ends.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::super::ask::{AgentKey, Ask, Outcome, Output, Payload, SpanPosition, Work};
use super::super::failure::Failure;
use super::super::gates::Arrival;
use super::super::journal::{Lookup, NO_REQUEST};
use super::super::request::json;
use super::Dispatcher;
use super::calls::cause_of;
use super::pending_call::{Caller, PendingCall, Stage};
use crate::model::{
    Finish, Gate, LlmRequest, LlmRequestRecord, Message, MessageRecord, PauseReason, SpanEnd, SpanId, SpanSpec,
    SpanStart, SpanStatus, TextHash, TraceBody, Try,
};
use crate::pipeline::Pipeline;
use crate::store::RunLog;

type Reply = oneshot::Sender<Outcome>;
type Start = oneshot::Sender<Result<Arc<Pipeline>, Failure>>;

impl Dispatcher {
    pub(super) fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Enter { position, key, input, reply } => self.enter(position, &key, &input, reply),
            Ask::Effect { position, work, reply } => self.effect(position, work, reply),
            Ask::Exit { path, result, reply } => self.exit(&path, result, reply),
        }
    }

    fn enter(&mut self, position: SpanPosition, key: &AgentKey, input: &str, reply: Start) {
        let Some(span) = self.paths.get(&position.path).copied() else {
            // A reply may find its asker gone: a retry dropped it in between.
            return drop(reply.send(self.start_agent(&position, key, input)));
        };
        self.agent_names.insert(span, key.edit_name());
        if let Some(pending) = self.pending.get_mut(&position.path).filter(|pending| pending.is_start()) {
            return pending.replies.push(Caller::Start(reply));
        }
        if let Err(divergence) = self.with_texts(|read| self.journal.compare_input(&position.path, input, read)) {
            let pending = PendingCall::new(span, span, position, NO_REQUEST, Stage::Before, Caller::Start(reply));
            return self.stop_diverged(pending, *divergence);
        }
        let generation = self.log.with(|state| state.trace.get(span).map(|found| found.generation));
        drop(reply.send(Ok(self.version(generation.unwrap_or_default()))));
    }

    fn start_agent(&mut self, position: &SpanPosition, key: &AgentKey, input: &str) -> Result<Arc<Pipeline>, Failure> {
        let pipeline = self.version(self.generation());
        let spec = self.agent_spec(&pipeline, key, input)?;
        let span = self.start_span(position, spec, key.step.clone());
        self.agent_names.insert(span, key.edit_name());
        if position.fan.is_some() {
            self.send_item_subject(span, input);
        }
        Ok(pipeline)
    }

    fn agent_spec(&self, pipeline: &Pipeline, key: &AgentKey, input: &str) -> Result<SpanSpec, Failure> {
        let agent = key.find_in(pipeline)?;
        let step = key.step.as_ref().and_then(|name| agent.steps.get(name));
        let prompt = step.map(|step| &step.prompt).or(agent.prompt.as_ref());
        let edited = self.edits.prompt_of(&key.edit_name());
        let text = edited.or(prompt.map(|prompt| prompt.text.as_str()));
        Ok(SpanSpec::Agent {
            pattern: key.pattern(agent).to_owned(),
            input: self.log.text(input),
            prompt: text.map(|text| self.log.text(text)),
            prompt_file: prompt.and_then(|prompt| prompt.file.clone()),
        })
    }

    fn effect(&mut self, position: SpanPosition, work: Work, reply: Reply) {
        if let Some(pending) = self.pending.get_mut(&position.path) {
            pending.replies.push(Caller::Outcome(reply));
            return;
        }
        let request = work.request(self.journal.hash());
        match self.journal.lookup(&position.path, request) {
            Lookup::Hit(outcome) => drop(reply.send(outcome.clone())),
            Lookup::Diverged(span) => self.diverged(span, position, request, Caller::Outcome(reply)),
            Lookup::Miss => self.open_effect(position, work, request, reply),
        }
    }

    /// The code asks something else than what is recorded at this path: nothing may go on from here.
    fn diverged(&mut self, span: SpanId, position: SpanPosition, request: TextHash, caller: Caller) {
        let divergence = self.other_request(span, &position.path);
        let agent = self.paths.get(&position.parent).copied().unwrap_or(SpanId::RUN);
        self.stop_diverged(PendingCall::new(span, agent, position, request, Stage::Before, caller), divergence);
    }

    /// A new effect: its span, then the gate before it.
    fn open_effect(&mut self, position: SpanPosition, work: Work, request: TextHash, reply: Reply) {
        let agent = self.paths.get(&position.parent).copied().unwrap_or(SpanId::RUN);
        let spec = match &work {
            Work::Llm(asked) => SpanSpec::Llm(llm_record(&self.log, asked, request)),
            Work::Tool { call, .. } => SpanSpec::Tool {
                args: self.log.text(&call.args.to_string()),
                request,
                effect: self.effect_of(agent, call),
            },
        };
        let span = self.start_span(&position, spec, None);
        let path = position.path.clone();
        let caller = Caller::Outcome(reply);
        let mut pending = PendingCall::new(span, agent, position, request, Stage::Before, caller);
        pending.work = Some(work);
        let gate = pending.before();
        let call = match &pending.work {
            Some(Work::Tool { call, .. }) => Some(call.clone()),
            _ => None,
        };
        self.pending.insert(path.clone(), pending);
        if let Some(call) = call {
            self.send_call_subject(&path, span, &call);
        }
        match self.arrive(&path, gate).or_else(|| self.must_ask(&path)) {
            Some(reason) => self.pause_at(&path, gate, reason),
            None => self.launch(&path),
        }
    }

    fn exit(&mut self, path: &str, result: Result<Output, Failure>, reply: Reply) {
        let Some(span) = self.paths.get(path).copied() else {
            return drop(reply.send(result.map(Payload::Agent)));
        };
        if self.log.with(|state| state.trace.get(span).is_some_and(|found| found.ended.is_some())) {
            return self.exit_again(span, path, result, reply);
        }
        self.end_agent(span, path, &result);
        let (gate, reason) = match &result {
            Err(failure) if failure.is_shown() => (Gate::Error, None),
            Err(failure) => (Gate::Error, Some(PauseReason::Error { error: failure.to_string() })),
            Ok(_) => (Gate::AfterAgent, self.arrive(path, Gate::AfterAgent)),
        };
        let position = self.position_of(span, path);
        let stage = Stage::After { outcome: result.map(Payload::Agent) };
        let pending = PendingCall::new(span, span, position, NO_REQUEST, stage, Caller::Outcome(reply));
        self.pending.insert(path.to_owned(), pending);
        self.stop_or_reply(path, gate, reason);
    }

    /// The code of an agent that has ended came to its end again: it must be the recorded one.
    fn exit_again(&mut self, span: SpanId, path: &str, result: Result<Output, Failure>, reply: Reply) {
        if let Some(answered) = self.journal.answered_end(path) {
            return drop(reply.send(answered.clone()));
        }
        let is_known = self.pending.get(path).is_some_and(PendingCall::has_diverged);
        let compared = self.with_texts(|read| self.journal.compare_end(path, &result, read));
        if let (Err(divergence), false) = (compared, is_known) {
            let position = self.position_of(span, path);
            let pending = PendingCall::new(span, span, position, NO_REQUEST, Stage::Before, Caller::Outcome(reply));
            return self.stop_diverged(pending, *divergence);
        }
        match self.pending.get_mut(path) {
            Some(pending) => pending.replies.push(Caller::Outcome(reply)),
            None => drop(reply.send(result.map(Payload::Agent))),
        }
    }

    fn end_agent(&mut self, span: SpanId, path: &str, result: &Result<Output, Failure>) {
        let end = match result {
            Ok(output) => SpanEnd {
                finish: Some(Finish { key: output.key.clone(), synthetic: output.synthetic }),
                output: Some(self.log.text(&output.value)),
                ..SpanEnd::new(span, SpanStatus::Ok)
            },
            Err(failure) => SpanEnd {
                output: Some(self.log.text(&failure.to_string())),
                cause: cause_of(failure),
                ..SpanEnd::new(span, SpanStatus::Error)
            },
        };
        self.journal.end_agent(path, &end);
        self.log.append(vec![TraceBody::SpanEnded(end)]);
    }

    fn position_of(&self, span: SpanId, path: &str) -> SpanPosition {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
        self.log.with(|state| SpanPosition {
            path: path.to_owned(),
            parent,
            name: state.trace.name(span).to_owned(),
            visit: state.trace.get(span).map_or(1, |found| found.visit),
            fan: state.trace.get(span).and_then(|found| found.fan),
        })
    }

    fn start_span(&mut self, position: &SpanPosition, spec: SpanSpec, step: Option<String>) -> SpanId {
        let tries = self.tries.entry(position.path.clone()).or_default();
        *tries += 1;
        let attempt = Try(*tries);
        let parent = self.paths.get(&position.parent).copied().unwrap_or(SpanId::RUN);
        let (count, generation) = self.log.with(|state| (state.trace.len(), state.generation));
        let span = SpanId(u32::try_from(count).unwrap_or(u32::MAX));
        self.paths.insert(position.path.clone(), span);
        if let SpanSpec::Agent { input, .. } = &spec {
            self.journal.start_agent(position.path.clone(), *input);
        }
        self.log.append(vec![TraceBody::SpanStarted(SpanStart {
            span,
            parent,
            path: position.path.clone(),
            name: position.name.clone(),
            visit: position.visit,
            attempt,
            generation,
            fan: position.fan,
            spec,
            step,
            attributes: std::collections::BTreeMap::new(),
        })]);
        span
    }

    /// Why a span stops at a gate, if it does.
    pub(super) fn arrive(&mut self, path: &str, gate: Gate) -> Option<PauseReason> {
        if self.is_headless() {
            return None;
        }
        let pending = self.pending.get(path);
        let agent_span = pending.map(|pending| pending.agent).or_else(|| self.paths.get(path).copied());
        let agent = agent_span.map(|span| self.log.with(|state| state.trace.name(span).to_owned())).unwrap_or_default();
        let (tool, model) = match pending.and_then(|pending| pending.work.as_ref()) {
            Some(Work::Llm(request)) => (None, Some(request.model.to_string())),
            Some(Work::Tool { call, .. }) => (Some(call.name.clone()), None),
            None => (None, None),
        };
        let at = Arrival { gate, path, agent: &agent, tool: tool.as_deref(), model: model.as_deref() };
        self.gates.arrive(&at)
    }
}

/// A model call as stored: texts by hash.
fn llm_record(log: &RunLog, request: &LlmRequest, hash: TextHash) -> LlmRequestRecord {
    LlmRequestRecord {
        request: hash,
        model: request.model.clone(),
        options: request.options,
        system: log.text(&request.system),
        tools: request.tools.iter().map(|tool| tool.name.clone()).collect(),
        messages: message_records(log, &request.messages),
    }
}

/// A conversation as stored.
pub(super) fn message_records(log: &RunLog, messages: &[Message]) -> Vec<MessageRecord> {
    let role = |message: &Message| match message {
        Message::User { .. } => "user",
        Message::Assistant { .. } => "assistant",
        Message::Tool { .. } => "tool",
    };
    messages
        .iter()
        .map(|message| MessageRecord { role: role(message).to_owned(), text: log.text(&json(message)) })
        .collect()
}
