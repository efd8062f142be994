//! A tool call, as a message holds it.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use super::value::word;
use crate::wire::json::{unreadable_arguments, written_arguments};
use crate::wire::{Call, Part, PartKind, keep::keep, parse_arguments};

/// Reads an item of `tool_calls`, or a `function_call`.
pub(super) fn read(source: &Json) -> Part {
    Part::read(PartKind::Call(call(source)), source.clone())
}

fn call(source: &Json) -> Call {
    let id = word(source, "id").unwrap_or_default();
    if let Some(custom) = custom(source) {
        let input = custom.get("input").and_then(Json::as_str).unwrap_or_default();
        return Call { id, name: word(custom, "name").unwrap_or_default(), args: Json::from(input) };
    }
    let function = source.get("function").filter(|function| function.is_object()).unwrap_or(source);
    let given = function.get("arguments").or_else(|| source.get("arguments")).unwrap_or(&Json::Null);
    let name = word(function, "name").or_else(|| word(source, "name")).unwrap_or_default();
    Call { id, name, args: parse_arguments(given) }
}

/// The call of a tool that takes a text.
fn custom(source: &Json) -> Option<&Json> {
    let is_function = source.get("function").is_some_and(Json::is_object);
    source.get("custom").filter(|custom| custom.is_object() && !is_function)
}

/// Reads a call of a request: arguments that [`write_history`] wrote are what they were.
pub(super) fn read_history(source: &Json) -> Part {
    let mut call = call(source);
    if let Some(given) = unreadable_arguments(&call.args) {
        call.args = Json::from(given);
    }
    Part::read(PartKind::Call(call), source.clone())
}

/// True for the source of a `function_call`.
pub(super) fn is_function_call(source: Option<&Json>) -> bool {
    source.is_some_and(|source| {
        source.get("function").is_none() && source.get("custom").is_none() && source.get("id").is_none()
    })
}

/// Writes a call of an answer, under an id: arguments as the model gave them.
pub(super) fn write(call: &Call, source: Option<&Json>, id: &str) -> Json {
    let same = |source: &Json| self::call(source) == *call && call.id == id && !call.name.is_empty();
    if let Some(source) = source.filter(|source| custom(source).is_some()) {
        let input = Json::from(arguments_text(&call.args));
        let known = json!({"id": id, "type": "custom", "custom": {"name": name(call), "input": input}});
        let same = |source: &Json| same(source) && source["type"] == "custom";
        return keep(Some(source), same, || known.as_object().cloned().unwrap_or_default());
    }
    keep(source.filter(|source| is_ours(source)), same, || lay_call_over(source, call, id, &arguments_text(&call.args)))
}

/// Writes a call of a request, under an id: arguments are an object.
pub(super) fn write_history(call: &Call, source: Option<&Json>, id: &str) -> Json {
    if source.is_some_and(|source| custom(source).is_some()) {
        return write(call, source, id);
    }
    let came = source.and_then(|source| source.pointer("/function/arguments")).and_then(Json::as_str);
    let object = written_arguments(&call.args);
    // The text that came, when it is good: a cached prefix stays the same.
    let text = came.filter(|came| serde_json::from_str::<Json>(came).is_ok_and(|came| came == object));
    let text = text.map_or_else(|| object.to_string(), ToOwned::to_owned);
    Json::Object(lay_call_over(source, call, id, &text))
}

fn lay_call_over(source: Option<&Json>, call: &Call, id: &str, arguments: &str) -> Map<String, Json> {
    let source = source.filter(|source| source.get("function").is_some_and(Json::is_object));
    let mut item = source.and_then(Json::as_object).cloned().unwrap_or_default();
    let mut function = item.get("function").and_then(Json::as_object).cloned().unwrap_or_default();
    function.insert("name".into(), name(call).into());
    function.insert("arguments".into(), arguments.into());
    item.shift_remove("index");
    let mut written = Map::from_iter([("id".to_owned(), Json::from(id)), ("type".to_owned(), "function".into())]);
    written.extend(item.into_iter().filter(|(name, _)| name != "id" && name != "type"));
    written.insert("function".into(), Json::Object(function));
    written
}

/// A call's name: a server refuses an empty one.
fn name(call: &Call) -> &str {
    if call.name.is_empty() { "unnamed" } else { &call.name }
}

/// False for another dialect's source, and for the older form.
fn is_ours(source: &Json) -> bool {
    source.get("function").is_some_and(Json::is_object)
}

/// Arguments as the text in which they travel.
pub(super) fn arguments_text(args: &Json) -> String {
    match args {
        Json::String(text) => text.clone(),
        args => args.to_string(),
    }
}

/// Ids for calls, in order: their own where it is there and the first of its kind, else made.
pub(super) fn ids(calls: &[&Call]) -> Vec<String> {
    let given: HashSet<&str> = calls.iter().map(|call| call.id.as_str()).collect();
    let mut used = HashSet::new();
    // Nine letters and digits: Mistral takes no other.
    let mut made = (0u64..).map(|number| format!("call{number:05}")).filter(|id| !given.contains(id.as_str()));
    let id = |call: &&Call| match call.id.as_str() {
        id if !id.is_empty() && used.insert(id.to_owned()) => id.to_owned(),
        _ => made.next().unwrap_or_default(),
    };
    calls.iter().map(id).collect()
}
