//! The model's turn, as it goes back.
//!
//! The service gives calls no ids in many versions, and what it gave goes back unmodified. So an id that it did not give
//! is made when the turn is read, by the call's place (`call_0`), and never written; results then have none either.

use serde_json::{Value as Json, json};

use super::field::text;
use super::part;
use crate::wire::call_ids;
use crate::wire::{Answer, Part, PartKind, Role, Turn};

/// Writes the turn of an answer.
pub(in crate::wire) fn echo(answer: &Answer) -> Json {
    let mut parts = answer.parts.clone();
    call_ids::make_distinct(&mut parts);
    let parts: Vec<Json> = parts.iter().filter_map(part::write).collect();
    json!({"role": "model", "parts": parts})
}

/// Reads a turn of the model.
pub(in crate::wire) fn read_turn(content: &Json) -> Turn {
    let mut turn = read(content);
    turn.role = Role::Assistant;
    call_ids::fill(&mut turn.parts);
    turn
}

/// Reads a content, with the ids that it has.
pub(super) fn read(content: &Json) -> Turn {
    let parts: Vec<Part> = part::list(content).into_iter().filter_map(part::read).collect();
    let role = match text(content, "role") {
        "model" | "assistant" => Role::Assistant,
        "system" => Role::System,
        _ if parts.iter().any(|part| matches!(part.kind, PartKind::Result(_))) => Role::Tool,
        _ => Role::User,
    };
    Turn { role, parts, source: Some(content.clone()) }
}
