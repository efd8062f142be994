//! One message, read.

use serde_json::Value as Json;

use super::block::read_content;
use super::fields::text;
use crate::wire::{Part, PartKind, Role, Turn};

/// Reads a message.
pub(super) fn read_message(message: &Json) -> Turn {
    let parts = read_content(message.get("content"));
    let role = match text(message, "role") {
        Some("assistant" | "model") => Role::Assistant,
        Some("system" | "developer") => Role::System,
        _ if is_results(&parts) => Role::Tool,
        _ => Role::User,
    };
    Turn { role, parts, source: Some(message.clone()) }
}

fn is_results(parts: &[Part]) -> bool {
    !parts.is_empty() && parts.iter().all(|part| matches!(part.kind, PartKind::Result(_)))
}

/// Reads a turn of the model.
pub(in crate::wire) fn read_turn(turn: &Json) -> Turn {
    Turn { role: Role::Assistant, ..read_message(turn) }
}
