//! Answers, written as the service sends them.

use serde_json::{Map, Value as Json, json};

use super::answer::read_answer;
use super::field::{field, lay};
use super::{part, stop};
use crate::wire::{Answer, Fault, StopKind, Usage};

/// Writes an answer that is not streamed.
pub(in crate::wire) fn write_answer(answer: &Answer) -> Json {
    match answer.source.as_ref() {
        Some(source) if read_answer(source) == *answer => source.clone(),
        source => whole(answer, source),
    }
}

/// Writes an answer as a stream of events.
pub(in crate::wire) fn write_stream(answer: &Answer) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events(answer) {
        bytes.extend_from_slice(format!("data: {event}\r\n\r\n").as_bytes());
    }
    bytes
}

fn events(answer: &Answer) -> Vec<Json> {
    if let Some(source) = answer.source.as_ref().filter(|source| read_answer(source) == *answer) {
        return if let Json::Array(events) = source { events.clone() } else { vec![source.clone()] };
    }
    let mut events: Vec<Json> = answer
        .parts
        .iter()
        .filter_map(part::write)
        .map(|part| {
            let mut event = head(answer);
            event.insert("candidates".into(), json!([{"content": {"role": "model", "parts": [part]}, "index": 0}]));
            Json::Object(event)
        })
        .collect();
    let mut last = head(answer);
    match (block(answer), end(answer)) {
        (Some(feedback), _) => {
            last.insert("promptFeedback".into(), feedback);
        }
        (None, Some(candidate)) => {
            last.insert("candidates".into(), json!([candidate]));
        }
        (None, None) => {}
    }
    if let Some(usage) = answer.usage {
        last.insert("usageMetadata".into(), counts(usage).into());
    }
    if !last.is_empty() {
        events.push(Json::Object(last));
    }
    events.extend(answer.fault.as_ref().map(error));
    events
}

/// The fields of each event.
fn head(answer: &Answer) -> Map<String, Json> {
    let mut head = Map::new();
    for (name, told) in [("modelVersion", &answer.model), ("responseId", &answer.id)] {
        if let Some(told) = told {
            head.insert(name.into(), told.as_str().into());
        }
    }
    head
}

/// The feedback on a prompt that was blocked.
fn block(answer: &Answer) -> Option<Json> {
    let stop = answer.stop.as_ref().filter(|stop| stop.kind == StopKind::Filtered && answer.parts.is_empty())?;
    if stop::meaning(&stop.word, false) == StopKind::Filtered {
        return None;
    }
    let mut feedback = Map::new();
    feedback.insert("blockReason".into(), stop.word.as_str().into());
    if let Some(message) = &answer.stop_message {
        feedback.insert("blockReasonMessage".into(), message.as_str().into());
    }
    Some(Json::Object(feedback))
}

/// The candidate that ends an answer, without parts.
fn end(answer: &Answer) -> Option<Json> {
    let stop = answer.stop.as_ref()?;
    let has_calls = answer.calls().next().is_some();
    let mut candidate = Map::new();
    candidate.insert("content".into(), json!({"role": "model"}));
    candidate.insert("finishReason".into(), stop::word(stop, has_calls).into());
    if let Some(message) = &answer.stop_message {
        candidate.insert("finishMessage".into(), message.as_str().into());
    }
    candidate.insert("index".into(), 0.into());
    Some(Json::Object(candidate))
}

fn whole(answer: &Answer, source: Option<&Json>) -> Json {
    if let Some(fault) = &answer.fault {
        return error(fault);
    }
    let source = source.filter(|source| source.is_object());
    let below = source.and_then(|source| field(source, "candidates")?.get(0));
    let parts: Vec<Json> = answer.parts.iter().filter_map(part::write).collect();
    let mut content = Map::new();
    content.insert("role".into(), "model".into());
    content.insert("parts".into(), parts.into());
    let content = lay(below.and_then(|candidate| field(candidate, "content")), content);
    let mut candidate = Map::new();
    candidate.insert("content".into(), content.into());
    let end = end(answer).unwrap_or_default();
    for name in ["finishReason", "finishMessage"] {
        candidate.insert(name.into(), field(&end, name).cloned().unwrap_or_default());
    }
    if below.is_none() {
        candidate.insert("index".into(), 0.into());
    }
    let mut known = head(answer);
    match block(answer) {
        Some(feedback) => known.insert("promptFeedback".into(), feedback),
        None => known.insert("candidates".into(), json!([lay(below, candidate)])),
    };
    let usage = source.and_then(|source| field(source, "usageMetadata"));
    let usage = answer.usage.map(|told| Json::Object(lay(usage, counts(told))));
    known.insert("usageMetadata".into(), usage.unwrap_or_default());
    Json::Object(lay(source, known))
}

fn counts(usage: Usage) -> Map<String, Json> {
    let mut counts = Map::new();
    let mut put = |name: &str, count: u64| counts.insert(name.into(), count.into());
    put("promptTokenCount", usage.input);
    put("candidatesTokenCount", usage.output.saturating_sub(usage.reasoning));
    put("totalTokenCount", usage.input.saturating_add(usage.output));
    if usage.cached > 0 {
        put("cachedContentTokenCount", usage.cached);
    }
    if usage.reasoning > 0 {
        put("thoughtsTokenCount", usage.reasoning);
    }
    counts
}

fn error(fault: &Fault) -> Json {
    let (message, kind, code) = match fault {
        Fault::Server { message, kind, status } => (message.clone(), kind.as_str(), status.unwrap_or(500)),
        other => (other.to_string(), "", 500),
    };
    let status = if kind.is_empty() { "INTERNAL" } else { kind };
    json!({"error": {"code": code, "message": message, "status": status}})
}
