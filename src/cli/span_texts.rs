//! The texts of a run's spans, as they are recorded: by hash until somebody wants to read them.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::model::{
    LlmRequestRecord, LlmResponse, Message, MessageRecord, SpanEnd, SpanId, SpanSpec, SpanStart, SpanStatus, TextHash,
    ToolCall, TraceBody, TraceEvent,
};
use crate::store::{RunLog, StoreError};

/// The form of a stored text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// It is what it is.
    Plain,
    /// JSON.
    Json,
    /// A [`Message`] as JSON.
    Message,
    /// An [`LlmResponse`] as JSON.
    Response,
}

/// A titled text of a span, put together of stored ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpanText {
    /// Its title: `prompt`, `messages`, `response`, …
    pub title: &'static str,
    /// The stored texts, in order.
    pub parts: Vec<(Form, TextHash)>,
}

/// The request that was sent instead of the one that the code made.
#[derive(Debug, Clone, Default)]
struct Sent {
    system: Option<TextHash>,
    messages: Option<Vec<MessageRecord>>,
    args: Option<TextHash>,
}

/// The texts of the spans of one run.
pub(super) struct SpanTexts {
    starts: HashMap<SpanId, SpanStart>,
    ends: HashMap<SpanId, SpanEnd>,
    sent: HashMap<SpanId, Sent>,
}

impl SpanTexts {
    /// Gathers them from all events of a run.
    pub fn of(events: Vec<TraceEvent>) -> Self {
        let mut texts = Self { starts: HashMap::new(), ends: HashMap::new(), sent: HashMap::new() };
        for event in events {
            match event.body {
                TraceBody::SpanStarted(start) => drop(texts.starts.insert(start.span, start)),
                TraceBody::SpanEnded(end) => drop(texts.ends.insert(end.span, end)),
                TraceBody::Sent { span, system, messages, args, .. } => {
                    let sent = texts.sent.entry(span).or_default();
                    sent.system = system.or(sent.system);
                    sent.args = args.or(sent.args);
                    if messages.is_some() {
                        sent.messages = messages;
                    }
                }
                _ => {}
            }
        }
        texts
    }

    /// The model of a call.
    pub fn model(&self, span: SpanId) -> Option<String> {
        match &self.starts.get(&span)?.spec {
            SpanSpec::Llm(record) => Some(record.model.to_string()),
            _ => None,
        }
    }

    /// The texts of a span, in reading order. `whole`: of a conversation also the messages that earlier calls had.
    pub fn sections(&self, span: SpanId, whole: bool) -> Vec<SpanText> {
        let Some(start) = self.starts.get(&span) else { return Vec::new() };
        let (sent, end) = (self.sent.get(&span), self.ends.get(&span));
        let one = |title, form, hash| SpanText { title, parts: vec![(form, hash)] };
        let mut out = Vec::new();
        match &start.spec {
            SpanSpec::Agent { input, prompt, .. } => {
                out.extend(prompt.map(|prompt| one("prompt", Form::Plain, prompt)));
                out.push(one("input", Form::Plain, *input));
            }
            SpanSpec::Llm(record) => {
                let system = sent.and_then(|sent| sent.system).unwrap_or(record.system);
                out.push(one("system", Form::Plain, system));
                let parts = self.messages(span, record, sent, whole).into_iter().map(|hash| (Form::Message, hash));
                out.push(SpanText { title: "messages", parts: parts.collect() });
            }
            SpanSpec::Tool { args, .. } => {
                out.push(one("arguments", Form::Json, sent.and_then(|sent| sent.args).unwrap_or(*args)));
            }
            SpanSpec::Human { question, .. } => out.push(one("question", Form::Plain, *question)),
        }
        out.extend(end.and_then(|end| outcome(&start.spec, end)));
        if let Some(so_far) = end.and_then(|end| end.so_far) {
            out.push(one("so far", Form::Response, so_far));
        }
        out
    }

    fn messages(&self, span: SpanId, record: &LlmRequestRecord, sent: Option<&Sent>, whole: bool) -> Vec<TextHash> {
        let find = |earlier: SpanId| match self.starts.get(&earlier).map(|start| &start.spec) {
            Some(SpanSpec::Llm(record)) => Some(record),
            _ => None,
        };
        let sent = sent.and_then(|sent| sent.messages.clone());
        let all = || if whole { record.conversation(span, find) } else { None };
        let messages = sent.or_else(all).unwrap_or_else(|| record.messages.clone());
        messages.into_iter().map(|message| message.text).collect()
    }
}

fn outcome(spec: &SpanSpec, end: &SpanEnd) -> Option<SpanText> {
    let (title, form) = match (end.status, spec) {
        (SpanStatus::Error, SpanSpec::Tool { .. }) => ("result", Form::Plain),
        (SpanStatus::Error, _) => ("error", Form::Plain),
        (_, SpanSpec::Llm(_)) => ("response", Form::Response),
        (_, SpanSpec::Tool { .. }) => ("result", Form::Plain),
        (_, SpanSpec::Human { .. }) => ("answer", Form::Plain),
        (_, SpanSpec::Agent { .. }) => ("output", Form::Plain),
    };
    Some(SpanText { title, parts: vec![(form, end.output?)] })
}

/// Reads texts of a run as people read them.
///
/// # Errors
/// When the store can't be read.
pub(super) fn read(log: &RunLog, texts: &[SpanText]) -> Result<HashMap<TextHash, String>, StoreError> {
    let hashes: Vec<TextHash> = texts.iter().flat_map(|text| text.parts.iter().map(|(_, hash)| *hash)).collect();
    log.recorder().texts(&hashes)
}

impl SpanText {
    /// The whole text; what is not in `found` is lost.
    pub fn render(&self, found: &HashMap<TextHash, String>) -> String {
        let parts = self.parts.iter().map(|(form, hash)| match found.get(hash) {
            Some(text) => form.render(text),
            None => "(lost)".to_owned(),
        });
        parts.collect::<Vec<_>>().join("\n")
    }
}

impl Form {
    /// The text as people read it: without ids, tokens and the provider's own state.
    pub fn render(self, text: &str) -> String {
        let read = match self {
            Self::Plain => None,
            Self::Json => serde_json::from_str::<Json>(text).ok().and_then(|value| pretty(&value)),
            Self::Message => serde_json::from_str(text).ok().map(|message| message_text(&message)),
            Self::Response => serde_json::from_str(text).ok().map(|response| response_text(&response)),
        };
        read.unwrap_or_else(|| text.to_owned())
    }
}

fn pretty(value: &Json) -> Option<String> {
    serde_json::to_string_pretty(value).ok()
}

fn message_text(message: &Message) -> String {
    match message {
        Message::User { text } => format!("user:\n{text}"),
        Message::Assistant { text, calls, .. } => format!("assistant:\n{text}{}", calls_text(text, calls)),
        Message::Tool { name, text, .. } => format!("tool {name}:\n{text}"),
    }
}

fn response_text(response: &LlmResponse) -> String {
    let mut out = String::new();
    if !response.reasoning.is_empty() {
        let _ = writeln!(out, "reasoning:\n{}\n", response.reasoning);
    }
    out.push_str(&response.text);
    out.push_str(&calls_text(&response.text, &response.calls));
    out
}

fn calls_text(before: &str, calls: &[ToolCall]) -> String {
    let mut out = String::new();
    for call in calls {
        if !before.is_empty() || !out.is_empty() {
            out.push('\n');
        }
        let _ = write!(out, "call {} {}", call.name, pretty(&call.args).unwrap_or_default());
    }
    out
}
