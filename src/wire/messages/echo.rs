//! An answer as the turn that goes back with the next request.

use serde_json::{Value as Json, json};

use super::block::write_block;
use super::fields::{kind, text};
use super::ids::Ids;
use crate::wire::{Answer, Call, Part, PartKind, StopKind};

/// The message to go back: blocks in the order in which they came, thinking as it came.
pub(in crate::wire) fn echo(answer: &Answer) -> Json {
    let mut ids = Ids::default();
    let blocks = answer.parts.iter().filter_map(|part| match &part.kind {
        PartKind::Call(call) => {
            let call = Call { id: ids.take(&call.id), ..call.clone() };
            write_block(&Part { kind: PartKind::Call(call), source: part.source.clone() })
        }
        _ => write_block(part),
    });
    let mut blocks: Vec<Json> = blocks.collect();
    drop_cut_thinking(&mut blocks);
    if answer.stop.as_ref().is_none_or(|stop| stop.kind != StopKind::Paused) {
        drop_unanswered(&mut blocks);
    }
    json!({"role": "assistant", "content": blocks})
}

/// Thinking that was cut has no signature, and is refused. Thinking of an imitator that signs nothing has blocks after
/// it, and goes back.
fn drop_cut_thinking(blocks: &mut Vec<Json>) {
    if blocks.last().is_some_and(|last| kind(last) == "thinking" && text(last, "signature").is_none()) {
        blocks.pop();
    }
}

/// Takes out uses of a server's own tools whose result did not come. A paused turn may end with one, and one that made
/// calls waits for their results.
pub(super) fn drop_unanswered(blocks: &mut Vec<Json>) {
    if blocks.iter().any(|block| kind(block) == "tool_use") {
        return;
    }
    let answered: std::collections::HashSet<String> =
        blocks.iter().filter_map(|block| text(block, "tool_use_id")).map(str::to_owned).collect();
    blocks.retain(|block| {
        !matches!(kind(block), "server_tool_use" | "mcp_tool_use")
            || text(block, "id").is_some_and(|id| answered.contains(id))
    });
}
