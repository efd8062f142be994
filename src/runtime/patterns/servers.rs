//! The lists of MCP servers in a tool loop: each server is asked once, when the first of its tools is offered.

use std::collections::BTreeMap;

use super::super::failure::Failure;
use super::super::gates::fits;
use super::super::pattern_scope::PatternScope;
use crate::effects::remote::Listed;
use crate::model::{SERVER_SEPARATOR, ToolDecl, is_tool_glob, server_tool};
use crate::pipeline::is_tool_name;

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
            if self.fitting(name).next().is_none() {
                let names: Vec<&str> = self.listed(server).iter().map(|found| found.name.as_str()).collect();
                let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(Failure::new(format!("the MCP server {server} has no tool {tool}; it has: {has}")));
            }
        }
        Ok(())
    }

    /// The tools that are offered, each once: those of a server that a name stands for in the place of that name.
    pub fn expand<'a>(&self, offered: impl IntoIterator<Item = &'a String>) -> Vec<String> {
        let mut tools: Vec<String> = Vec::new();
        for name in offered {
            let stands_for: Vec<String> =
                if is_tool_glob(name) { self.fitting(name).collect() } else { vec![name.clone()] };
            for tool in stands_for {
                if !tools.contains(&tool) {
                    tools.push(tool);
                }
            }
        }
        tools
    }

    /// The listed tools of its server that a name means, but those whose names no model accepts.
    fn fitting<'s>(&'s self, name: &'s str) -> impl Iterator<Item = String> + 's {
        let server = server_tool(name).map(|(server, _)| server).unwrap_or_default();
        let full = move |found: &Listed| format!("{server}{SERVER_SEPARATOR}{}", found.name);
        self.listed(server).iter().map(full).filter(move |found| fits(name, found) && is_tool_name(found))
    }

    fn listed(&self, server: &str) -> &[Listed] {
        self.0.get(server).map(Vec::as_slice).unwrap_or_default()
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
