//! The rows of the rollback database, and the calls that made them.

use std::collections::{HashMap, VecDeque};

use serde_json::Value as Json;

use super::rows::ActionRow;
use super::tools::CallRows;
use super::tree::Tree;

/// A call that set a key, and the value.
type Setting = (usize, Option<String>);

/// The rows of the rollback database by the node that they are of.
pub(super) struct Actions<'a>(HashMap<usize, Vec<(&'a ActionRow, Option<String>)>>);

impl<'a> Actions<'a> {
    /// Finds the call of each row: the calls of its agent that set its key, in order. The call has the value that was set.
    pub(super) fn of(rows: &'a [ActionRow], tree: &Tree, calls: &CallRows<'_>) -> Self {
        let mut sorted: Vec<&ActionRow> = rows.iter().collect();
        sorted.sort_by_key(|row| row.seq.unwrap_or(i64::MAX));
        let by_id: HashMap<&str, usize> =
            tree.nodes.iter().enumerate().filter_map(|(at, node)| Some((node.id.as_deref()?, at))).collect();
        let mut setting: HashMap<(usize, &str, String), VecDeque<Setting>> = HashMap::new();
        for at in tree.order.iter().copied().filter(|at| !tree.nodes[*at].is_agent()) {
            let node = &tree.nodes[at];
            let (Some(agent), Some(args)) = (node.parent, calls.args(node)) else { continue };
            let Some(key) = args.get("key").and_then(Json::as_str) else { continue };
            let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let value = args.get("value").map(text);
            setting.entry((agent, &node.name, key.to_owned())).or_default().push_back((at, value));
        }
        let mut found: HashMap<usize, Vec<(&ActionRow, Option<String>)>> = HashMap::new();
        for row in sorted {
            let Some(agent) = row.span_id.as_deref().and_then(|id| by_id.get(id)).copied() else { continue };
            let tool = row.tool_name.as_deref().unwrap_or("tama_mem_set");
            let key = row.key.clone().unwrap_or_default();
            let call = setting.get_mut(&(agent, tool, key)).and_then(VecDeque::pop_front);
            let (at, value) = call.unwrap_or((agent, None));
            found.entry(at).or_default().push((row, value));
        }
        Self(found)
    }

    /// Takes the rows of a node, and the values that they set.
    pub(super) fn of_node(&mut self, at: usize) -> Vec<(&'a ActionRow, Option<String>)> {
        self.0.remove(&at).unwrap_or_default()
    }
}
