//! The lists of MCP servers in a tool loop: each server is asked once, when the first of its tools is offered.

use std::collections::BTreeMap;

use super::super::failure::Failure;
use super::super::pattern_scope::PatternScope;
use crate::effects::remote::Listed;
use crate::model::{ToolDecl, server_tool};

/// The lists that have come.
#[derive(Default)]
pub(super) struct Servers(BTreeMap<String, Vec<Listed>>);

impl Servers {
    /// Asks the servers of the offered tools that were not asked yet.
    pub async fn list<'a>(
        &mut self,
        scope: &PatternScope,
        offered: impl IntoIterator<Item = &'a String>,
    ) -> Result<(), Failure> {
        for name in offered {
            let Some((server, tool)) = known(scope, name) else { continue };
            if !self.0.contains_key(server) {
                let listed = scope.list_tools(server).await?;
                self.0.insert(server.to_owned(), listed);
            }
            let listed = self.0.get(server).map(Vec::as_slice).unwrap_or_default();
            if !listed.iter().any(|found| found.name == tool) {
                let names: Vec<&str> = listed.iter().map(|found| found.name.as_str()).collect();
                let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(Failure::new(format!("the MCP server {server} has no tool {tool}; it has: {has}")));
            }
        }
        Ok(())
    }

    /// A tool's declaration as its server gave it; others stay as they are.
    pub fn complete(&self, decl: ToolDecl) -> ToolDecl {
        let listed = server_tool(&decl.name)
            .and_then(|(server, tool)| self.0.get(server)?.iter().find(|found| found.name == tool));
        match listed {
            Some(found) => {
                ToolDecl { description: found.description.clone(), schema: found.schema.clone(), name: decl.name }
            }
            None => decl,
        }
    }
}

fn known<'a>(scope: &PatternScope, name: &'a str) -> Option<(&'a str, &'a str)> {
    server_tool(name).filter(|(server, _)| scope.pipeline().mcp.contains_key(*server))
}
