//! What pattern code asks: an agent begins, an effect, an agent ends.

use tokio::sync::oneshot;

use super::super::ask::{AgentKey, Ask, Begin, Outcome, Output, Payload, SpanPosition, Work};
use super::super::compare;
use super::super::conversations::message_records;
use super::super::failure::Failure;
use super::super::journal::{Lookup, NO_REQUEST};
use super::Dispatcher;
use super::calls::{Caller, NextSpan, PendingCall, Stage};
use super::ended::cause_of;
use super::turn_taking::WorkerStart;
use crate::model::{
    EarlierCall, Finish, Gate, LlmRequest, LlmRequestRecord, PauseReason, SpanEnd, SpanId, SpanSpec, SpanStatus,
    TextHash, TraceBody,
};
use crate::pipeline::Pipeline;
use crate::store::RunLog;

type Reply = oneshot::Sender<Outcome>;
type Start = oneshot::Sender<Result<Begin, Failure>>;

impl Dispatcher {
    pub(super) fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Enter { position, key, input, reply } => self.enter(position, &key, &input, reply),
            Ask::Effect { position, work, reply } => self.effect(position, work, reply),
            Ask::Exit { path, result, reply } => self.exit(&path, result, reply),
        }
    }

    fn enter(&mut self, position: SpanPosition, key: &AgentKey, input: &str, reply: Start) {
        let Some(span) = self.calls.span_at(&position.path) else {
            if position.fan.is_some() {
                // It begins as soon as it may, see `start_workers`.
                let start =
                    WorkerStart { position: position.clone(), key: key.clone(), input: input.to_owned(), reply };
                return self.fan_outs.queue(&position, start);
            }
            // A reply may find its asker gone: a retry dropped it in between.
            return drop(reply.send(self.start_agent(&position, key, input)));
        };
        if self.log.with(|state| state.trace.get(span).is_some_and(|found| found.status.is_live())) {
            self.fan_outs.count(&position);
        }
        self.edits.name_agent(span, key.edit_name());
        let is_start = self.calls.get(&position.path).is_some_and(PendingCall::is_start);
        if is_start {
            return drop(self.calls.join(&position.path, Caller::Start(reply)));
        }
        if let Some(recorded) = self.calls.other_input(&position.path, input) {
            let (path, input) = (position.path.clone(), input.to_owned());
            let caller = Caller::Start(reply);
            let pending = PendingCall::new((span, span), position, NO_REQUEST, Stage::Comparing, caller);
            return self.compare_beside(pending, move |read| compare::input(&path, recorded, &input, read));
        }
        let generation = self.log.with(|state| state.trace.get(span).map(|found| found.generation));
        let pipeline = self.versions.at(generation.unwrap_or_default());
        let begin = match self.known_output(span, &position.path) {
            Some(output) => Begin::Done(output.clone()),
            None => Begin::Run { pipeline, input: self.calls.given_input(&position.path) },
        };
        drop(reply.send(Ok(begin)));
    }

    /// The output of an agent whose code need not run.
    fn known_output(&self, span: SpanId, path: &str) -> Option<&Output> {
        if self.services.agent.is_none() {
            return self.calls.finished(path);
        }
        // A subagent of another program begins anew with it, and has to be served.
        let has_run = self.log.with(|state| state.trace.children(span).next().is_some());
        match self.calls.answered_end(path) {
            Some(Ok(Payload::Agent(output))) if !has_run => Some(output),
            _ => None,
        }
    }

    pub(super) fn start_agent(
        &mut self,
        position: &SpanPosition,
        key: &AgentKey,
        input: &str,
    ) -> Result<Begin, Failure> {
        let pipeline = self.version_now();
        let spec = self.agent_spec(&pipeline, key, input)?;
        let span = self.start_span(position, spec, key.step.clone());
        self.edits.name_agent(span, key.edit_name());
        if position.fan.is_some() {
            self.send_item_subject(span, input);
        }
        Ok(self.begin_agent(span, &position.path, pipeline))
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
        let Some(Caller::Outcome(reply)) = self.calls.join(&position.path, Caller::Outcome(reply)) else { return };
        let request = work.request(self.calls.hash());
        match self.calls.lookup(&position.path, request) {
            Lookup::Hit(outcome) => drop(reply.send(outcome.clone())),
            Lookup::Diverged(span) => self.diverged(span, position, request, Caller::Outcome(reply)),
            Lookup::Miss => self.open_effect(position, work, request, reply),
        }
    }

    /// The code asks something else than what is recorded at this path: nothing may go on from here.
    fn diverged(&mut self, span: SpanId, position: SpanPosition, request: TextHash, caller: Caller) {
        let divergence = self.other_request(span, &position.path);
        let agent = self.calls.agent_at(&position.parent);
        let pending = PendingCall::new((span, agent), position, request, Stage::Comparing, caller);
        self.stop_diverged(pending, divergence);
    }

    /// A new effect: its span, then the gate before it.
    fn open_effect(&mut self, position: SpanPosition, work: Work, request: TextHash, reply: Reply) {
        let agent = self.calls.agent_at(&position.parent);
        let spec = match &work {
            Work::Llm(asked) => {
                let after = self.calls.beginning(agent, &asked.messages);
                SpanSpec::Llm(llm_record(&self.log, asked, request, after))
            }
            Work::Tool { call, .. } => SpanSpec::Tool {
                args: self.log.text(&call.args.to_string()),
                request,
                effect: self.effect_of(agent, call),
            },
            Work::Human { question, channel } => {
                SpanSpec::Human { question: self.log.text(question), request, channel: channel.clone() }
            }
        };
        let span = self.start_span(&position, spec, None);
        if let Work::Llm(asked) = &work {
            self.calls.add_conversation(agent, span, asked.messages.clone());
        }
        let path = position.path.clone();
        if let Work::Tool { call, .. } = &work {
            self.send_call_subject(agent, span, call);
        }
        let asks_person = matches!(work, Work::Human { .. });
        let pending = PendingCall::of(work, (span, agent), position, Caller::Outcome(reply), request);
        self.calls.insert(pending);
        if self.edit_call(&path) {
            return;
        }
        if asks_person {
            self.ask_person(&path);
        } else {
            self.look(&path, true);
        }
    }

    fn exit(&mut self, path: &str, result: Result<Output, Failure>, reply: Reply) {
        let Some(span) = self.calls.span_at(path) else {
            return drop(reply.send(result.map(Payload::Agent)));
        };
        if self.log.with(|state| state.trace.get(span).is_some_and(|found| found.ended.is_some())) {
            return self.exit_again(span, path, result, reply);
        }
        self.end_agent(span, path, &result);
        self.fan_outs.ended(path);
        let mut at = self.arrival(path, Gate::AfterAgent);
        if let Ok(output) = &result {
            at.facts.output = Some(output.value.clone());
            at.facts.key = Some(output.key.clone());
        }
        let reason = match &result {
            Err(failure) => {
                at.gate = Gate::Error;
                (!failure.is_shown()).then(|| PauseReason::Error { error: failure.to_string() })
            }
            Ok(_) => self.gatekeeper.arrive(&at),
        };
        let position = self.position_of(span, path);
        let stage = Stage::After { outcome: result.map(Payload::Agent) };
        let caller = Caller::Outcome(reply);
        self.calls.insert(PendingCall::new((span, span), position, NO_REQUEST, stage, caller));
        let action = self.gatekeeper.stop(&at, reason);
        self.carry_out(vec![action]);
    }

    /// The code of an agent that has ended came to its end again: it must be the recorded one.
    fn exit_again(&mut self, span: SpanId, path: &str, result: Result<Output, Failure>, reply: Reply) {
        if let Some(answered) = self.calls.answered_end(path) {
            return drop(reply.send(answered.clone()));
        }
        let is_known = self.calls.get(path).is_some_and(PendingCall::has_diverged);
        if let (Some(recorded), false) = (self.calls.other_end(path, &result), is_known) {
            let (position, at) = (self.position_of(span, path), path.to_owned());
            let caller = Caller::Outcome(reply);
            let pending = PendingCall::new((span, span), position, NO_REQUEST, Stage::Comparing, caller);
            return self.compare_beside(pending, move |read| compare::end(&at, &recorded, &result, read));
        }
        if let Some(Caller::Outcome(reply)) = self.calls.join(path, Caller::Outcome(reply)) {
            drop(reply.send(result.map(Payload::Agent)));
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
        self.calls.end_agent(path, &end);
        if let Ok(output) = result {
            self.calls.finish_agent(path, output.clone());
        }
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
        let (count, generation) = self.log.with(|state| (state.trace.len(), state.generation));
        let span = SpanId(u32::try_from(count).unwrap_or(u32::MAX));
        let action = self.calls.start_span(position, NextSpan { span, generation }, spec, step);
        self.carry_out(vec![action]);
        span
    }
}

/// A model call as stored: texts by hash.
fn llm_record(log: &RunLog, request: &LlmRequest, hash: TextHash, after: Option<EarlierCall>) -> LlmRequestRecord {
    LlmRequestRecord {
        request: hash,
        model: request.model.clone(),
        options: request.options,
        system: log.text(&request.system),
        tools: request.tools.iter().map(|tool| tool.name.clone()).collect(),
        after,
        messages: message_records(log, &request.messages, after.map_or(0, |earlier| earlier.count)),
    }
}
