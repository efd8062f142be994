//! The tools by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use super::args::{Args, nearest, schema};
use super::builtin::Builtin;
use super::custom::Custom;
use super::tool::{Prepared, Tool, ToolError};
use super::{files, http, mcp, memory, shell, wrapped};
use crate::model::{EffectClass, ToolDecl};
use crate::pipeline::{CustomTool, Pipeline};

/// The tools by name.
#[derive(Clone, Default)]
pub struct Toolbox {
    tools: BTreeMap<String, Arc<dyn Tool>>,
    /// True when every other name is that of a tool of a wrapped agent.
    has_wrapped: bool,
}

/// Names of tama 0.0.1, and their names now.
const ALIASES: [(&str, &str); 2] = [("tama_read_file", "tama_files_read"), ("tama_write_file", "tama_files_write")];

/// Lists a tool's name and its other name, if it has one.
pub fn names_of(tool: &str) -> impl Iterator<Item = &str> {
    let other = ALIASES.iter().find_map(|(old, new)| match tool {
        _ if tool == *old => Some(*new),
        _ if tool == *new => Some(*old),
        _ => None,
    });
    std::iter::once(tool).chain(other)
}

struct Standard {
    decl: ToolDecl,
    builtin: &'static Builtin,
    root: Option<Arc<Path>>,
}

impl Tool for Standard {
    fn decl(&self) -> &ToolDecl {
        &self.decl
    }

    fn effect(&self) -> EffectClass {
        self.builtin.effect
    }

    fn effect_of(&self, args: &Json) -> EffectClass {
        http::effect_of(self.builtin, args)
    }

    fn is_command(&self) -> bool {
        shell::TOOLS.iter().any(|tool| tool.name == self.builtin.name)
    }

    fn prepare(&self, args: &Json) -> Result<Prepared, ToolError> {
        (self.builtin.prepare)(&Args::check(args, self.builtin.params, self.root.as_deref())?)
    }
}

impl Toolbox {
    /// Returns the program's own tools; paths must be relative to the workspace.
    #[must_use]
    pub fn standard() -> Self {
        Self::with_root(None)
    }

    /// Returns the program's own tools for a workspace: absolute paths inside of it (its path without links) work too.
    #[must_use]
    pub fn for_workspace(root: &Path) -> Self {
        Self::with_root(Some(&root.into()))
    }

    fn with_root(root: Option<&Arc<Path>>) -> Self {
        let mut toolbox = Self::default();
        for builtin in memory::TOOLS.iter().chain(&files::TOOLS).chain(&shell::TOOLS).chain(&http::TOOLS) {
            let old = ALIASES.iter().filter(|(_, name)| *name == builtin.name).map(|(old, _)| *old);
            for name in old.chain([builtin.name]) {
                toolbox.add(standard(name, builtin, root.cloned()));
            }
        }
        toolbox
    }

    /// Returns these tools with those of a pipeline: the user's own, and those of its MCP servers.
    #[must_use]
    pub fn for_pipeline(self: &Arc<Self>, pipeline: &Pipeline) -> Arc<Self> {
        if pipeline.tools.is_empty() && pipeline.mcp.is_empty() && pipeline.wrapped.is_none() {
            return self.clone();
        }
        let mut toolbox = self.with(pipeline.tools.values());
        if let Some(wrapped) = &pipeline.wrapped {
            // The agent has none of this program's tools.
            toolbox = Self { has_wrapped: true, ..Self::default() };
            toolbox.add(wrapped::program(wrapped));
        }
        for tool in mcp::tools_of(pipeline) {
            toolbox.add(tool);
        }
        Arc::new(toolbox)
    }

    /// Adds the user's own tools of a pipeline.
    #[must_use]
    pub fn with<'a>(&self, own: impl IntoIterator<Item = &'a CustomTool>) -> Self {
        let mut toolbox = self.clone();
        for tool in own {
            toolbox.add(Arc::new(Custom::new(tool.clone())));
        }
        toolbox
    }

    /// Adds a tool; one of the same name is replaced.
    pub fn add(&mut self, tool: Arc<dyn Tool>) {
        self.tools.insert(tool.decl().name.clone(), tool);
    }

    /// Returns the tool of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<dyn Tool>> {
        self.tools.get(name).cloned().or_else(|| self.has_wrapped.then(|| wrapped::own_tool(name)))
    }

    /// Lists every name, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }

    /// Finds the name most like a wrong one, if any is like it.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.names())
    }
}

fn standard(name: &str, builtin: &'static Builtin, root: Option<Arc<Path>>) -> Arc<dyn Tool> {
    let decl = ToolDecl { name: name.into(), description: builtin.about.into(), schema: schema(builtin.params) };
    Arc::new(Standard { decl, builtin, root })
}
