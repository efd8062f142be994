//! Reasoning: the fields of a message that hold it. Servers send one, or the same in several of them.

use serde_json::{Map, Value as Json};

use super::value::{items, text};

/// The fields, the one to show first.
pub(super) const FIELDS: [&str; 6] =
    ["reasoning_content", "reasoning", "reasoning_text", "thinking", "reasoning_details", "thinking_blocks"];
/// Fields of an item that arrive in pieces.
const PIECES: [&str; 4] = ["text", "summary", "thinking", "data"];

/// True for a field that holds reasoning; an object or a number does not.
pub(super) fn holds_reasoning(name: &str, value: &Json) -> bool {
    FIELDS.contains(&name) && if is_list(name) { value.is_array() } else { value.is_string() }
}

/// Fields that are lists of blocks.
pub(super) fn is_list(name: &str) -> bool {
    matches!(name, "reasoning_details" | "thinking_blocks")
}

/// A field of which nothing came yet.
pub(super) fn empty(name: &str) -> Json {
    if is_list(name) { Json::Array(Vec::new()) } else { Json::String(String::new()) }
}

/// The text that a field shows.
pub(super) fn visible_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().filter_map(visible_text_of).collect(),
        _ => String::new(),
    }
}

fn visible_text_of(item: &Json) -> Option<&str> {
    ["text", "summary", "thinking"].iter().find_map(|name| text(item, name))
}

/// The text of Mistral's `thinking` block.
pub(super) fn thinking_text(block: &Json) -> String {
    let of = |item: &Json| item.as_str().or_else(|| text(item, "text")).unwrap_or_default().to_owned();
    items(block.get("thinking")).iter().map(of).collect()
}

/// Adds a piece of Mistral's `thinking` block to the block.
pub(super) fn join_thinking(block: &mut Map<String, Json>, piece: &Json) {
    for (name, value) in super::value::fields(piece) {
        match (block.get_mut(name), value) {
            (Some(Json::String(known)), Json::String(piece)) if name == "thinking" => known.push_str(piece),
            (Some(Json::Array(known)), Json::Array(pieces)) => {
                for piece in pieces {
                    match (known.last_mut().and_then(|last| last.get_mut("text")), piece.get("text")) {
                        (Some(Json::String(known)), Some(Json::String(piece))) => known.push_str(piece),
                        _ => known.push(piece.clone()),
                    }
                }
            }
            (_, Json::Null) => {}
            (Some(Json::Array(known)), Json::String(_)) if name == "thinking" => known.push(value.clone()),
            (Some(known @ Json::String(_)), Json::Array(pieces)) if name == "thinking" => {
                *known = [std::slice::from_ref(known), pieces].concat().into();
            }
            // Of another shape: what came stays.
            (Some(Json::Array(_) | Json::String(_)), _) if name == "thinking" => {}
            _ => drop(block.insert(name.clone(), value.clone())),
        }
    }
}

/// Adds pieces of blocks to the blocks that came.
pub(super) fn join_blocks(blocks: &mut Vec<Json>, pieces: &[Json]) {
    for piece in pieces {
        match blocks.iter_mut().rev().take(8).enumerate().find(|(back, block)| continues(block, piece, *back == 0)) {
            Some((_, block)) => join_block(block, piece),
            None => blocks.push(piece.clone()),
        }
    }
}

/// True when a piece belongs to a block: of the same type and index, without another id; without an index, the last
/// one, if it is text.
fn continues(block: &Json, piece: &Json, is_last: bool) -> bool {
    let set = |of: &Json, name: &str| of.get(name).filter(|value| !value.is_null()).cloned();
    let agree = |name: &str| match (set(block, name), set(piece, name)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let same_index = set(block, "index") == set(piece, "index");
    let indexed = set(piece, "index").is_some();
    same_index && agree("type") && agree("id") && (indexed || (is_last && piece.get("data").is_none()))
}

fn join_block(block: &mut Json, piece: &Json) {
    let Some(block) = block.as_object_mut() else { return };
    for (name, value) in super::value::fields(piece) {
        match (block.get_mut(name), value) {
            (_, Json::Null) => {}
            (Some(Json::String(known)), Json::String(piece)) if PIECES.contains(&name.as_str()) => {
                // A sealed block that is sent again is the same one.
                if name != "data" || known != piece {
                    known.push_str(piece);
                }
            }
            _ => drop(block.insert(name.clone(), value.clone())),
        }
    }
}
