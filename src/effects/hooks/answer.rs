//! Answers to hooks, as each agent reads them.
//!
//! Formats: the hooks references of Claude Code and Codex (one form), and of Gemini CLI.

use serde_json::{Value as Json, json};

use super::call::HookEvent;
use super::dialect::HookDialect;

/// The answer to a hook.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HookAnswer {
    /// Why the tool must not run; the model reads it.
    pub deny: Option<String>,
    /// Other arguments for the tool, whole.
    pub input: Option<Json>,
    /// Another result of the tool.
    pub output: Option<String>,
    /// A text for the model besides.
    pub context: Option<String>,
}

impl HookAnswer {
    /// Forbids a tool.
    #[must_use]
    pub fn deny(why: impl Into<String>) -> Self {
        Self { deny: Some(why.into()), ..Self::default() }
    }

    /// Writes it as the agent understands it; an empty object leaves all as it is.
    #[must_use]
    pub fn write(&self, dialect: HookDialect, event: &HookEvent) -> Json {
        match dialect {
            HookDialect::Claude | HookDialect::Codex => self.write_claude(event),
            HookDialect::Gemini => self.write_gemini(event),
        }
    }

    fn write_claude(&self, event: &HookEvent) -> Json {
        let mut inner = serde_json::Map::new();
        let name = match event {
            HookEvent::Before(_) => {
                if let Some(why) = &self.deny {
                    inner.insert("permissionDecision".into(), "deny".into());
                    inner.insert("permissionDecisionReason".into(), json!(why));
                } else if let Some(input) = &self.input {
                    // The user has seen and changed it: to ask again would show the model's own.
                    inner.insert("permissionDecision".into(), "allow".into());
                    inner.insert("updatedInput".into(), input.clone());
                }
                "PreToolUse"
            }
            HookEvent::After { response, failed, .. } => {
                if let Some(output) = self.output.as_ref().and_then(|text| like(response, text)) {
                    inner.insert("updatedToolOutput".into(), output);
                }
                if *failed { "PostToolUseFailure" } else { "PostToolUse" }
            }
            HookEvent::Prompt(_) => "UserPromptSubmit",
            HookEvent::SubagentEnd | HookEvent::TurnEnd | HookEvent::BatchEnd(_) | HookEvent::Other(_) => {
                return json!({});
            }
        };
        if let Some(context) = &self.context {
            inner.insert("additionalContext".into(), json!(context));
        }
        if inner.is_empty() {
            return json!({});
        }
        inner.insert("hookEventName".into(), name.into());
        json!({ "hookSpecificOutput": inner })
    }

    fn write_gemini(&self, event: &HookEvent) -> Json {
        let mut inner = serde_json::Map::new();
        let mut whole = serde_json::Map::new();
        match event {
            HookEvent::Before(_) => {
                if let Some(why) = &self.deny {
                    whole.insert("decision".into(), "deny".into());
                    whole.insert("reason".into(), json!(why));
                } else if let Some(input) = &self.input {
                    inner.insert("tool_input".into(), input.clone());
                }
            }
            HookEvent::After { .. } => {
                if let Some(output) = &self.output {
                    // The reason stands in the place of the result.
                    whole.insert("decision".into(), "deny".into());
                    whole.insert("reason".into(), json!(output));
                }
            }
            _ => {}
        }
        if let Some(context) = &self.context {
            inner.insert("additionalContext".into(), json!(context));
        }
        if !inner.is_empty() {
            whole.insert("hookSpecificOutput".into(), Json::Object(inner));
        }
        Json::Object(whole)
    }
}

/// A result of the same shape with another text; `None`: a shape that is not known, so it stays.
fn like(response: &Json, text: &str) -> Option<Json> {
    match response {
        Json::String(_) => Some(json!(text)),
        Json::Object(fields) if fields.contains_key("stdout") => {
            let mut fields = fields.clone();
            fields.insert("stdout".into(), json!(text));
            if fields.contains_key("stderr") {
                fields.insert("stderr".into(), json!(""));
            }
            Some(Json::Object(fields))
        }
        _ => None,
    }
}

impl HookEvent {
    /// True when another result can be put in the place of the tool's own.
    #[must_use]
    pub fn can_change_result(&self, dialect: HookDialect) -> bool {
        match (self, dialect) {
            (Self::After { .. }, HookDialect::Gemini) => true,
            (Self::After { response, .. }, _) => like(response, "").is_some(),
            _ => false,
        }
    }
}
