//! The first difference between a recorded request and the one that is made now.

use std::path::Path;

use super::super::ask::Work;
use super::super::policy::{PolicyDecision, decide};
use super::super::request::{json, llm_hash, tool_hash};
use super::record::{Entry, Request};
use crate::model::{LlmRequest, LlmRequestRecord, SpanKind, TextHash};
use crate::pipeline::Policy;
use crate::store::hash_text;

/// Characters that are shown around a difference.
const SHOWN: usize = 60;

/// Reads a stored text.
type Read = dyn Fn(TextHash) -> Option<String> + Send + Sync;

/// The first difference of two requests or texts: the recorded side, and the present one.
pub(super) struct Differences;

impl Differences {
    /// Compares a recorded request with the one that is made now; `None`: they are the same.
    pub fn of_request(entry: &Entry, request: TextHash, work: &Work, read: &Read) -> Option<(String, String)> {
        match (&entry.request, work) {
            (Request::Llm(record), Work::Llm(_)) if record.request == request => None,
            (Request::Tool { request: recorded, .. }, Work::Tool { .. }) if *recorded == request => None,
            (Request::Llm(record), Work::Llm(asked)) => Some(of_call(record, asked, read)),
            (Request::Tool { args, .. }, Work::Tool { call, .. }) => {
                let old = read(*args).unwrap_or_default();
                let (old, new) = Self::of_texts(&old, &call.args.to_string());
                Some((format!("the arguments {old}"), format!("the arguments {new}")))
            }
            _ => Some(("another kind of call".into(), "this one".into())),
        }
    }

    /// Cuts two texts down to the place where they begin to differ, quoted.
    pub fn of_texts(old: &str, new: &str) -> (String, String) {
        let same = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
        let from = same.saturating_sub(SHOWN / 3);
        let cut = |text: &str| {
            let part: String = text.chars().skip(from).take(SHOWN).collect();
            let rest = text.chars().nth(from + SHOWN).is_some();
            let (before, after) = (if from > 0 { "…" } else { "" }, if rest { "…" } else { "" });
            format!("{before}{part:?}{after}")
        };
        (cut(old), cut(new))
    }
}

/// Compares what two policies say to a tool call; `None`: the same.
pub(super) fn policy_difference(
    (old, new): (&Policy, &Policy),
    entry: &Entry,
    work: &Work,
    root: &Path,
) -> Option<(String, String)> {
    let (Request::Tool { effect, .. }, Work::Tool { call, refusal: None }) = (&entry.request, work) else {
        return None;
    };
    let describe = |policy: &Policy| match decide(policy, call, *effect, root) {
        PolicyDecision::Allow => "allowed".to_owned(),
        PolicyDecision::Ask(why) => format!("needs an approval: {why}"),
        PolicyDecision::Deny(why) => format!("denied: {why}"),
    };
    let (old, new) = (describe(old), describe(new));
    (old != new).then_some((old, new))
}

/// The kind and the hash of a request.
pub(super) fn request_of(work: &Work) -> (SpanKind, TextHash) {
    match work {
        Work::Llm(request) => (SpanKind::Llm, llm_hash(request)),
        Work::Tool { call, .. } => (SpanKind::Tool, tool_hash(call)),
    }
}

fn of_call(record: &LlmRequestRecord, asked: &LlmRequest, read: &Read) -> (String, String) {
    let named = |name: &str, (old, new): (String, String)| (format!("{name} {old}"), format!("{name} {new}"));
    if record.model != asked.model {
        return named("the model", (record.model.to_string(), asked.model.to_string()));
    }
    if record.options != asked.options {
        return named("the options", (json(&record.options), json(&asked.options)));
    }
    let tools: Vec<&str> = asked.tools.iter().map(|tool| tool.name.as_str()).collect();
    if record.tools != tools {
        return named("the tools", (record.tools.join(", "), tools.join(", ")));
    }
    if record.system != hash_text(&asked.system) {
        let old = read(record.system).unwrap_or_default();
        return named("the system prompt", Differences::of_texts(&old, &asked.system));
    }
    for (at, message) in asked.messages.iter().enumerate() {
        let now = json(message);
        let Some(old) = record.messages.get(at) else { break };
        if old.text != hash_text(&now) {
            let name = format!("message {} ({})", at + 1, old.role);
            return named(&name, Differences::of_texts(&read(old.text).unwrap_or_default(), &now));
        }
    }
    if record.messages.len() != asked.messages.len() {
        let count = |count: usize| format!("{count} messages");
        return (count(record.messages.len()), count(asked.messages.len()));
    }
    // The hash covers the schemas, of which the record has the names only.
    ("another declaration of a tool".into(), "the one of today".into())
}
