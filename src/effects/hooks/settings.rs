//! Settings that make each agent call its hooks. They are laid beside the user's own, of which no file is touched.

use serde_json::{Value as Json, json};

use super::server::HookServer;

/// The agents that have hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookDialect {
    /// Claude Code.
    Claude,
    /// Codex CLI.
    Codex,
    /// Gemini CLI.
    Gemini,
}

/// The longest that an agent waits for an answer, in seconds: a person may be asked.
const PATIENCE: u64 = 7 * 24 * 3600;

impl HookDialect {
    /// The one of a known agent.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "claude" => Some(Self::Claude),
            "codex" => Some(Self::Codex),
            "gemini" => Some(Self::Gemini),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
        }
    }

    /// The settings of Claude Code, for `--settings`: it calls the server itself.
    #[must_use]
    pub fn claude_settings(server: &HookServer) -> Json {
        let url = server.address(Self::Claude);
        let hook = json!([{ "hooks": [{ "type": "http", "url": url, "timeout": PATIENCE }] }]);
        let tools = json!([{ "matcher": "*", "hooks": [{ "type": "http", "url": url, "timeout": PATIENCE }] }]);
        json!({ "hooks": {
            "PreToolUse": tools, "PostToolUse": tools, "PostToolUseFailure": tools, "PostToolBatch": hook,
            "UserPromptSubmit": hook, "SubagentStop": hook, "Stop": hook, "SessionEnd": hook,
        } })
    }

    /// The arguments of Codex: `command` passes its standard input on to the server. They have it trust every hook that it
    /// finds, as it has no way to name one.
    #[must_use]
    pub fn codex_arguments(command: &str) -> Vec<String> {
        let hook = format!("[{{matcher=\".*\",hooks=[{{type=\"command\",command={command:?},timeout={PATIENCE}}}]}}]");
        ["PreToolUse", "PostToolUse", "UserPromptSubmit", "Stop"]
            .iter()
            .flat_map(|event| ["-c".to_owned(), format!("hooks.{event}={hook}")])
            .chain(["--dangerously-bypass-hook-trust".to_owned()])
            .collect()
    }

    /// The settings of Gemini CLI: `command` passes its standard input on to the server.
    #[must_use]
    pub fn gemini_settings(command: &str) -> Json {
        let milliseconds = PATIENCE * 1000;
        let hook = json!([{ "matcher": "*", "hooks": [{
            "name": "tama-tui", "type": "command", "command": command, "timeout": milliseconds,
        }] }]);
        json!({ "hooks": { "BeforeTool": hook, "AfterTool": hook, "BeforeAgent": hook, "AfterAgent": hook } })
    }
}
