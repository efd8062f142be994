//! Tools that may reach outside of the workspace because the pipeline lets them.

use super::spec::{CustomTool, Pipeline};

impl Pipeline {
    /// Lists the user's tools that may reach outside of the workspace, a line each: `db: local sockets`.
    #[must_use]
    pub fn reaching_tools(&self) -> Vec<String> {
        self.tools.values().filter_map(|tool| Some(format!("{}: {}", tool.name, ways(tool)?))).collect()
    }
}

/// The ways by which a tool may reach outside.
fn ways(tool: &CustomTool) -> Option<&'static str> {
    match (tool.network, tool.local_sockets) {
        // With the network a tool has these sockets, too.
        (true, _) => Some("network and local sockets"),
        (false, true) => Some("local sockets"),
        (false, false) => None,
    }
}
