//! Editing what is sent: the text to edit, and taking it back changed.

use serde_json::Value as Json;

use super::super::ask::Work;
use super::super::conversations::message_records;
use super::super::refusal::{EditRefusal, PromptError, Refusal};
use super::Dispatcher;
use super::calls::PendingCall;
use super::edits::Offered;
use crate::model::{
    Conversation, EditReach, EditScope, Editable, LlmRequest, SpanId, SpanKind, TraceBody, Update, parse_request,
    render_request,
};

impl Dispatcher {
    /// Answers with the text that can be edited for a span.
    pub(super) fn editable(&mut self, span: SpanId) -> Result<(), Refusal> {
        let editable = match self.gated(span) {
            Some((_, Work::Llm(request))) => {
                let sent = self.sent(span, &request);
                Editable {
                    span,
                    title: "what is about to be sent".into(),
                    text: render_request(&sent),
                    scopes: vec![EditScope::Agent, EditScope::Call],
                    extension: "md",
                    part: None,
                }
            }
            Some((_, Work::Tool { call, .. })) => Editable {
                span,
                title: format!("arguments of {}", call.name),
                text: serde_json::to_string_pretty(&call.args).unwrap_or_default(),
                scopes: vec![EditScope::Call],
                extension: "json",
                part: None,
            },
            Some((_, Work::Human { .. })) | None => self.editable_prompt(span)?,
        };
        self.edits.offer(span, self.offering(span));
        self.sink.send(Update::Editable(editable));
        Ok(())
    }

    /// Takes an edited text.
    pub(super) fn save_edit(&mut self, span: SpanId, text: &str, scope: EditScope) -> Result<(), Refusal> {
        self.edits.take_back(span, self.offering(span))?;
        match self.gated(span) {
            Some((path, Work::Llm(request))) => self.save_request(&path, span, &request, text, scope)?,
            Some((path, Work::Tool { .. })) => self.save_args(&path, text)?,
            Some((_, Work::Human { .. })) | None => self.save_prompt(span, text)?,
        }
        self.send_edits();
        Ok(())
    }

    /// Adds a conversation edit, and records it.
    pub(super) fn add_conversation(&mut self, reach: EditReach, call: SpanId, upto: usize, messages: Conversation) {
        let records = message_records(&self.log, &messages, 0);
        let place = (reach, self.generation());
        let actions = self.edits.edit_conversation(place, (call, upto), messages, records);
        self.carry_out(actions);
    }

    fn offering(&self, span: SpanId) -> Offered {
        match self.gated(span) {
            Some((_, Work::Llm(_))) => Offered::Request,
            Some((_, Work::Tool { .. })) => Offered::Args,
            Some((_, Work::Human { .. })) | None => Offered::Prompt,
        }
    }

    /// The effect of a span that is stopped before it is sent or run.
    fn gated(&self, span: SpanId) -> Option<(String, Work)> {
        let (path, pending) = self.calls.find(span)?;
        Some((path.clone(), pending.upcoming()?.clone()))
    }

    /// A request as it would be sent now.
    fn sent(&self, span: SpanId, request: &LlmRequest) -> LlmRequest {
        let agent = self.log.with(|state| state.trace.agent_of(span));
        self.edits.apply(request, agent, span).unwrap_or_else(|| request.clone())
    }

    fn save_request(
        &mut self,
        path: &str,
        span: SpanId,
        request: &LlmRequest,
        text: &str,
        scope: EditScope,
    ) -> Result<(), EditRefusal> {
        let (system, messages) = parse_request(text)?;
        let messages = Conversation::from(messages);
        let sent = self.sent(span, request);
        let agent = self.calls.get(path).map_or(SpanId::RUN, PendingCall::agent);
        let reach = match scope {
            EditScope::Call => EditReach::Call { span },
            EditScope::Agent | EditScope::Retry => EditReach::Try { span: agent },
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
        self.replace_args(path, args);
        Ok(())
    }

    /// Replaces the arguments of a tool call, and records it.
    pub(super) fn replace_args(&mut self, path: &str, args: Json) {
        if let Some((span, call)) = self.calls.set_args(path, args) {
            let args = Some(self.log.text(&call.args.to_string()));
            self.log.append(vec![TraceBody::Sent { span, system: None, messages: None, args, model: None }]);
            let agent = self.calls.get(path).map_or(SpanId::RUN, PendingCall::agent);
            self.send_call_subject(agent, span, &call);
        }
    }

    fn editable_prompt(&self, span: SpanId) -> Result<Editable, EditRefusal> {
        let name = self.prompted(span)?;
        Ok(Editable {
            span,
            title: format!("prompt of {name}, from its next call on"),
            text: self.prompt_text(&name)?,
            scopes: vec![EditScope::Agent, EditScope::Retry],
            extension: "md",
            part: None,
        })
    }

    fn save_prompt(&mut self, span: SpanId, text: &str) -> Result<(), EditRefusal> {
        let name = self.prompted(span)?;
        if self.prompt_text(&name)? != text {
            self.add_prompt(EditReach::Agent { name }, text.to_owned());
        }
        Ok(())
    }

    pub(super) fn add_prompt(&mut self, reach: EditReach, text: String) {
        let generation = self.generation();
        self.wishes.note_prompt_edit(&reach);
        let actions = self.edits.edit_prompt(reach, generation, text);
        self.carry_out(actions);
    }

    /// The edit name of the agent that a span is run by.
    pub(super) fn prompted(&self, span: SpanId) -> Result<String, EditRefusal> {
        let agent = self.log.with(|state| state.trace.agent_of(span));
        let is_agent = self.log.with(|state| state.trace.get(agent).map(|found| found.kind)) == Some(SpanKind::Agent);
        let name = self.edits.name_of(agent).filter(|_| is_agent);
        Ok(name.cloned().ok_or(PromptError::NoAgent)?)
    }

    /// The prompt that an agent of this edit name is sent now.
    pub(super) fn prompt_text(&self, name: &str) -> Result<String, PromptError> {
        self.edits.prompt_now(&self.versions.newest(), name)
    }
}
