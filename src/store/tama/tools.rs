//! The calls of a run by their spans, and what tama's tools do.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::rows::{LlmRow, ToolRow};
use super::tree::{Node, NodeKind, Tree};
use crate::model::{EffectClass, EndCause};

/// Stands before the text of an error, in results and in responses.
const ERROR: &str = "[error: ";

/// The rows of a run's calls, by their span.
pub(super) struct CallRows<'a> {
    llm: HashMap<&'a str, &'a LlmRow>,
    tools: HashMap<&'a str, &'a ToolRow>,
}

impl<'a> CallRows<'a> {
    /// Takes the rows of a run; the first one of a span counts.
    pub(super) fn of(llm: &'a [LlmRow], tools: &'a [ToolRow]) -> Self {
        let mut rows = Self { llm: HashMap::new(), tools: HashMap::new() };
        for row in llm {
            if let Some(id) = &row.span_id {
                rows.llm.entry(id).or_insert(row);
            }
        }
        for row in tools {
            if let Some(id) = &row.span_id {
                rows.tools.entry(id).or_insert(row);
            }
        }
        rows
    }

    /// The row of a model call.
    pub(super) fn llm(&self, node: &Node) -> Option<&'a LlmRow> {
        self.llm.get(node.id.as_deref()?).copied()
    }

    /// The row of a tool call.
    pub(super) fn tool(&self, node: &Node) -> Option<&'a ToolRow> {
        self.tools.get(node.id.as_deref()?).copied()
    }

    /// The arguments of a tool call, where they are an object.
    pub(super) fn args(&self, node: &Node) -> Option<Map<String, Json>> {
        serde_json::from_str(self.tool(node)?.args_json.as_deref()?).ok()
    }

    /// The error of a model call that failed.
    pub(super) fn llm_error(&self, node: &Node) -> Option<&'a str> {
        let row = self.llm(node)?;
        let nothing = row.input_tokens.unwrap_or(0) == 0 && row.output_tokens.unwrap_or(0) == 0;
        row.response.as_deref().filter(|response| nothing && response.starts_with(ERROR))
    }
}

/// True for a call of `start` or `finish`, of which an agent has its input and its output.
pub(super) fn is_frame(node: &Node) -> bool {
    matches!(node.kind, Some(NodeKind::Tool | NodeKind::Synthetic)) && ["start", "finish"].contains(&&node.name[..])
}

/// True for the call of that name.
pub(super) fn is_call(node: &Node, name: &str) -> bool {
    is_frame(node) && node.name == name
}

/// The tools that a model's answer called: those between it and the next answer, which tama recorded in order.
pub(super) fn called(tree: &Tree, llm: usize) -> Vec<usize> {
    let Some(parent) = tree.nodes[llm].parent else { return Vec::new() };
    let after = tree.nodes[parent].children.iter().skip(tree.nodes[llm].place + 1);
    after.copied().take_while(|child| tree.nodes[*child].kind == Some(NodeKind::Tool)).collect()
}

/// The effect of a tool of tama on the world.
pub(super) fn class(tool: &str) -> EffectClass {
    match tool {
        "tama_mem_set" | "tama_mem_append" | "tama_files_write" | "tama_write_file" => EffectClass::Reversible,
        "tama_bash" | "tama_http_post" => EffectClass::Irreversible,
        _ => EffectClass::Read,
    }
}

/// True for the result of a tool call that failed.
pub(super) fn has_failed(result: &str) -> bool {
    result.starts_with(ERROR)
}

/// The exit code at the end of a command's result, where it is not 0.
pub(super) fn exit(tool: &str, result: &str) -> Option<EndCause> {
    let (_, status) = result.rsplit_once("[exit exit status: ").filter(|_| tool == "tama_bash")?;
    let code = status.trim_end().strip_suffix(']')?.parse().ok()?;
    (code != 0).then_some(EndCause::Exit { code })
}
