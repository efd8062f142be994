//! Writes a request.

use serde_json::{Map, Value as Json, json};

use super::block::write_block;
use super::cache::mark;
use super::conversation::{write_all, write_messages};
use super::fields::{fields, given};
use super::request::{read_request, read_system};
use super::tools::write_tools;
use crate::wire::keep::lay_over;
use crate::wire::{Request, Role, Turn};

/// The bound on output tokens where a request has none: the API demands one. Every model that is served today takes
/// this many (Opus 4.1, the one with the lowest limit, exactly so many), and an answer is rarely longer.
const MAX_TOKENS: u64 = 32_000;

/// Writes a request. One that says the same as the body that it was read from is that body.
pub(in crate::wire) fn write_request(request: &Request) -> Json {
    if let Some(source) = request.source.as_ref().filter(|source| read_request(source).as_ref() == Ok(request)) {
        return source.clone();
    }
    let (system, turns) = instructions(&request.turns);
    let mut system_blocks = write_system(&system);
    let mut tools = write_tools(&request.tools);
    let mut messages = write_messages(&turns);
    if request.source.is_none() {
        mark(&mut system_blocks, &mut tools, &mut messages);
    }
    let mut known = Map::new();
    known.insert("model".into(), request.model.as_str().into());
    known.insert("max_tokens".into(), request.max_tokens.filter(|most| *most > 0).unwrap_or(MAX_TOKENS).into());
    known.insert("system".into(), same_system(request, &system).unwrap_or_else(|| or_null(system_blocks)));
    known.insert("messages".into(), write_all(messages));
    if tools.is_empty() {
        known.insert("tool_choice".into(), Json::Null);
    }
    known.insert("tools".into(), or_null(tools));
    known.insert("temperature".into(), temperature(request.temperature));
    let source = request.source.clone().map(fields).unwrap_or_default();
    if request.stream || source.contains_key("stream") {
        known.insert("stream".into(), request.stream.into());
    }
    Json::Object(lay_over(source, known))
}

/// The turns for the field `system`, and all others. Instructions in the middle stay there when they came so; others
/// are put to the front, because models before Opus 4.8 refuse them in the middle.
fn instructions(turns: &[Turn]) -> (Vec<&Turn>, Vec<&Turn>) {
    turns.iter().partition(|turn| turn.role == Role::System && !is_message(turn))
}

fn is_message(turn: &Turn) -> bool {
    turn.source.as_ref().is_some_and(|source| given(source, "role").is_some())
}

/// The field as it came, when it says the same.
fn same_system(request: &Request, system: &[&Turn]) -> Option<Json> {
    let [turn] = system else { return None };
    request.source.as_ref()?;
    turn.source.clone().filter(|source| read_system(source).as_ref() == Some(*turn))
}

fn write_system(system: &[&Turn]) -> Vec<Json> {
    system.iter().flat_map(|turn| &turn.parts).filter_map(write_block).filter(|block| block["type"] == "text").collect()
}

fn or_null(list: Vec<Json>) -> Json {
    if list.is_empty() { Json::Null } else { Json::Array(list) }
}

/// The dialect's range ends at 1.
fn temperature(temperature: Option<f64>) -> Json {
    temperature.map_or(Json::Null, |temperature| json!(temperature.clamp(0.0, 1.0)))
}
