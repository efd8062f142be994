//! An answer, written as a stream of chunks.

use serde_json::{Map, Value as Json, json};

use super::answer::{head, message, write_fault};
use super::value::{items, object};
use super::write::{is_item, item};
use super::{stop, usage};
use crate::wire::{Answer, PartKind};

/// Writes an answer as a stream.
pub(in crate::wire) fn write_stream(answer: &Answer) -> Vec<u8> {
    let mut stream = Stream { head: head(answer, "chat.completion.chunk"), bytes: Vec::new() };
    stream.delta(json!({"role": "assistant", "content": ""}));
    let mut message = message(answer);
    message.shift_remove("role");
    // In the order in which it was said: what is left of the message at the end has no order.
    let as_items = answer.parts.iter().any(is_item);
    let mut calls = 0;
    for part in &answer.parts {
        match &part.kind {
            PartKind::Text(text) if !as_items && !text.is_empty() => {
                stream.delta(object("content", text.as_str().into()));
            }
            PartKind::Reasoning(_) if !is_item(part) => stream.reasoning(&mut message),
            PartKind::Call(_) => {
                let call = message.get("tool_calls").and_then(|written| items(Some(written)).get(calls));
                stream.call(calls, call.cloned().unwrap_or_default());
                calls += 1;
            }
            _ if as_items => item(part).into_iter().for_each(|item| stream.delta(json!({ "content": [item] }))),
            _ => {}
        }
    }
    message.shift_remove("content");
    message.shift_remove("tool_calls");
    if !message.is_empty() {
        stream.delta(Json::Object(message));
    }
    if let Some(word) = answer.stop.as_ref().map(|stop| stop::finish_reason(stop, answer.fault.is_some())) {
        stream.chunk(json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": word}]), None);
    }
    if let Some(known) = &answer.usage {
        stream.chunk(json!([]), Some(usage::write(known)));
    }
    match &answer.fault {
        Some(fault) => stream.event(&write_fault(fault).to_string()),
        None if answer.whole => stream.event("[DONE]"),
        None => {}
    }
    stream.bytes
}

struct Stream {
    head: Map<String, Json>,
    bytes: Vec<u8>,
}

impl Stream {
    fn delta(&mut self, delta: Json) {
        let mut choice = Map::from_iter([("index".to_owned(), Json::from(0)), ("delta".to_owned(), delta)]);
        choice.insert("logprobs".into(), Json::Null);
        choice.insert("finish_reason".into(), Json::Null);
        self.chunk(json!([choice]), None);
    }

    fn chunk(&mut self, choices: Json, usage: Option<Json>) {
        let mut chunk = self.head.clone();
        chunk.insert("choices".into(), choices);
        chunk.extend(usage.map(|usage| ("usage".to_owned(), usage)));
        self.event(&Json::Object(chunk).to_string());
    }

    fn event(&mut self, data: &str) {
        self.bytes.extend_from_slice(format!("data: {data}\n\n").as_bytes());
    }

    /// The fields of reasoning, once.
    fn reasoning(&mut self, message: &mut Map<String, Json>) {
        let held = |name: &&str| message.get(*name).is_some_and(|value| super::details::holds_reasoning(name, value));
        let names: Vec<&str> = super::details::FIELDS.into_iter().filter(held).collect();
        let fields: Map<String, Json> = names.into_iter().filter_map(|name| message.shift_remove_entry(name)).collect();
        if !fields.is_empty() {
            self.delta(Json::Object(fields));
        }
    }

    /// A call: its id and name first, then its arguments.
    fn call(&mut self, index: usize, mut call: Json) {
        let arguments = call.pointer_mut("/function/arguments").map(std::mem::take);
        if let (Some(function), Some(_)) = (call.get_mut("function"), &arguments) {
            function["arguments"] = "".into();
        }
        call["index"] = index.into();
        self.delta(json!({ "tool_calls": [call] }));
        if let Some(arguments) = arguments {
            self.delta(json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}));
        }
    }
}
