//! MCP servers: programs and addresses whose tools agents can call, as `NAME__TOOL`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::EffectClass;
use super::holes::fill_json;

/// Stands between a server's name and its tool's.
pub const SERVER_SEPARATOR: &str = "__";

/// An MCP server of a pipeline. Variables of the environment are not filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpServer {
    /// Its name.
    pub name: String,
    /// Its place.
    pub place: McpPlace,
    /// The effects that its user says its tools have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub effects: BTreeMap<String, EffectClass>,
    /// The calls that undo those of its tools.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub undo: BTreeMap<String, McpUndo>,
    /// Seconds that its start, a listing or a call may take.
    pub timeout_seconds: u64,
    /// The only revision of the protocol to speak; `None`: the newest that it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

/// The place of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum McpPlace {
    /// A program, spoken to over its standard input and output.
    Stdio {
        /// The program and its arguments.
        command: Vec<String>,
        /// Variables of its environment, with `${VAR}` as written.
        env: BTreeMap<String, String>,
        /// True when it may use the network.
        network: bool,
        /// True when it may use Unix sockets, also without the network.
        local_sockets: bool,
    },
    /// An address, spoken to by streamable HTTP.
    Http {
        /// The address, with `${VAR}` as written.
        url: String,
        /// Headers of every request, with `${VAR}` as written.
        headers: BTreeMap<String, String>,
    },
}

/// The call that undoes a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpUndo {
    /// The tool of the same server.
    pub tool: String,
    /// Its arguments; texts have holes: `{ARGUMENT}`, `{result}`, `{result.FIELD}`.
    pub args: Map<String, Json>,
}

/// The undo call of a recorded call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoTool {
    /// The server.
    pub server: McpServer,
    /// The call.
    pub call: McpUndo,
}

impl McpServer {
    /// Returns the effect of one of its tools, as its user says it; else by what a server at this place can do.
    #[must_use]
    pub fn effect_of(&self, tool: &str) -> EffectClass {
        if self.undo.contains_key(tool) {
            return EffectClass::Compensable;
        }
        let usual = if self.reaches_outside() { EffectClass::Irreversible } else { EffectClass::Reversible };
        self.effects.get(tool).copied().unwrap_or(usual)
    }

    /// True when it may change something outside of the workspace.
    #[must_use]
    pub fn reaches_outside(&self) -> bool {
        match &self.place {
            McpPlace::Stdio { network, local_sockets, .. } => *network || *local_sockets,
            McpPlace::Http { .. } => true,
        }
    }

    /// True when it runs in the workspace.
    #[must_use]
    pub fn is_program(&self) -> bool {
        matches!(self.place, McpPlace::Stdio { .. })
    }
}

impl McpUndo {
    /// Returns the arguments with their holes filled. `args`, `result`: of the call to undo.
    ///
    /// # Errors
    /// With the hole that nothing fills, and why.
    pub fn filled(&self, args: &Map<String, Json>, result: Option<&str>) -> Result<Map<String, Json>, String> {
        let mut filled = Map::new();
        for (name, value) in &self.args {
            if let Some(value) = fill_json(value, args, result)? {
                filled.insert(name.clone(), value);
            }
        }
        Ok(filled)
    }
}

/// The server and the tool in a name that models call; `None`: it is no tool of a server.
#[must_use]
pub fn server_tool(name: &str) -> Option<(&str, &str)> {
    name.split_once(SERVER_SEPARATOR).filter(|(server, tool)| !server.is_empty() && !tool.is_empty())
}

/// True for a name that stands for several tools of one server, as `tracker__*` does.
#[must_use]
pub fn is_tool_glob(name: &str) -> bool {
    server_tool(name).is_some_and(|(server, tool)| !has_glob(server) && has_glob(tool))
}

fn has_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn undo_arguments_keep_the_type_of_what_fills_them() {
        let Json::Object(args) = json!({"id": "{result.id}", "note": "undo {title}", "n": 3, "gone": "{gone}"}) else {
            panic!("an object")
        };
        let undo = McpUndo { tool: "close".into(), args };
        let Json::Object(call) = json!({"title": "bug"}) else { panic!("an object") };
        let filled = undo.filled(&call, Some(r#"{"id": 7}"#)).unwrap();
        assert_eq!(Json::Object(filled), json!({"id": 7, "note": "undo bug", "n": 3}));
        let why = undo.filled(&call, Some("no JSON")).unwrap_err();
        assert_eq!(why, "nothing fills {result.id}: the result is not JSON");
    }

    #[test]
    fn a_tool_of_a_server_is_known_by_its_name() {
        assert_eq!(server_tool("tracker__create__x"), Some(("tracker", "create__x")));
        assert_eq!(server_tool("__x"), None);
        assert_eq!(server_tool("deploy"), None);
        assert!(is_tool_glob("tracker__*") && is_tool_glob("tracker__get_?"));
        assert!(!is_tool_glob("tracker__create") && !is_tool_glob("track*__create") && !is_tool_glob("tama_*"));
    }
}
