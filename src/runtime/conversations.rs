//! Conversations as they are stored: each call with the messages that the call before it did not have.

use std::collections::HashMap;

use super::request::json;
use crate::model::{
    Conversation, EarlierCall, LlmRequestRecord, Message, MessageRecord, SpanId, SpanSpec, TextHash, TraceBody,
};
use crate::store::{Recorder, RunLog, StoreError};

/// The newest call of each agent.
#[derive(Default)]
pub(super) struct Conversations {
    newest: HashMap<SpanId, Newest>,
}

struct Newest {
    call: SpanId,
    conversation: Conversation,
}

impl Conversations {
    /// The beginning that a conversation shares with the agent's call before. At least one message is left over, so
    /// that the newest one of a call stands in its own record.
    pub fn beginning(&self, agent: SpanId, conversation: &Conversation) -> Option<EarlierCall> {
        let newest = self.newest.get(&agent)?;
        let count = newest.conversation.common(conversation).min(conversation.len().saturating_sub(1));
        (count > 0).then_some(EarlierCall { span: newest.call, count })
    }

    /// Remembers an agent's call.
    pub fn add(&mut self, agent: SpanId, call: SpanId, conversation: Conversation) {
        self.newest.insert(agent, Newest { call, conversation });
    }

    /// Forgets an agent that ended.
    pub fn end(&mut self, agent: SpanId) {
        self.newest.remove(&agent);
    }
}

/// The messages of a conversation from a place on, as stored.
pub(super) fn message_records(log: &RunLog, conversation: &Conversation, from: usize) -> Vec<MessageRecord> {
    let role = |message: &Message| match message {
        Message::User { .. } => "user",
        Message::Assistant { .. } => "assistant",
        Message::Tool { .. } => "tool",
    };
    let named = conversation.names(from, |message: &Message| -> TextHash { log.text(&json(message)) });
    named.map(|(message, text)| MessageRecord { role: role(message).to_owned(), text }).collect()
}

/// The whole conversation of a stored call. `agent` is the span above it.
///
/// # Errors
/// When the store can't be read, or an earlier call that it begins like is lost.
pub(super) fn whole(
    record: &LlmRequestRecord,
    span: SpanId,
    agent: SpanId,
    store: &dyn Recorder,
) -> Result<Vec<MessageRecord>, StoreError> {
    if record.after.is_none() {
        return Ok(record.messages.clone());
    }
    let starts = store.starts_below(agent)?;
    let calls: HashMap<SpanId, &LlmRequestRecord> = starts
        .iter()
        .filter_map(|event| match &event.body {
            TraceBody::SpanStarted(start) => match &start.spec {
                SpanSpec::Llm(record) => Some((start.span, record)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let found = record.conversation(span, |earlier| calls.get(&earlier).copied());
    found.ok_or_else(|| StoreError::Missing(format!("the conversation of call {span}")))
}
