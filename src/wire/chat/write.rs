//! A message, written from the parts of a turn.

use serde_json::{Map, Value as Json, json};

use super::value::fields;
use super::{details, tool_call, turn};
use crate::wire::{Answer, Call, Part, PartKind};

/// Fields of an answer that a request may not have.
const ANSWER_ONLY: [&str; 3] = ["annotations", "images", "token_ids"];

/// The turn that goes back with the next request.
pub(in crate::wire) fn echo(answer: &Answer) -> Json {
    Json::Object(assistant(&answer.parts, &ids(&answer.parts)))
}

/// A turn of the model as a request holds it, with an id for each of its calls.
pub(super) fn assistant(parts: &[Part], ids: &[String]) -> Map<String, Json> {
    let mut ids = ids.iter();
    let mut message = write_message("assistant", parts, |call, source| {
        tool_call::write_history(call, source, ids.next().map_or(call.id.as_str(), String::as_str))
    });
    for name in ANSWER_ONLY {
        message.shift_remove(name);
    }
    // Audio goes back by its id.
    if let Some(id) = message.get("audio").and_then(|audio| audio.get("id")).cloned() {
        message.insert("audio".into(), json!({ "id": id }));
    }
    message
}

/// Ids for the calls among parts.
fn ids(parts: &[Part]) -> Vec<String> {
    let call = |part| if let &Part { kind: PartKind::Call(ref call), .. } = part { Some(call) } else { None };
    tool_call::ids(&parts.iter().filter_map(call).collect::<Vec<_>>())
}

/// A message of an answer.
pub(super) fn answer_message(parts: &[Part]) -> Map<String, Json> {
    let ids = ids(parts);
    let mut ids = ids.iter();
    let mut message = write_message("assistant", parts, |call, source| {
        tool_call::write(call, source, ids.next().map_or(call.id.as_str(), String::as_str))
    });
    let reasoning = |part: &Part| matches!(&part.kind, PartKind::Reasoning(_) if part.source.is_none());
    let made: String = parts.iter().filter(|part| reasoning(part)).map(text).collect();
    if !made.is_empty() {
        message.entry("reasoning_content").or_insert(made.into());
    }
    message
}

/// A message that holds parts; `write_call` writes its calls.
pub(super) fn write_message(
    role: &str,
    parts: &[Part],
    mut write_call: impl FnMut(&Call, Option<&Json>) -> Json,
) -> Map<String, Json> {
    let mut message = Map::from_iter([("role".to_owned(), Json::from(role)), ("content".to_owned(), Json::Null)]);
    let mut calls = Vec::new();
    for part in parts {
        match (&part.kind, &part.source) {
            (PartKind::Call(call), source) => calls.push(write_call(call, source.as_ref())),
            (PartKind::Reasoning(text), Some(source)) if !is_item(part) => reasoning(&mut message, text, source),
            (PartKind::Other, Some(source)) if !is_item(part) => {
                message.extend(turn::other_fields(source).map(|(name, value)| (name.clone(), value.clone())));
            }
            _ => {}
        }
    }
    let content = content(parts, role == "assistant");
    if !content.is_null() || calls.is_empty() {
        message.insert("content".into(), if content.is_null() { "".into() } else { content });
    }
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.into());
    }
    message
}

fn reasoning(message: &mut Map<String, Json>, text: &str, source: &Json) {
    if turn::visible_text(source) == text {
        message.extend(fields(source).map(|(name, value)| (name.clone(), value.clone())));
    } else if let Some((name, _)) = fields(source).find(|(name, _)| !details::is_list(name)) {
        message.insert(name.clone(), text.into());
    }
}

/// The content: a text where one is enough, else a list; null for none.
fn content(parts: &[Part], joined: bool) -> Json {
    let texts = || parts.iter().filter(|part| matches!(&part.kind, PartKind::Text(text) if !text.is_empty()));
    if parts.iter().any(is_item) || (!joined && texts().count() > 1) {
        return parts.iter().filter_map(item).collect();
    }
    if texts().next().is_none() {
        return Json::Null;
    }
    texts().map(text).collect::<String>().into()
}

/// True for an item of a list of content.
pub(super) fn is_item(part: &Part) -> bool {
    let typed = part.source.as_ref().is_some_and(|source| source.get("type").is_some_and(Json::is_string));
    typed && !matches!(part.kind, PartKind::Call(_) | PartKind::Result(_))
}

/// A part as an item of a list of content.
pub(super) fn item(part: &Part) -> Option<Json> {
    let source = part.source.as_ref();
    match &part.kind {
        PartKind::Text(text) if text.is_empty() => None,
        PartKind::Text(text) => {
            let mut written = source.and_then(Json::as_object).cloned().unwrap_or_default();
            if !written.contains_key("type") {
                written.insert("type".into(), "text".into());
            }
            written.insert("text".into(), text.as_str().into());
            Some(Json::Object(written))
        }
        PartKind::Reasoning(text) if is_item(part) => {
            let source = source?;
            if turn::visible_text(source) == *text {
                return Some(source.clone());
            }
            Some(json!({"type": "thinking", "thinking": [{"type": "text", "text": text}]}))
        }
        PartKind::Other if is_item(part) => source.cloned(),
        _ => None,
    }
}

fn text(part: &Part) -> &str {
    match &part.kind {
        PartKind::Text(text) | PartKind::Reasoning(text) => text,
        _ => "",
    }
}
