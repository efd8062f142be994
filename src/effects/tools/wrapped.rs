//! The tools of a run that watches an agent of another program: the agent's program itself, and the agent's own tools,
//! which this program lets run or not.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::tool::{Prepared, Tool, ToolError};
use crate::model::{EffectClass, PROGRAM, ToolDecl};
use crate::pipeline::Wrapped;

/// The program of a wrapped agent, as a call: it lasts as long as the program does.
pub(super) fn program(wrapped: &Wrapped) -> Arc<dyn Tool> {
    let decl = ToolDecl {
        name: PROGRAM.to_owned(),
        description: "the agent's program".to_owned(),
        schema: json!({ "type": "object" }),
    };
    Arc::new(ProgramTool { decl, wrapped: wrapped.clone() })
}

/// Tools of known agents that change nothing in the workspace themselves. Subagents are served one by one.
const READERS: [&str; 34] = [
    "Read",
    "Grep",
    "Glob",
    "LS",
    "WebFetch",
    "WebSearch",
    "TodoWrite",
    "TodoRead",
    "Task",
    "Agent",
    "TaskCreate",
    "TaskGet",
    "TaskList",
    "TaskOutput",
    "TaskStop",
    "TaskUpdate",
    "AskUserQuestion",
    "EnterPlanMode",
    "ExitPlanMode",
    "Skill",
    "SlashCommand",
    "BashOutput",
    "KillShell",
    "KillBash",
    "ToolSearch",
    "ListMcpResourcesTool",
    "ReadMcpResourceTool",
    "read_file",
    "read_many_files",
    "list_directory",
    "glob",
    "search_file_content",
    "google_web_search",
    "update_plan",
];

/// True for a tool by which a known agent starts a subagent.
#[must_use]
pub fn starts_subagent(tool: &str) -> bool {
    matches!(tool, "Task" | "Agent")
}

/// A tool of the agent's own.
pub(super) fn own_tool(name: &str) -> Arc<dyn Tool> {
    let decl = ToolDecl { name: name.to_owned(), description: String::new(), schema: json!({ "type": "object" }) };
    Arc::new(OwnTool { decl })
}

struct OwnTool {
    decl: ToolDecl,
}

impl Tool for OwnTool {
    fn decl(&self) -> &ToolDecl {
        &self.decl
    }

    fn effect(&self) -> EffectClass {
        if READERS.contains(&self.decl.name.as_str()) { EffectClass::Read } else { EffectClass::Reversible }
    }

    fn prepare(&self, args: &Json) -> Result<Prepared, ToolError> {
        Ok(Prepared::Outside(outside_line(&self.decl.name, args)))
    }
}

/// A use of a tool on one line: its command or path where it has one, else its name.
fn outside_line(name: &str, args: &Json) -> String {
    let text = |key: &str| args.get(key).and_then(Json::as_str);
    ["command", "file_path", "path", "url"].iter().find_map(|key| text(key)).unwrap_or(name).to_owned()
}

struct ProgramTool {
    decl: ToolDecl,
    wrapped: Wrapped,
}

impl Tool for ProgramTool {
    fn decl(&self) -> &ToolDecl {
        &self.decl
    }

    fn effect(&self) -> EffectClass {
        EffectClass::Reversible
    }

    fn prepare(&self, _: &Json) -> Result<Prepared, ToolError> {
        Ok(Prepared::Program(self.wrapped.clone()))
    }
}
