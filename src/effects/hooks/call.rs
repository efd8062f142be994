//! The hooks of agents in one form: Claude Code's and Codex's JSON, and Gemini's.

use serde_json::Value as Json;

use super::dialect::HookDialect;

/// An agent, or a subagent of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct HookAgent {
    /// The conversation.
    pub session: String,
    /// The subagent's id; `None`: the agent itself.
    pub subagent: Option<String>,
    /// The kind of the subagent, as its agent names it.
    pub kind: Option<String>,
}

/// A use of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolUse {
    /// Its id; `None`: the agent gives none.
    pub id: Option<String>,
    /// The tool's name.
    pub name: String,
    /// Its arguments.
    pub input: Json,
}

/// The event that a hook tells of.
#[derive(Debug, Clone, PartialEq)]
pub enum HookEvent {
    /// A tool is about to run.
    Before(ToolUse),
    /// A tool has run.
    After {
        /// The tool.
        tool: ToolUse,
        /// Its result, in the agent's form.
        response: Json,
        /// True when the agent says that it failed.
        failed: bool,
    },
    /// The user said something to the agent.
    Prompt(String),
    /// A subagent is through.
    SubagentEnd,
    /// The agent's turn is over: none of its tools runs any more.
    TurnEnd,
    /// All tools of one answer of the model have ended; each with its result, also those that were refused.
    BatchEnd(Vec<(ToolUse, Json)>),
    /// Something else, by its name.
    Other(String),
}

/// A hook that was called.
#[derive(Debug, Clone, PartialEq)]
pub struct HookCall {
    /// The agent that calls it.
    pub agent: HookAgent,
    /// The event.
    pub event: HookEvent,
}

impl HookCall {
    /// Reads what an agent says; `None`: it is no JSON object, or names no event.
    #[must_use]
    pub fn read(dialect: HookDialect, body: &[u8]) -> Option<Self> {
        let said: Json = serde_json::from_slice(body).ok()?;
        let name = text(&said, "hook_event_name")?;
        let agent = HookAgent {
            session: text(&said, "session_id").unwrap_or_default(),
            subagent: text(&said, "agent_id").filter(|id| !id.is_empty()),
            kind: text(&said, "agent_type").filter(|kind| !kind.is_empty()),
        };
        let tool = || tool_use(&said);
        let response = || said.get("tool_response").or_else(|| said.get("error")).cloned().unwrap_or(Json::Null);
        let event = match (dialect, name.as_str()) {
            (_, "PreToolUse" | "BeforeTool") => HookEvent::Before(tool()?),
            (_, "PostToolUse" | "AfterTool") => {
                let response = response();
                HookEvent::After { tool: tool()?, failed: has_failed(&response), response }
            }
            (_, "PostToolUseFailure") => HookEvent::After { tool: tool()?, response: response(), failed: true },
            (_, "UserPromptSubmit" | "BeforeAgent") => HookEvent::Prompt(text(&said, "prompt").unwrap_or_default()),
            (_, "PostToolBatch") => HookEvent::BatchEnd(batch(&said)),
            (_, "SubagentStop") => HookEvent::SubagentEnd,
            (_, "Stop" | "StopFailure" | "SessionEnd" | "AfterAgent") => HookEvent::TurnEnd,
            _ => HookEvent::Other(name),
        };
        Some(Self { agent, event })
    }
}

fn tool_use(said: &Json) -> Option<ToolUse> {
    Some(ToolUse {
        id: text(said, "tool_use_id"),
        name: text(said, "tool_name")?,
        input: said.get("tool_input").cloned().unwrap_or(Json::Null),
    })
}

fn batch(said: &Json) -> Vec<(ToolUse, Json)> {
    let calls = said.get("tool_calls").and_then(Json::as_array).into_iter().flatten();
    let result = |call: &Json| call.get("tool_response").cloned().unwrap_or(Json::Null);
    calls.filter_map(|call| Some((tool_use(call)?, result(call)))).collect()
}

fn text(of: &Json, name: &str) -> Option<String> {
    of.get(name).and_then(Json::as_str).map(str::to_owned)
}

/// True when a result says of itself that it is an error.
fn has_failed(response: &Json) -> bool {
    let flag = |name: &str| response.get(name).and_then(Json::as_bool) == Some(true);
    flag("is_error") || flag("interrupted") || response.get("error").is_some_and(|error| !error.is_null())
}

/// The result of a tool as a text, for people.
#[must_use]
pub(crate) fn result_text(response: &Json) -> String {
    let parts = |names: &[&str]| -> Option<String> {
        let found: Vec<&str> =
            names.iter().filter_map(|name| response.get(name)?.as_str()).filter(|text| !text.is_empty()).collect();
        (!found.is_empty()).then(|| found.join("\n"))
    };
    match response {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        Json::Object(_) if response.get("stdout").is_some() => parts(&["stdout", "stderr"]).unwrap_or_default(),
        Json::Object(_) => parts(&["output", "llmContent", "returnDisplay"]).unwrap_or_else(|| response.to_string()),
        other => other.to_string(),
    }
}
