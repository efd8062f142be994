//! A request, written.

use serde_json::{Map, Value as Json, json};

use super::item::{item_type, part_text, text};
use super::pairs::pair_results;
use super::part::{Use, fields, say_the_same, write_items};
use super::request::read_request;
use super::tools::{change_tools, write_tools};
use super::turn::read_items;
use crate::wire::keep::{keep, lay_over};
use crate::wire::{Part, PartKind, Request, Role, Turn};

/// Writes a request.
pub(in crate::wire) fn write_request(request: &Request) -> Json {
    let read = request.source.as_ref().and_then(|source| read_request(source).ok());
    match (&request.source, read) {
        (Some(Json::Object(source)), Some(read)) => Json::Object(change(source, &read, request)),
        _ => make(request),
    }
}

/// A request made here: it keeps nothing at the provider, so the reasoning has to come back with it.
fn make(request: &Request) -> Json {
    let (instructions, turns) = split_instructions(&request.turns);
    let items: Vec<Json> = turns.iter().flat_map(|turn| sendable(write_turn(turn))).collect();
    let mut body = fields(json!({ "model": request.model }));
    if !instructions.is_empty() {
        body.insert("instructions".into(), instructions.into());
    }
    body.insert("input".into(), Json::Array(pair_results(items)));
    let tools = write_tools(&request.tools);
    if !tools.is_empty() {
        body.insert("tools".into(), Json::Array(tools));
    }
    body.insert("store".into(), false.into());
    if reasons(&request.model) {
        body.insert("include".into(), json!(["reasoning.encrypted_content"]));
    }
    for (name, value) in [
        ("temperature", request.temperature.map(Json::from)),
        ("max_output_tokens", request.max_tokens.map(Json::from)),
        ("stream", request.stream.then(|| true.into())),
    ] {
        if let Some(value) = value {
            body.insert(name.into(), value);
        }
    }
    Json::Object(body)
}

/// False for `OpenAI`'s models without reasoning: asked to include it, they refuse the request.
fn reasons(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    !["gpt-3.5", "gpt-4", "chatgpt-4o"].into_iter().any(|old| name.starts_with(old))
}

/// A request that was read: what changed is laid over its body.
fn change(source: &Map<String, Json>, read: &Request, request: &Request) -> Map<String, Json> {
    let mut known = Map::new();
    let mut put = |changed: bool, name: &str, value: Json| {
        if changed {
            known.insert(name.into(), value);
        }
    };
    put(read.model != request.model, "model", request.model.as_str().into());
    if !same_turns(&read.turns, &request.turns) {
        let (instructions, turns) = split_instructions(&request.turns);
        let instructions = if instructions.is_empty() { Json::Null } else { instructions.into() };
        put(source.contains_key("instructions") || !instructions.is_null(), "instructions", instructions);
        put(true, "input", turns.iter().flat_map(write_turn).collect());
    }
    put(read.temperature != request.temperature, "temperature", request.temperature.into());
    put(read.max_tokens != request.max_tokens, "max_output_tokens", request.max_tokens.into());
    put(read.stream != request.stream, "stream", request.stream.into());
    let mut body = lay_over(source.clone(), known);
    if read.tools != request.tools {
        change_tools(&mut body, &request.tools);
    }
    body
}

fn same_turns(one: &[Turn], other: &[Turn]) -> bool {
    let same = |(one, other): (&Turn, &Turn)| one.role == other.role && say_the_same(&one.parts, &other.parts);
    one.len() == other.len() && one.iter().zip(other).all(same)
}

/// The instructions made here with which a conversation begins, and the turns after them.
fn split_instructions(turns: &[Turn]) -> (String, &[Turn]) {
    let is_text = |part: &Part| matches!(part.kind, PartKind::Text(_));
    let is_instructions =
        |turn: &&Turn| turn.role == Role::System && turn.source.is_none() && turn.parts.iter().all(is_text);
    let count = turns.iter().take_while(is_instructions).count();
    let (first, rest) = turns.split_at(count);
    let texts = first.iter().flat_map(|turn| &turn.parts).filter_map(|part| match &part.kind {
        PartKind::Text(text) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    (texts.collect::<Vec<_>>().join("\n\n"), rest)
}

/// The items of a turn: as they came, while they say the same.
fn write_turn(turn: &Turn) -> Vec<Json> {
    if let Some(Json::Array(items)) = &turn.source
        && say_the_same(&read_items(turn.role, items.clone()).parts, &turn.parts)
    {
        return items.clone();
    }
    match turn.role {
        Role::Assistant => write_items(&turn.parts, Use::Request),
        role => write_mixed(role, turn),
    }
}

/// The items of a turn that is not the model's: its texts and images are one message, its results are items.
fn write_mixed(role: Role, turn: &Turn) -> Vec<Json> {
    let (contents, others): (Vec<&Part>, Vec<&Part>) = turn.parts.iter().partition(|part| is_content(part));
    let others: Vec<Part> = others.into_iter().cloned().collect();
    let mut items = write_items(&others, Use::Request);
    let content: Vec<Json> = contents.into_iter().filter_map(write_content).collect();
    if !content.is_empty() {
        let name = if role == Role::System { "developer" } else { "user" };
        let source = turn.source.as_ref().and_then(|items| items.get(0)).filter(|item| item_type(item) == "message");
        let known = match source {
            Some(_) => fields(json!({ "content": content })),
            None => fields(json!({ "type": "message", "role": name, "content": content })),
        };
        items.push(keep(source, |_| false, || known));
    }
    items
}

fn is_content(part: &Part) -> bool {
    match &part.kind {
        PartKind::Text(_) => true,
        PartKind::Other => part.source.as_ref().is_some_and(|source| text(source, "type").starts_with("input_")),
        _ => false,
    }
}

fn write_content(part: &Part) -> Option<Json> {
    let PartKind::Text(said) = &part.kind else { return part.source.clone() };
    let source = part.source.as_ref().filter(|source| text(source, "type") == "input_text");
    (source.is_some() || !said.is_empty()).then(|| {
        let known = || fields(json!({ "type": "input_text", "text": said }));
        keep(source, |source| part_text(source) == Some(said), known)
    })
}

/// Leaves out reasoning that was cut: the provider doesn't know it, and it holds nothing to go on from.
fn sendable(mut items: Vec<Json>) -> Vec<Json> {
    let is_cut = |item: &Json| {
        item_type(item) == "reasoning"
            && matches!(text(item, "status"), "incomplete" | "in_progress")
            && text(item, "encrypted_content").is_empty()
    };
    items.retain(|item| !is_cut(item));
    items
}
