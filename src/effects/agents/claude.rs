//! Claude Code: settings of its command line beat those of the user's own file, and its hooks are HTTP calls.

use serde_json::{Map, Value as Json, json};

use super::known::{AgentPlace, KnownAgent, KnownLaunch, LONGEST_MS, PATIENCE};
use crate::effects::hooks::HookDialect;

pub(super) const AGENT: KnownAgent = KnownAgent {
    name: "claude",
    state: &[".claude/", ".claude.json"],
    secrets: &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
    hooks: Some(HookDialect::Claude),
    launch,
};

/// Its timers: for a whole call, for the next event, for the next byte. Its search for tools is off at another address
/// unless it is asked for.
const TIMERS: [(&str, &str); 5] = [
    ("API_TIMEOUT_MS", LONGEST_MS),
    ("CLAUDE_ENABLE_STREAM_WATCHDOG", "0"),
    ("CLAUDE_ENABLE_BYTE_WATCHDOG", "0"),
    ("API_FORCE_IDLE_TIMEOUT", "0"),
    ("ENABLE_TOOL_SEARCH", "true"),
];

fn launch(place: &AgentPlace<'_>) -> KnownLaunch {
    let timers = TIMERS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut env: Map<String, Json> = timers.iter().cloned().map(|(name, value)| (name, value.into())).collect();
    env.insert("ANTHROPIC_BASE_URL".into(), place.gateway.into());
    let settings = json!({ "env": env, "hooks": hooks(place.hooks) });
    KnownLaunch {
        arguments: vec!["--settings".into(), settings.to_string()],
        environment: timers.into(),
        settings_file: None,
    }
}

fn hooks(url: &str) -> Json {
    let hook = json!([{ "hooks": [{ "type": "http", "url": url, "timeout": PATIENCE }] }]);
    let tools = json!([{ "matcher": "*", "hooks": [{ "type": "http", "url": url, "timeout": PATIENCE }] }]);
    json!({
        "PreToolUse": tools, "PostToolUse": tools, "PostToolUseFailure": tools, "PostToolBatch": hook,
        "UserPromptSubmit": hook, "SubagentStop": hook, "Stop": hook, "SessionEnd": hook,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::effects::agents::known::{StatePath, launch_with};

    #[test]
    fn it_waits_and_comes_here() {
        let launch = launch_with(&AGENT, &[], Path::new("/w"));
        assert_eq!(launch.arguments[0], "--settings");
        let settings: Json = serde_json::from_str(&launch.arguments[1]).unwrap();
        assert_eq!(settings["env"]["ANTHROPIC_BASE_URL"], "http://127.0.0.1:9/s");
        assert_eq!(settings["env"]["API_TIMEOUT_MS"], LONGEST_MS);
        assert_eq!(settings["hooks"]["PreToolUse"][0]["hooks"][0]["url"], "http://127.0.0.1:8/h");
        assert!(launch.environment.contains(&("CLAUDE_ENABLE_BYTE_WATCHDOG".into(), "0".into())));
        assert!(!format!("{launch:?}").contains("127.0.0.1"), "its secrets are shown nowhere");
    }

    #[test]
    fn its_state_is_below_the_home_folder() {
        let state: Vec<StatePath> = AGENT.state(Path::new("/home/me")).collect();
        assert_eq!(state[0], StatePath { path: "/home/me/.claude".into(), is_folder: true });
        assert_eq!(state[1], StatePath { path: "/home/me/.claude.json".into(), is_folder: false });
    }
}
