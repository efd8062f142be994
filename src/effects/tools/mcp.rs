//! Tools of MCP servers, and the question for a server's tools.
//!
//! The declaration that a model gets comes from the server's list, which is an effect of its own.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::args::arguments_fault;
use super::tool::{Prepared, Tool, ToolError};
use crate::effects::remote::{McpCall, RemoteCall};
use crate::model::{EffectClass, McpServer, ToolDecl, server_tool};
use crate::pipeline::{Agent, Pipeline};

/// The name of the question for a server's tools: no model can call it.
#[must_use]
pub fn list_tool(server: &str) -> String {
    format!("mcp:{server}")
}

/// The tools of servers that a pipeline's agents name, and the questions for them.
pub(super) fn tools_of(pipeline: &Pipeline) -> Vec<Arc<dyn Tool>> {
    let servers: Vec<Arc<McpServer>> = pipeline.mcp.values().cloned().map(Arc::new).collect();
    let find = |name: &str| servers.iter().find(|server| server.name == name);
    let mut tools: Vec<Arc<dyn Tool>> = Vec::new();
    for server in &servers {
        tools.push(Arc::new(List { decl: decl(&list_tool(&server.name)), server: server.clone() }));
    }
    for name in pipeline.agents.values().flat_map(Agent::every_tool) {
        if let Some((server, tool)) = server_tool(name)
            && let Some(server) = find(server)
        {
            tools.push(Arc::new(Called { decl: decl(name), server: server.clone(), tool: tool.to_owned() }));
        }
    }
    tools
}

fn decl(name: &str) -> ToolDecl {
    ToolDecl { name: name.to_owned(), description: String::new(), schema: json!({ "type": "object" }) }
}

/// A tool of a server.
struct Called {
    decl: ToolDecl,
    server: Arc<McpServer>,
    tool: String,
}

impl Tool for Called {
    fn decl(&self) -> &ToolDecl {
        &self.decl
    }

    fn effect(&self) -> EffectClass {
        self.server.effect_of(&self.tool)
    }

    fn is_command(&self) -> bool {
        self.server.is_program()
    }

    fn prepare(&self, args: &Json) -> Result<Prepared, ToolError> {
        Ok(Prepared::Remote(RemoteCall::tool(McpCall {
            server: self.server.clone(),
            tool: self.tool.clone(),
            args: object(args)?,
        })))
    }
}

/// The question for a server's tools.
struct List {
    decl: ToolDecl,
    server: Arc<McpServer>,
}

impl Tool for List {
    fn decl(&self) -> &ToolDecl {
        &self.decl
    }

    fn effect(&self) -> EffectClass {
        EffectClass::Read
    }

    fn is_command(&self) -> bool {
        self.server.is_program()
    }

    fn prepare(&self, _: &Json) -> Result<Prepared, ToolError> {
        Ok(Prepared::Remote(RemoteCall::list(self.server.clone())))
    }
}

fn object(args: &Json) -> Result<Map<String, Json>, ToolError> {
    match arguments_fault(args) {
        Some(fault) => Err(ToolError(fault)),
        None => Ok(args.as_object().cloned().unwrap_or_default()),
    }
}
