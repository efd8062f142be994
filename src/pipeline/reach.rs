//! Tools that may reach outside of the workspace because the pipeline lets them.

use super::spec::Pipeline;
use crate::model::McpPlace;

impl Pipeline {
    /// Lists the user's tools and servers that may reach outside of the workspace, a line each: `db: local sockets`.
    #[must_use]
    pub fn reaching_tools(&self) -> Vec<String> {
        let own = self.tools.values().filter_map(|tool| Some((&tool.name, ways(tool.network, tool.local_sockets)?)));
        let servers = self.mcp.values().filter_map(|server| match &server.place {
            McpPlace::Stdio { network, local_sockets, .. } => Some((&server.name, ways(*network, *local_sockets)?)),
            McpPlace::Http { .. } => None,
        });
        own.chain(servers).map(|(name, ways)| format!("{name}: {ways}")).collect()
    }
}

/// The ways by which a tool may reach outside.
fn ways(network: bool, local_sockets: bool) -> Option<&'static str> {
    match (network, local_sockets) {
        // With the network a tool has these sockets, too.
        (true, _) => Some("network and local sockets"),
        (false, true) => Some("local sockets"),
        (false, false) => None,
    }
}
