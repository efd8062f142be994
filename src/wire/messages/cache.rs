//! Marks up to where a prompt is cached, so that a tool loop pays for what is new.

use serde_json::{Value as Json, json};

use super::conversation::Message;
use super::fields::{given, kind};

/// The most marks in one request.
const MOST: usize = 4;

/// Marks the instructions (tools come before them, and are cached with them), the end of the conversation, and the end
/// of the user's turn before: up to there the last request was cached.
pub(super) fn mark(system: &mut [Json], tools: &mut [Json], messages: &mut [Message]) {
    let marks = |blocks: &[Json]| blocks.iter().filter(|block| given(block, "cache_control").is_some()).count();
    let there = marks(system) + marks(tools) + messages.iter().map(|message| marks(&message.blocks)).sum::<usize>();
    let mut free = MOST.saturating_sub(there);
    let mut put = |block: Option<&mut Json>| {
        if let Some(block) = block.filter(|block| free > 0 && given(block, "cache_control").is_none()) {
            block["cache_control"] = json!({"type": "ephemeral"});
            free -= 1;
        }
    };
    put(if system.is_empty() { tools.last_mut() } else { system.last_mut() });
    let turns = messages.iter_mut().rev().filter(|message| message.role == "user");
    for message in turns.take(2) {
        put(message.blocks.iter_mut().rev().find(|block| can_be_marked(block)));
    }
}

fn can_be_marked(block: &Json) -> bool {
    matches!(kind(block), "text" | "image" | "document" | "tool_use" | "tool_result")
}
