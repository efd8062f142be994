//! Tools of MCP servers, and the question for a server's tools.
//!
//! The declaration that a model gets comes from the server's list, which is an effect of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::args::arguments_fault;
use super::tool::{Prepared, Tool, ToolError};
use crate::effects::remote::{McpCall, RemoteCall};
use crate::model::{EffectClass, McpServer, ToolDecl, server_tool};
use crate::pipeline::{Agent, Glob, Pipeline};

/// The beginning of the names of questions for servers' tools.
const LIST: &str = "mcp:";

/// The name of the question for a server's tools: no model can call it.
#[must_use]
pub fn list_tool(server: &str) -> String {
    format!("{LIST}{server}")
}

/// The servers of a pipeline, and the names of their tools that its agents have; some stand for several tools.
#[derive(Clone, Default)]
pub(super) struct Served {
    servers: BTreeMap<String, Arc<McpServer>>,
    names: Vec<Glob>,
}

impl Served {
    pub fn new(pipeline: &Pipeline) -> Self {
        let servers = pipeline.mcp.values().map(|server| (server.name.clone(), Arc::new(server.clone()))).collect();
        let names = pipeline.agents.values().flat_map(Agent::every_tool).filter(|name| server_tool(name).is_some());
        // The loader has refused what is no glob.
        Self { servers, names: names.filter_map(|name| Glob::new(name).ok()).collect() }
    }

    /// A tool of a server that some agent has, or the question for a server's tools.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Tool>> {
        if let Some(server) = name.strip_prefix(LIST) {
            let server = self.servers.get(server)?.clone();
            return Some(Arc::new(List { decl: decl(name), server }));
        }
        let (server, tool) = server_tool(name)?;
        let server = self.servers.get(server)?.clone();
        let is_named = self.names.iter().any(|known| known.matches(name));
        is_named.then(|| Arc::new(Called { decl: decl(name), server, tool: tool.to_owned() }) as Arc<dyn Tool>)
    }
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
