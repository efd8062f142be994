//! Writes an answer, as one body or as a stream.

use serde_json::{Map, Value as Json, json};

use super::answer::read_answer;
use super::block::write_block;
use super::fields::{fields, given, kind};
use super::stop::write_stop;
use super::usage::{read_usage, write_usage};
use crate::wire::keep::lay_over;
use crate::wire::{Answer, Call, Fault, Part, PartKind};

/// The id of an answer that has none.
const ID: &str = "msg_0";

/// Writes an answer. One that says the same as the body that it was read from is that body.
pub(in crate::wire) fn write_answer(answer: &Answer) -> Json {
    let source = answer.source.as_ref();
    if let Some(source) = source.filter(|source| read_answer(source) == *answer) {
        return source.clone();
    }
    if let Some(fault) = &answer.fault {
        return write_fault(fault);
    }
    let mut known = head(answer);
    known.insert("content".into(), answer.parts.iter().filter_map(write_reply).collect());
    known.extend(end(answer));
    let usage = match source.and_then(|source| given(source, "usage")) {
        Some(usage) if read_usage(Some(usage)) == answer.usage => usage.clone(),
        _ => Json::Object(write_usage(answer.usage)),
    };
    known.insert("usage".into(), usage);
    let mut body = lay_over(source.cloned().map(fields).unwrap_or_default(), known);
    for name in ["stop_reason", "stop_sequence"] {
        body.entry(name).or_insert(Json::Null);
    }
    Json::Object(body)
}

/// Writes an answer as a stream. One that was cut has no end.
pub(in crate::wire) fn write_stream(answer: &Answer) -> Vec<u8> {
    let mut out = Vec::new();
    let nothing_else = answer.id.is_none() && answer.parts.is_empty() && answer.usage.is_none();
    if let Some(fault) = answer.fault.as_ref().filter(|_| nothing_else) {
        event(&mut out, &write_fault(fault));
        return out;
    }
    let mut message = head(answer);
    message.extend(fields(json!({"content": [], "stop_reason": null, "stop_sequence": null})));
    let mut begun = write_usage(answer.usage);
    begun.insert("output_tokens".into(), u64::from(answer.usage.is_some_and(|usage| usage.output > 0)).into());
    message.insert("usage".into(), Json::Object(if answer.whole { begun } else { write_usage(answer.usage) }));
    event(&mut out, &json!({"type": "message_start", "message": message}));
    let blocks = answer.parts.iter().filter_map(|part| Some((part, write_shown(part)?)));
    for (index, (part, block)) in blocks.enumerate() {
        write_events(&mut out, index, part, block);
    }
    if answer.whole || answer.stop.is_some() {
        event(&mut out, &json!({"type": "message_delta", "delta": end(answer), "usage": write_usage(answer.usage)}));
    }
    match &answer.fault {
        Some(fault) => event(&mut out, &write_fault(fault)),
        None if answer.whole => event(&mut out, &json!({"type": "message_stop"})),
        None => {}
    }
    out
}

fn head(answer: &Answer) -> Map<String, Json> {
    let id = answer.id.as_deref().unwrap_or(ID);
    let model = answer.model.as_deref().unwrap_or_default();
    fields(json!({"id": id, "type": "message", "role": "assistant", "model": model}))
}

fn end(answer: &Answer) -> Map<String, Json> {
    let word = answer.stop.as_ref().map(write_stop);
    let before = answer.source.as_ref().and_then(|source| given(source, "stop_sequence"));
    let sequence = before.filter(|_| word == Some("stop_sequence"));
    let mut end = fields(json!({"stop_reason": word, "stop_sequence": sequence}));
    if let Some(explanation) = &answer.stop_message {
        end.insert("stop_details".into(), json!({"type": "refusal", "explanation": explanation}));
    }
    end
}

fn write_fault(fault: &Fault) -> Json {
    let kind = match fault {
        Fault::Server { kind, .. } if !kind.is_empty() => kind,
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": fault.to_string()}})
}

/// A block to be shown to a client: reasoning made elsewhere is shown, though nobody signed it.
fn write_reply(part: &Part) -> Option<Json> {
    match &part.kind {
        PartKind::Reasoning(said) if !said.is_empty() => {
            Some(write_block(part).unwrap_or_else(|| json!({"type": "thinking", "thinking": said, "signature": ""})))
        }
        _ => write_block(part),
    }
}

/// A block of a stream, which may also be white space.
fn write_shown(part: &Part) -> Option<Json> {
    match &part.kind {
        PartKind::Text(said) if said.trim().is_empty() => Some(json!({"type": "text", "text": said})),
        _ => write_reply(part),
    }
}

/// Writes a block as it begins, its changes, and its end.
fn write_events(out: &mut Vec<u8>, index: usize, part: &Part, mut block: Json) {
    let mut deltas = Vec::new();
    let mut cut = |field: &str, empty: Json, change: &str, name: &str| {
        if let Some(value) = given(&block, field).filter(|value| **value != empty).cloned() {
            block[field] = empty;
            deltas.push(json!({"type": change, name: value}));
        }
    };
    match kind_of(part) {
        "text" => cut("text", "".into(), "text_delta", "text"),
        "thinking" => {
            cut("thinking", "".into(), "thinking_delta", "thinking");
            cut("signature", "".into(), "signature_delta", "signature");
        }
        _ => {}
    }
    if let (PartKind::Text(_), Some(Json::Array(citations))) = (&part.kind, block.get("citations").cloned()) {
        block["citations"] = json!([]);
        deltas.extend(citations.into_iter().map(|citation| json!({"type": "citations_delta", "citation": citation})));
    }
    if let PartKind::Call(call) = &part.kind {
        block["input"] = json!({});
        deltas.push(json!({"type": "input_json_delta", "partial_json": arguments(call)}));
    }
    event(out, &json!({"type": "content_block_start", "index": index, "content_block": block}));
    for delta in deltas {
        event(out, &json!({"type": "content_block_delta", "index": index, "delta": delta}));
    }
    event(out, &json!({"type": "content_block_stop", "index": index}));
}

fn kind_of(part: &Part) -> &str {
    match &part.kind {
        PartKind::Text(_) => "text",
        PartKind::Reasoning(_) if part.source.as_ref().is_none_or(|source| kind(source) != "redacted_thinking") => {
            "thinking"
        }
        _ => "",
    }
}

/// Arguments as the text that came: a client is to see what the model wrote, also when that is not an object.
fn arguments(call: &Call) -> String {
    call.args.as_str().map_or_else(|| call.args.to_string(), str::to_owned)
}

fn event(out: &mut Vec<u8>, json: &Json) {
    let name = kind(json);
    out.extend_from_slice(format!("event: {name}\ndata: {json}\n\n").as_bytes());
}
