//! Elements that are put into a conversation, and those that are taken out.

use serde_json::{Map, Value as Json, json};

use super::places::list_of;
use crate::model::Message;
use crate::wire::{Dialect, written_arguments};

/// An element of a conversation's list.
pub(super) type Element = Json;

/// Marks an element that is taken out, so that pointers to those behind it hold until the end.
const OUT: &str = "\u{0}out";

/// Marks an element as taken out.
pub(super) fn take_out(body: &mut Json, pointer: &str) {
    if let Some(place) = body.pointer_mut(pointer) {
        *place = json!({ OUT: true });
    }
}

fn is_out(json: &Json) -> bool {
    json.get(OUT).is_some()
}

/// Removes all that was marked, and the messages that have nothing left.
pub(super) fn sweep(dialect: Dialect, body: &mut Json) {
    let Some(fields) = body.as_object_mut() else { return };
    fields.retain(|_, value| !is_out(value));
    fields.retain(|_, value| !emptied(value));
    if let Some(Json::Array(list)) = fields.get_mut(list_of(dialect)) {
        list.retain_mut(|element| !is_out(element) && !hollow(element));
    }
}

/// Removes marked elements from a list, or from the parts of an object; true if that left nothing.
fn emptied(value: &mut Json) -> bool {
    match value {
        Json::Array(list) => {
            let had = list.len();
            list.retain(|element| !is_out(element));
            had > 0 && list.is_empty()
        }
        Json::Object(fields) if fields.contains_key("parts") => fields.get_mut("parts").is_some_and(emptied),
        _ => false,
    }
}

/// Removes marked parts of a message; true if none is left.
fn hollow(element: &mut Json) -> bool {
    let Some(fields) = element.as_object_mut() else { return false };
    fields.retain(|_, value| !is_out(value));
    let names = ["content", "parts", "tool_calls"];
    let gone: Vec<&str> = names.into_iter().filter(|name| fields.get_mut(*name).is_some_and(emptied)).collect();
    for name in &gone {
        fields.shift_remove(*name);
    }
    let left = |name: &&str| fields.get(*name).is_some_and(|value| !value.is_null());
    let says_nothing = !names.iter().any(|name| left(&name));
    if !gone.is_empty() && !says_nothing && fields.contains_key("tool_calls") && !fields.contains_key("content") {
        fields.insert("content".into(), Json::Null);
    }
    !gone.is_empty() && says_nothing
}

/// Puts instructions into a body that has none.
pub(super) fn insert_system(dialect: Dialect, body: &mut Json, text: &str) {
    match dialect {
        Dialect::Messages => body["system"] = text.into(),
        Dialect::Responses => body["instructions"] = text.into(),
        Dialect::Gemini => body["systemInstruction"] = json!({"parts": [{ "text": text }]}),
        Dialect::Chat | Dialect::Ollama => {
            if let Some(Json::Array(list)) = body.get_mut(list_of(dialect)) {
                // Marked elements keep the pointers right, so that it must come in front of all at the end.
                list.insert(0, json!({"role": "system", "content": text}));
            }
        }
    }
}

/// The elements of messages that are put in.
pub(super) fn made(dialect: Dialect, messages: &[&Message]) -> Vec<Element> {
    let mut ids: Vec<String> = Vec::new();
    let mut elements: Vec<Element> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        match message {
            Message::User { text } => elements.push(user(dialect, text)),
            Message::Assistant { text, calls, .. } => {
                ids = (0..calls.len()).map(|number| format!("{}_edit_{at}_{number}", prefix(dialect))).collect();
                let calls = calls.iter().zip(&ids).map(|(call, id)| (id.as_str(), call.name.as_str(), &call.args));
                elements.extend(assistant(dialect, text, calls));
            }
            Message::Tool { call, name, text } => {
                let id = ids.get(*call).map_or("", String::as_str);
                let part = result(dialect, id, name, text);
                match elements.last_mut() {
                    // All results of one turn stand in one message.
                    Some(last) if holds_results(dialect, last) => push_part(dialect, last, part),
                    _ => elements.push(as_element(dialect, part)),
                }
            }
        }
    }
    elements
}

fn prefix(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Messages { "toolu" } else { "call" }
}

fn user(dialect: Dialect, text: &str) -> Element {
    match dialect {
        Dialect::Responses => {
            json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
        }
        Dialect::Gemini => json!({"role": "user", "parts": [{ "text": text }]}),
        _ => json!({"role": "user", "content": text}),
    }
}

fn assistant<'a>(
    dialect: Dialect,
    text: &str,
    calls: impl Iterator<Item = (&'a str, &'a str, &'a Json)>,
) -> Vec<Element> {
    let said = (!text.is_empty()).then_some(text);
    match dialect {
        Dialect::Messages => {
            let said = said.map(|text| json!({"type": "text", "text": text}));
            let calls = calls.map(|(id, name, args)| {
                json!({"type": "tool_use", "id": id, "name": name, "input": written_arguments(args)})
            });
            vec![json!({"role": "assistant", "content": said.into_iter().chain(calls).collect::<Vec<_>>()})]
        }
        Dialect::Gemini => {
            let said = said.map(|text| json!({ "text": text }));
            let calls =
                calls.map(|(_, name, args)| json!({"functionCall": {"name": name, "args": written_arguments(args)}}));
            vec![json!({"role": "model", "parts": said.into_iter().chain(calls).collect::<Vec<_>>()})]
        }
        Dialect::Responses => {
            let said = said.map(|text| {
                let content = json!([{"type": "output_text", "text": text, "annotations": []}]);
                json!({"type": "message", "role": "assistant", "content": content})
            });
            let calls = calls.map(|(id, name, args)| {
                let arguments = written_arguments(args).to_string();
                json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments})
            });
            said.into_iter().chain(calls).collect()
        }
        Dialect::Chat | Dialect::Ollama => {
            let calls: Vec<Json> = calls
                .map(|(id, name, args)| {
                    let function = json!({"name": name, "arguments": written_arguments(args).to_string()});
                    json!({"id": id, "type": "function", "function": function})
                })
                .collect();
            let mut message = Map::from_iter([("role".to_owned(), Json::from("assistant"))]);
            message.insert("content".into(), said.map_or(Json::Null, Json::from));
            if !calls.is_empty() {
                message.insert("tool_calls".into(), calls.into());
            }
            vec![Json::Object(message)]
        }
    }
}

fn result(dialect: Dialect, id: &str, name: &str, text: &str) -> Json {
    match dialect {
        Dialect::Messages => json!({"type": "tool_result", "tool_use_id": id, "content": text}),
        Dialect::Responses => json!({"type": "function_call_output", "call_id": id, "output": text}),
        Dialect::Gemini => json!({"functionResponse": {"name": name, "response": {"output": text}}}),
        Dialect::Chat | Dialect::Ollama => json!({"role": "tool", "tool_call_id": id, "content": text}),
    }
}

fn as_element(dialect: Dialect, part: Json) -> Element {
    match dialect {
        Dialect::Messages => json!({"role": "user", "content": [part]}),
        Dialect::Gemini => json!({"role": "user", "parts": [part]}),
        _ => part,
    }
}

fn holds_results(dialect: Dialect, element: &Element) -> bool {
    match dialect {
        Dialect::Messages => element.pointer("/content/0/tool_use_id").is_some(),
        Dialect::Gemini => element.pointer("/parts/0/functionResponse").is_some(),
        _ => false,
    }
}

fn push_part(dialect: Dialect, element: &mut Element, part: Json) {
    let name = if dialect == Dialect::Messages { "content" } else { "parts" };
    if let Some(Json::Array(parts)) = element.get_mut(name) {
        parts.push(part);
    }
}
