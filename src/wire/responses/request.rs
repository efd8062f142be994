//! A request, read.

use serde_json::Value as Json;

use super::item::{content_texts, item_type};
use super::tools::read_tools;
use super::turn::{read_items, role_of};
use crate::wire::{Part, PartKind, Request, Role, Turn, Unreadable};

/// Reads a request.
pub(in crate::wire) fn read_request(body: &Json) -> Result<Request, Unreadable> {
    let fields = body.as_object().ok_or_else(|| Unreadable("the request is not a JSON object".into()))?;
    let has = |name: &str| fields.get(name).is_some_and(|value| !value.is_null());
    if has("messages") && !has("input") {
        return Err(Unreadable("the request has `messages`: it is one of another dialect; here it is `input`".into()));
    }
    let mut turns = Vec::new();
    let instructions = content_texts(body.get("instructions")).join("\n\n");
    if !instructions.is_empty() {
        turns.push(Turn::new(Role::System, vec![Part::new(PartKind::Text(instructions))]));
    }
    match fields.get("input") {
        Some(Json::String(text)) => {
            turns.push(Turn::new(Role::User, vec![Part::new(PartKind::Text(text.clone()))]));
        }
        Some(Json::Array(items)) => turns.extend(read_turns(items)),
        Some(item @ Json::Object(_)) => turns.extend(read_turns(std::slice::from_ref(item))),
        Some(Json::Null) | None if ["previous_response_id", "prompt", "conversation"].into_iter().any(has) => {}
        Some(Json::Null) | None => return Err(Unreadable("the request has no `input`".into())),
        Some(_) => return Err(Unreadable("the `input` of the request is neither a text nor a list".into())),
    }
    Ok(Request {
        model: super::item::text(body, "model").to_owned(),
        turns,
        tools: read_tools(body),
        temperature: body.get("temperature").and_then(Json::as_f64),
        max_tokens: body.get("max_output_tokens").and_then(Json::as_u64),
        stream: body.get("stream").and_then(Json::as_bool).unwrap_or(false),
        source: Some(body.clone()),
    })
}

/// Items as turns: those of the model, and those of results, that follow each other are one.
fn read_turns(items: &[Json]) -> Vec<Turn> {
    let mut groups: Vec<(Role, Vec<Json>)> = Vec::new();
    for item in items {
        let role = role_of(item);
        match groups.last_mut() {
            Some((last, group)) if *last == role && joins(role, item) => group.push(item.clone()),
            _ => groups.push((role, vec![item.clone()])),
        }
    }
    groups.into_iter().map(|(role, items)| read_items(role, items)).collect()
}

fn joins(role: Role, item: &Json) -> bool {
    matches!(role, Role::Assistant | Role::Tool) && !item_type(item).is_empty()
}
