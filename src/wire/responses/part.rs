//! Parts written as items.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use super::item::{arguments_field, item_type, name_of, read_item};
use crate::wire::keep::lay_over;
use crate::wire::{Call, Part, PartKind, ToolResult, parse_arguments, written_arguments};

/// For whom items are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// For a client, as a server writes them: arguments as the model gave them.
    Answer,
    /// For a server, as the turn that goes back: arguments are an object, ids differ within the turn.
    Echo,
    /// For a server, as a part of a request: arguments are an object. Ids are made over all turns.
    Request,
}

/// Writes the parts of a turn of the model, or of one of results.
pub(super) fn write_items(parts: &[Part], purpose: Use) -> Vec<Json> {
    let mut items: Vec<Json> = parts.iter().filter_map(|part| write_item(part, purpose)).collect();
    make_ids(&mut items, purpose);
    items
}

/// Writes a part as an item; `None` for what can't be one.
pub(super) fn write_item(part: &Part, purpose: Use) -> Option<Json> {
    let source = part.source.as_ref().filter(|source| source.is_object());
    let same_type = |types: &[&str]| source.filter(|source| types.contains(&item_type(source)));
    match &part.kind {
        PartKind::Other => source.cloned(),
        PartKind::Text(text) => {
            let source = same_type(&["message"]);
            (source.is_some() || !text.is_empty()).then(|| keep_item(source, part, || message(text)))
        }
        PartKind::Reasoning(text) => match same_type(&["reasoning"]) {
            Some(source) => Some(source.clone()),
            // Reasoning of nobody can't go back.
            None if purpose != Use::Answer || text.is_empty() => None,
            None => Some(json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": text }] })),
        },
        PartKind::Call(call) => {
            let source = same_type(&["function_call", "custom_tool_call"]);
            Some(write_call(source, part, call, purpose))
        }
        PartKind::Result(result) => {
            let source = same_type(&["function_call_output", "custom_tool_call_output"]);
            Some(keep_item(source, part, || write_result(result)))
        }
    }
}

/// An item as it came while it says the same, else with what is known laid over it.
fn keep_item(source: Option<&Json>, part: &Part, known: impl FnOnce() -> Map<String, Json>) -> Json {
    crate::wire::keep::keep(
        source,
        |source| read_item(source) == part.kind,
        || {
            let mut known = known();
            if let Some(source) = source {
                known.insert("type".into(), item_type(source).into());
            }
            known
        },
    )
}

fn message(text: &str) -> Map<String, Json> {
    let content = json!([{ "type": "output_text", "text": text, "annotations": [] }]);
    fields(json!({ "type": "message", "role": "assistant", "content": content }))
}

fn write_result(result: &ToolResult) -> Map<String, Json> {
    fields(json!({ "type": "function_call_output", "call_id": result.id, "output": result.text }))
}

fn write_call(source: Option<&Json>, part: &Part, call: &Call, purpose: Use) -> Json {
    let kind = source.map_or("function_call", |source| item_type(source));
    let field = arguments_field(kind).unwrap_or("arguments");
    let free = kind == "custom_tool_call";
    let item = keep_item(source, part, || {
        let arguments = if free { input(&call.args) } else { arguments(&call.args, purpose) };
        let mut known = fields(json!({ "type": kind, "call_id": call.id, "name": call.name }));
        known.insert(field.to_owned(), arguments.into());
        known
    });
    if purpose == Use::Answer || free {
        return item;
    }
    // As it came it may not be fit to go back.
    let is_text = item.get(field).and_then(Json::as_str).is_some_and(is_object_text);
    match item {
        Json::Object(item) if !is_text => {
            let whole = [(field.to_owned(), arguments(&call.args, purpose).into())];
            Json::Object(lay_over(item, Map::from_iter(whole)))
        }
        item => item,
    }
}

/// True for a text that any server reads as an object.
fn is_object_text(text: &str) -> bool {
    serde_json::from_str::<Map<String, Json>>(text).is_ok()
}

/// Arguments as the dialect has them: the text of an object.
fn arguments(args: &Json, purpose: Use) -> String {
    match args {
        Json::String(text) if purpose == Use::Answer => text.clone(),
        args => written_arguments(&parse_arguments(args)).to_string(),
    }
}

/// The free text that a custom tool takes.
fn input(args: &Json) -> String {
    args.as_str().map_or_else(|| args.to_string(), str::to_owned)
}

/// Makes ids where they are missing or doubled: calls have a call id; an item's own id is given up when it is doubled,
/// or made where a client expects one.
fn make_ids(items: &mut [Json], purpose: Use) {
    let mut ids: HashSet<String> = HashSet::new();
    let mut calls: HashSet<String> = items.iter().filter(|item| is_call(item)).map(call_id).collect();
    let mut seen: HashSet<String> = HashSet::new();
    let mut next = 0;
    for (at, item) in items.iter_mut().enumerate() {
        let call = is_call(item).then(|| call_id(item));
        let kind = item_type(item).to_owned();
        let own = name_of(item, "id");
        let Json::Object(fields) = item else { continue };
        complete(&kind, fields);
        if let Some(call) = call.filter(|_| purpose != Use::Request) {
            let id = if call.is_empty() || seen.contains(&call) { unused_id(&mut next, &mut calls) } else { call };
            if fields.get("call_id").and_then(Json::as_str) != Some(id.as_str()) {
                fields.insert("call_id".into(), id.as_str().into());
            }
            seen.insert(id);
        }
        let doubled = !own.is_empty() && !ids.insert(own.clone());
        match purpose {
            Use::Echo | Use::Request
                if (doubled && kind != "reasoning") || (own.is_empty() && fields.contains_key("id")) =>
            {
                fields.shift_remove("id");
            }
            Use::Answer if own.is_empty() && !fields.contains_key("id") => {
                fields.insert("id".into(), format!("{}_{at}", prefix(&kind)).into());
                fields.entry("status").or_insert_with(|| "completed".into());
            }
            _ => {}
        }
    }
}

/// Adds what the dialect asks for and a server left out.
fn complete(kind: &str, fields: &mut Map<String, Json>) {
    let needed: &[(&str, Json)] = match kind {
        "message" => &[("type", "message".into()), ("role", "assistant".into())],
        "reasoning" => &[("type", "reasoning".into()), ("summary", Json::Array(Vec::new()))],
        "function_call" | "custom_tool_call" => &[("type", kind.into()), ("name", "unknown".into())],
        other => &[("type", other.into())],
    };
    for (name, value) in needed {
        if fields.get(*name).is_none_or(|given| given.is_null() || given == "")
            && !value.as_str().is_some_and(str::is_empty)
        {
            fields.insert((*name).to_owned(), value.clone());
        }
    }
}

/// An id that no call has.
pub(super) fn unused_id(next: &mut usize, used: &mut HashSet<String>) -> String {
    loop {
        let id = format!("call_{next}");
        *next += 1;
        if used.insert(id.clone()) {
            return id;
        }
    }
}

pub(super) fn is_call(item: &Json) -> bool {
    arguments_field(item_type(item)).is_some()
}

/// The id to which the result of a call refers.
pub(super) fn call_id(item: &Json) -> String {
    let id = name_of(item, "call_id");
    if id.is_empty() { name_of(item, "id") } else { id }
}

fn prefix(kind: &str) -> &'static str {
    match kind {
        "message" => "msg",
        "reasoning" => "rs",
        "function_call" => "fc",
        "custom_tool_call" => "ctc",
        _ => "item",
    }
}

pub(super) fn fields(json: Json) -> Map<String, Json> {
    if let Json::Object(fields) = json { fields } else { Map::new() }
}

/// True when two lists of parts say the same: what has no neutral form is compared by its source.
pub(super) fn say_the_same(one: &[Part], other: &[Part]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| one.kind == other.kind && (one.kind != PartKind::Other || one.source == other.source))
}
