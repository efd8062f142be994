//! Editing what is sent: the text to edit, and taking it back changed.

use serde_json::Value as Json;

use super::super::ask::Work;
use super::super::conversations::message_records;
use super::super::edits::{Edits, Target};
use super::super::refusal::{EditRefusal, PromptError, Refusal};
use super::super::request_doc;
use super::Dispatcher;
use super::pending_call::Stage;
use crate::model::{
    Conversation, EditReach, EditScope, Editable, Generation, LlmRequest, RunStatus, SpanId, SpanKind, TraceBody,
    Update,
};
use crate::pipeline::{Pipeline, Prompt};

/// What a text to edit was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Offered {
    /// A request about to be sent.
    Request,
    /// The arguments of a tool about to run.
    Args,
    /// An agent's prompt.
    Prompt,
}

impl Dispatcher {
    /// Answers with the text that can be edited for a span.
    pub(super) fn editable(&mut self, span: SpanId) -> Result<(), Refusal> {
        let editable = match self.gated(span) {
            Some((_, Work::Llm(request))) => {
                let sent = self.sent(span, &request);
                Editable {
                    span,
                    title: "what is about to be sent".into(),
                    text: request_doc::render(&sent),
                    scopes: vec![EditScope::Agent, EditScope::Call],
                    extension: "md",
                }
            }
            Some((_, Work::Tool { call, .. })) => Editable {
                span,
                title: format!("arguments of {}", call.name),
                text: serde_json::to_string_pretty(&call.args).unwrap_or_default(),
                scopes: vec![EditScope::Call],
                extension: "json",
            },
            None => self.editable_prompt(span)?,
        };
        self.offered.insert(span, self.offering(span));
        self.sink.send(Update::Editable(editable));
        Ok(())
    }

    /// Takes an edited text.
    pub(super) fn save_edit(&mut self, span: SpanId, text: &str, scope: EditScope) -> Result<(), Refusal> {
        let offered = self.offered.remove(&span);
        if offered.is_some_and(|offered| offered != self.offering(span)) {
            return Err(EditRefusal::SentMeanwhile.into());
        }
        match self.gated(span) {
            Some((path, Work::Llm(request))) => self.save_request(&path, span, &request, text, scope)?,
            Some((path, Work::Tool { .. })) => self.save_args(&path, text)?,
            None => self.save_prompt(span, text)?,
        }
        self.send_edits();
        Ok(())
    }

    /// Adds a conversation edit, and records it.
    pub(super) fn add_conversation(&mut self, reach: EditReach, call: SpanId, upto: usize, messages: Conversation) {
        let generation = self.generation();
        let records = message_records(&self.log, &messages, 0);
        self.log.append(vec![TraceBody::MessagesEdited {
            reach: reach.clone(),
            generation,
            call,
            upto,
            messages: records,
        }]);
        self.edits.conversation(reach, call, upto, messages);
    }

    fn offering(&self, span: SpanId) -> Offered {
        match self.gated(span) {
            Some((_, Work::Llm(_))) => Offered::Request,
            Some((_, Work::Tool { .. })) => Offered::Args,
            None => Offered::Prompt,
        }
    }

    /// The effect of a span that is stopped before it is sent or run.
    fn gated(&self, span: SpanId) -> Option<(String, Work)> {
        let found = self.pending.iter().find(|(_, pending)| pending.span == span);
        let (path, pending) = found.filter(|(_, pending)| matches!(pending.stage, Stage::Before))?;
        Some((path.clone(), pending.work.clone()?))
    }

    /// A request as it would be sent now.
    fn sent(&self, span: SpanId, request: &LlmRequest) -> LlmRequest {
        let agent = self.log.with(|state| state.trace.agent_of(span));
        let name = self.agent_names.get(&agent).cloned().unwrap_or_default();
        let target = Target { agent: &name, agent_span: agent, call: span };
        self.edits.apply(request, target).unwrap_or_else(|| request.clone())
    }

    fn save_request(
        &mut self,
        path: &str,
        span: SpanId,
        request: &LlmRequest,
        text: &str,
        scope: EditScope,
    ) -> Result<(), EditRefusal> {
        let (system, messages) = request_doc::parse(text)?;
        let messages = Conversation::from(messages);
        let sent = self.sent(span, request);
        let agent = self.pending.get(path).map_or(SpanId::RUN, |pending| pending.agent);
        let reach = match scope {
            EditScope::Agent => EditReach::Try { span: agent },
            EditScope::Call => EditReach::Call { span },
        };
        if system != sent.system {
            self.add_prompt(reach.clone(), system);
        }
        if messages != sent.messages {
            self.add_conversation(reach, span, request.messages.len(), messages);
        }
        Ok(())
    }

    fn save_args(&mut self, path: &str, text: &str) -> Result<(), EditRefusal> {
        let args: Json = serde_json::from_str(text).map_err(EditRefusal::Arguments)?;
        let Some(pending) = self.pending.get_mut(path) else { return Ok(()) };
        if let Some(Work::Tool { call, .. }) = &mut pending.work {
            call.args = args;
            let args = Some(self.log.text(&call.args.to_string()));
            let (span, call) = (pending.span, call.clone());
            self.log.append(vec![TraceBody::Sent { span, system: None, messages: None, args }]);
            self.send_call_subject(path, span, &call);
        }
        Ok(())
    }

    fn editable_prompt(&self, span: SpanId) -> Result<Editable, EditRefusal> {
        let name = self.prompted(span)?;
        Ok(Editable {
            span,
            title: format!("prompt of {name}, from its next call on"),
            text: self.prompt_text(&name)?,
            scopes: vec![EditScope::Agent],
            extension: "md",
        })
    }

    fn save_prompt(&mut self, span: SpanId, text: &str) -> Result<(), EditRefusal> {
        let name = self.prompted(span)?;
        if self.prompt_text(&name)? != text {
            self.add_prompt(EditReach::Agent { name }, text.to_owned());
        }
        Ok(())
    }

    fn add_prompt(&mut self, reach: EditReach, text: String) {
        let generation = self.generation();
        let hash = Some(self.log.text(&text));
        self.log.append(vec![TraceBody::PromptEdited { reach: reach.clone(), generation, text: hash }]);
        self.edits.prompt(reach, Some(text));
    }

    /// The edit name of the agent that a span is run by.
    fn prompted(&self, span: SpanId) -> Result<String, EditRefusal> {
        if self.status() == RunStatus::Interrupted {
            return Err(EditRefusal::Interrupted);
        }
        let agent = self.log.with(|state| state.trace.agent_of(span));
        let is_agent = self.log.with(|state| state.trace.get(agent).map(|found| found.kind)) == Some(SpanKind::Agent);
        let name = self.agent_names.get(&agent).filter(|_| is_agent);
        Ok(name.cloned().ok_or(PromptError::NoAgent)?)
    }

    /// The prompt that an agent of this edit name is sent now.
    fn prompt_text(&self, name: &str) -> Result<String, PromptError> {
        prompt_now(&self.edits, &self.version(Generation(u32::MAX)), name)
    }
}

/// The prompt that an agent of this edit name is sent: the edited one, or the pipeline's.
pub(in super::super) fn prompt_now(edits: &Edits, pipeline: &Pipeline, name: &str) -> Result<String, PromptError> {
    if let Some(text) = edits.prompt_of(name) {
        return Ok(text.to_owned());
    }
    stored_prompt(pipeline, name)
        .map(|prompt| prompt.text.clone())
        .ok_or_else(|| PromptError::NoPrompt { agent: name.to_owned() })
}

/// The prompt of an edit name (`agent`, or `agent.step`) in a pipeline.
pub(super) fn stored_prompt<'a>(pipeline: &'a Pipeline, name: &str) -> Option<&'a Prompt> {
    let (agent, step) = split_edit_name(name);
    let spec = pipeline.agents.get(agent)?;
    let step = step.and_then(|step| spec.steps.get(step)).map(|step| &step.prompt);
    step.or(spec.prompt.as_ref())
}

/// Splits an edit name into the agent's name and that of a step.
pub(super) fn split_edit_name(name: &str) -> (&str, Option<&str>) {
    name.split_once('.').map_or((name, None), |(agent, step)| (agent, Some(step)))
}
