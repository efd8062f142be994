//! What pattern code asks: an agent begins, an effect, an agent ends.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::super::ask::{AgentKey, Ask, Outcome, Output, Payload, Place, Work};
use super::super::failure::{Divergence, Failure, Halt};
use super::super::gates::Arrival;
use super::super::journal::{Lookup, NO_REQUEST};
use super::super::request::{json, llm_hash, tool_hash};
use super::Dispatcher;
use super::calls::cause_of;
use super::pending_call::{PendingCall, Stage};
use crate::model::{
    Finish, Gate, LlmRequest, LlmRequestRecord, Message, MessageRecord, PauseReason, SpanEnd, SpanId, SpanSpec,
    SpanStart, SpanStatus, TextHash, TraceBody, Try,
};
use crate::pipeline::Pipeline;
use crate::store::RunLog;

type Reply = oneshot::Sender<Outcome>;

impl Dispatcher {
    pub(super) fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Enter { place, key, input, reply } => {
                // A reply may find its asker gone: a retry dropped it in between.
                drop(reply.send(self.enter(&place, &key, &input)));
            }
            Ask::Effect { place, work, reply } => self.effect(place, work, reply),
            Ask::Exit { path, result, reply } => self.exit(&path, result, reply),
        }
    }

    fn enter(&mut self, place: &Place, key: &AgentKey, input: &str) -> Result<Arc<Pipeline>, Failure> {
        if let Some(span) = self.paths.get(&place.path).copied() {
            self.agent_names.insert(span, key.edit_name());
            let generation = self.log.with(|state| state.trace.get(span).map(|found| found.generation));
            return Ok(self.version(generation.unwrap_or_default()));
        }
        let pipeline = self.version(self.generation());
        let spec = self.agent_spec(&pipeline, key, input)?;
        let span = self.start_span(place, spec);
        self.agent_names.insert(span, key.edit_name());
        if place.fan.is_some() {
            self.tell_item(span, input);
        }
        Ok(pipeline)
    }

    fn agent_spec(&self, pipeline: &Pipeline, key: &AgentKey, input: &str) -> Result<SpanSpec, Failure> {
        let agent = pipeline
            .agents
            .get(&key.agent)
            .ok_or_else(|| Failure::new(format!("no agent is named \"{}\" in the pipeline any more", key.agent)))?;
        let step = key.step.as_ref().and_then(|name| agent.steps.get(name));
        let pattern = match (&key.step, step) {
            (None, _) => agent.pattern.name(),
            (Some(_), Some(step)) if !step.react => "oneshot",
            (Some(_), _) => "react",
        };
        let prompt = step.map(|step| &step.prompt).or(agent.prompt.as_ref());
        let edited = self.edits.prompt_of(&key.edit_name());
        let text = edited.or(prompt.map(|prompt| prompt.text.as_str()));
        Ok(SpanSpec::Agent {
            pattern: pattern.to_owned(),
            input: self.log.text(input),
            prompt: text.map(|text| self.log.text(text)),
            prompt_file: prompt.and_then(|prompt| prompt.file.clone()),
        })
    }

    fn effect(&mut self, place: Place, work: Work, reply: Reply) {
        if let Some(pending) = self.pending.get_mut(&place.path) {
            pending.replies.push(reply);
            return;
        }
        let request = match &work {
            Work::Llm(request) => llm_hash(request),
            Work::Tool { call, .. } => tool_hash(call),
        };
        match self.journal.lookup(&place.path, request) {
            Lookup::Hit(outcome) => drop(reply.send(outcome.clone())),
            Lookup::Diverged(span) => self.diverged(span, place, request, reply),
            Lookup::Miss => self.open_effect(place, work, request, reply),
        }
    }

    /// The code asks something else than what is recorded at this path: nothing may go on from here.
    fn diverged(&mut self, span: SpanId, place: Place, request: TextHash, reply: Reply) {
        let kind = self.log.with(|state| state.trace.get(span).map_or("call", |found| found.kind.name()));
        let divergence = Divergence {
            path: place.path.clone(),
            recorded: format!("the {kind} {span}"),
            asked: "something else. Retry the agent, and it runs by what is asked now".to_owned(),
        };
        let text = divergence.to_string();
        self.note(Some(span), true, text.clone());
        let outcome = Err(Halt::from(Box::new(divergence)).into());
        let agent = self.paths.get(&place.parent).copied().unwrap_or(SpanId::RUN);
        let path = place.path.clone();
        let stage = Stage::After { outcome };
        let pending = PendingCall {
            span,
            agent,
            place,
            work: None,
            request,
            stage,
            replies: vec![reply],
            task: None,
            looked_after: false,
            hold: false,
        };
        self.pending.insert(path.clone(), pending);
        self.stop_or_reply(&path, Gate::Error, Some(PauseReason::Error { error: text }));
    }

    /// A new effect: its span, then the gate before it.
    fn open_effect(&mut self, place: Place, work: Work, request: TextHash, reply: Reply) {
        let agent = self.paths.get(&place.parent).copied().unwrap_or(SpanId::RUN);
        let spec = match &work {
            Work::Llm(asked) => SpanSpec::Llm(llm_record(&self.log, asked, request)),
            Work::Tool { call, .. } => SpanSpec::Tool {
                args: self.log.text(&call.args.to_string()),
                request,
                effect: self.effect_of(agent, call),
            },
        };
        let span = self.start_span(&place, spec);
        let path = place.path.clone();
        let pending = PendingCall {
            span,
            agent,
            place,
            work: Some(work),
            request,
            stage: Stage::Before,
            replies: vec![reply],
            task: None,
            looked_after: false,
            hold: false,
        };
        let gate = pending.before();
        let call = match &pending.work {
            Some(Work::Tool { call, .. }) => Some(call.clone()),
            _ => None,
        };
        self.pending.insert(path.clone(), pending);
        if let Some(call) = call {
            self.tell_call(&path, span, &call);
        }
        match self.arrive(&path, gate).or_else(|| self.must_ask(&path)) {
            Some(reason) => self.pause_at(&path, gate, reason),
            None => self.launch(&path),
        }
    }

    fn exit(&mut self, path: &str, result: Result<Output, Failure>, reply: Reply) {
        if let Some(pending) = self.pending.get_mut(path) {
            pending.replies.push(reply);
            return;
        }
        let Some(span) = self.paths.get(path).copied() else {
            drop(reply.send(result.map(Payload::Agent)));
            return;
        };
        if self.log.with(|state| state.trace.get(span).is_some_and(|found| found.ended.is_some())) {
            let answered = self.journal.answered_end(path).cloned();
            drop(reply.send(answered.unwrap_or(result.map(Payload::Agent))));
            return;
        }
        self.end_agent(span, &result);
        let (gate, reason) = match &result {
            Err(failure) if failure.is_shown() => (Gate::Error, None),
            Err(failure) => (Gate::Error, Some(PauseReason::Error { error: failure.to_string() })),
            Ok(_) => (Gate::AfterAgent, self.arrive(path, Gate::AfterAgent)),
        };
        let place = self.place_of(span, path);
        let stage = Stage::After { outcome: result.map(Payload::Agent) };
        let request = NO_REQUEST;
        let pending = PendingCall {
            span,
            agent: span,
            place,
            work: None,
            request,
            stage,
            replies: vec![reply],
            task: None,
            looked_after: false,
            hold: false,
        };
        self.pending.insert(path.to_owned(), pending);
        self.stop_or_reply(path, gate, reason);
    }

    fn end_agent(&self, span: SpanId, result: &Result<Output, Failure>) {
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
        self.log.append(vec![TraceBody::SpanEnded(end)]);
    }

    fn place_of(&self, span: SpanId, path: &str) -> Place {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
        self.log.with(|state| Place {
            path: path.to_owned(),
            parent,
            name: state.trace.name(span).to_owned(),
            visit: state.trace.get(span).map_or(1, |found| found.visit),
            fan: state.trace.get(span).and_then(|found| found.fan),
        })
    }

    fn start_span(&mut self, place: &Place, spec: SpanSpec) -> SpanId {
        let tries = self.tries.entry(place.path.clone()).or_default();
        *tries += 1;
        let attempt = Try(*tries);
        let parent = self.paths.get(&place.parent).copied().unwrap_or(SpanId::RUN);
        let (count, generation) = self.log.with(|state| (state.trace.len(), state.generation));
        let span = SpanId(u32::try_from(count).unwrap_or(u32::MAX));
        self.paths.insert(place.path.clone(), span);
        self.log.append(vec![TraceBody::SpanStarted(SpanStart {
            span,
            parent,
            path: place.path.clone(),
            name: place.name.clone(),
            visit: place.visit,
            attempt,
            generation,
            fan: place.fan,
            spec,
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
