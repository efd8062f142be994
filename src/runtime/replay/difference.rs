//! The first difference between a recorded request and the one that is made now.

use std::path::Path;

use super::super::ask::Work;
use super::super::compare::{ReadText, difference};
use super::super::policy::{PolicyDecision, decide};
use super::super::request::{HashVersion, json};
use super::record::{Entry, Record, Request};
use crate::model::{LlmRequest, SpanId};
use crate::pipeline::Policy;
use crate::store::hash_text;

/// Compares a recorded request with the one that is made now: the first difference, the recorded side first. `None`:
/// they are the same.
pub(super) fn of_request(
    (record, hash): (&Record, HashVersion),
    entry: &Entry,
    work: &Work,
    read: ReadText<'_>,
) -> Option<(String, String)> {
    let request = work.request(hash);
    match (&entry.request, work) {
        (Request::Llm(recorded), Work::Llm(_)) if *recorded == request => None,
        (Request::Tool { request: recorded, .. }, Work::Tool { .. }) if *recorded == request => None,
        (Request::Human { request: recorded, .. }, Work::Human { .. }) if *recorded == request => None,
        (Request::Human { question: recorded, .. }, Work::Human { question, .. }) => {
            let (old, new) = difference(&read(*recorded).unwrap_or_default(), question);
            Some((format!("the question {old}"), format!("the question {new}")))
        }
        (Request::Llm(_), Work::Llm(asked)) => Some(of_call(record, entry.span, asked, read)),
        (Request::Tool { args, .. }, Work::Tool { call, .. }) => {
            let old = read(*args).unwrap_or_default();
            let (old, new) = difference(&old, &call.args.to_string());
            Some((format!("the arguments {old}"), format!("the arguments {new}")))
        }
        _ => Some(("another kind of call".into(), "this one".into())),
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

fn of_call(recorded: &Record, span: SpanId, asked: &LlmRequest, read: ReadText<'_>) -> (String, String) {
    let named = |name: &str, (old, new): (String, String)| (format!("{name} {old}"), format!("{name} {new}"));
    let find = |span| recorded.calls.get(&span);
    let Some(record) = find(span) else { return ("a call that is lost".into(), "this one".into()) };
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
        return named("the system prompt", difference(&old, &asked.system));
    }
    let Some(messages) = record.conversation(span, find) else {
        return ("a conversation that is lost".into(), "this one".into());
    };
    for (at, (old, message)) in messages.iter().zip(asked.messages.iter()).enumerate() {
        let now = json(message);
        if old.text != hash_text(&now) {
            let name = format!("message {} ({})", at + 1, old.role);
            return named(&name, difference(&read(old.text).unwrap_or_default(), &now));
        }
    }
    if messages.len() != asked.messages.len() {
        let count = |count: usize| format!("{count} messages");
        return (count(messages.len()), count(asked.messages.len()));
    }
    // The hash covers the schemas, of which the record has the names only.
    ("another declaration of a tool".into(), "the one of today".into())
}
