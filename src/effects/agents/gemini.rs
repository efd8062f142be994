//! gemini-cli: a variable names a file of settings, and its hooks are commands.

use serde_json::{Value as Json, json};

use super::known::{AgentPlace, KnownAgent, KnownLaunch, PATIENCE};
use super::settings::lay_over;
use crate::effects::hooks::HookDialect;

pub(super) const AGENT: KnownAgent = KnownAgent {
    name: "gemini",
    state: &[".gemini/"],
    secrets: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    hooks: Some(HookDialect::Gemini),
    launch,
};

/// The variable that names a file of settings, which beat the user's own.
const SETTINGS_FILE: &str = "GEMINI_CLI_SYSTEM_SETTINGS_PATH";

fn launch(place: &AgentPlace<'_>) -> KnownLaunch {
    // Without this it does not start with a key and another address.
    let login = json!({"security": {"auth": {"selectedType": "gemini-api-key"}}});
    let login = if place.has("GEMINI_API_KEY") { login } else { Json::Null };
    KnownLaunch {
        // It asks about an unknown folder else.
        arguments: vec!["--skip-trust".into()],
        settings_file: Some((SETTINGS_FILE, lay_over(login, hooks(place.hook_command)))),
        ..KnownLaunch::default()
    }
}

fn hooks(command: &str) -> Json {
    let milliseconds = PATIENCE * 1000;
    let hook = json!([{ "matcher": "*", "hooks": [{
        "name": "tama-tui", "type": "command", "command": command, "timeout": milliseconds,
    }] }]);
    json!({ "hooks": { "BeforeTool": hook, "AfterTool": hook, "BeforeAgent": hook, "AfterAgent": hook } })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::effects::agents::known::launch_with;

    #[test]
    fn it_uses_its_key_when_it_has_one() {
        let settings = |vars| launch_with(&AGENT, vars, Path::new("/w")).settings_file.unwrap().1;
        let (bare, with_key) = (settings(&[]), settings(&[("GEMINI_API_KEY", "k")]));
        assert!(bare["security"].is_null());
        assert_eq!(with_key["security"]["auth"]["selectedType"], "gemini-api-key");
        for settings in [bare, with_key] {
            assert_eq!(settings["hooks"]["BeforeTool"][0]["hooks"][0]["command"], "'/bin/tama tui' hook");
        }
    }
}
