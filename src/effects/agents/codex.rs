//! Codex: all that it is to do differently is in its arguments, and its hooks are commands.

use std::path::Path;

use super::known::{AgentPlace, KnownAgent, KnownLaunch, LONGEST_MS, PATIENCE};
use crate::effects::hooks::HookDialect;

pub(super) const AGENT: KnownAgent = KnownAgent {
    name: "codex",
    state: &[".codex/"],
    secrets: &["OPENAI_API_KEY", "CODEX_API_KEY"],
    hooks: Some(HookDialect::Codex),
    launch,
};

fn launch(place: &AgentPlace<'_>) -> KnownLaunch {
    let mut arguments = provider(place);
    // It asks whether it may trust the hooks that it was given. To have it trust them all is right only where the folder
    // has none of its own.
    if !has_settings(place.workspace) {
        arguments.extend(hooks(place.hook_command));
    }
    KnownLaunch { arguments, ..KnownLaunch::default() }
}

/// It reads no variable for its address, and its own providers can't be changed: it gets one of another name. (One that
/// is named after `OpenAI` would let the server compact conversations.) Text between its agents stays readable.
fn provider(place: &AgentPlace<'_>) -> Vec<String> {
    // With a key in the environment it uses the key, else the login that it has.
    let login = if place.has("OPENAI_API_KEY") { "env_key=\"OPENAI_API_KEY\"" } else { "requires_openai_auth=true" };
    let provider = format!(
        "model_providers.tama={{name=\"tama\",base_url=\"{}\",wire_api=\"responses\",supports_websockets=false,\
         stream_idle_timeout_ms={LONGEST_MS},{login}}}",
        place.v1()
    );
    let options = ["model_provider=\"tama\"", &provider, "features.multi_agent_v2.enabled=false"];
    options.iter().flat_map(|option| ["-c".to_owned(), (*option).to_owned()]).collect()
}

/// It is to trust every hook that it finds, as it has no way to name one.
fn hooks(command: &str) -> impl Iterator<Item = String> {
    let hook = format!("[{{matcher=\".*\",hooks=[{{type=\"command\",command={command:?},timeout={PATIENCE}}}]}}]");
    let events = ["PreToolUse", "PostToolUse", "UserPromptSubmit", "Stop"];
    let options = events.into_iter().flat_map(move |event| ["-c".to_owned(), format!("hooks.{event}={hook}")]);
    options.chain(["--dangerously-bypass-hook-trust".to_owned()])
}

/// True when the folder, or one above it in its checkout, has settings of Codex.
fn has_settings(workspace: &Path) -> bool {
    let root = workspace.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(workspace);
    workspace.ancestors().take_while(|folder| folder.starts_with(root)).any(|folder| folder.join(".codex").exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::agents::known::launch_with;

    #[test]
    fn it_keeps_its_login_or_its_key() {
        let arguments = |vars| launch_with(&AGENT, vars, Path::new("/no/folder")).arguments;
        let with_key = arguments(&[("OPENAI_API_KEY", "k")]).join(" ");
        assert!(with_key.contains("env_key=\"OPENAI_API_KEY\"") && !with_key.contains("requires_openai_auth"));
        let login = arguments(&[]);
        assert!(login[3].contains("requires_openai_auth=true") && login[3].contains("http://127.0.0.1:9/s/v1"));
        let table: toml::Table = login[3].parse().unwrap();
        assert_eq!(table["model_providers"]["tama"]["wire_api"].as_str(), Some("responses"));
    }

    #[test]
    fn it_gets_hooks_where_the_folder_has_none_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        std::fs::create_dir_all(work.join(".git")).unwrap();
        let arguments = || launch_with(&AGENT, &[], &work).arguments;
        // Settings above its checkout are not read.
        std::fs::create_dir(folder.path().join(".codex")).unwrap();
        let hook: toml::Table = arguments()[7].parse().unwrap();
        assert_eq!(hook["hooks"]["PreToolUse"][0]["hooks"][0]["command"].as_str(), Some("'/bin/tama tui' hook"));
        std::fs::create_dir(work.join(".codex")).unwrap();
        assert_eq!(arguments().len(), 6, "only those of its provider");
    }
}
