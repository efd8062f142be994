//! opencode: a variable holds settings as JSON. It has no hooks.

use serde_json::{Value as Json, json};

use super::known::{AgentPlace, KnownAgent, KnownLaunch};
use super::settings::lay_over;

pub(super) const AGENT: KnownAgent = KnownAgent {
    name: "opencode",
    state: &[".config/opencode/", ".local/share/opencode/", ".local/state/opencode/", ".cache/opencode/"],
    secrets: &["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"],
    hooks: None,
    launch,
};

/// The variable of its settings, which are laid over those that it has.
const SETTINGS: &str = "OPENCODE_CONFIG_CONTENT";

fn launch(place: &AgentPlace<'_>) -> KnownLaunch {
    let provider = |url: String| json!({"options": {"baseURL": url, "timeout": false}});
    let settings = json!({"provider": {
        "anthropic": provider(place.v1()),
        "openai": provider(place.v1()),
        "google": provider(format!("{}/v1beta", place.gateway)),
    }});
    let had: Option<Json> = (place.env)(SETTINGS).and_then(|had| serde_json::from_str(&had).ok());
    let settings = lay_over(had.unwrap_or_default(), settings);
    KnownLaunch { environment: vec![(SETTINGS.into(), settings.to_string())], ..KnownLaunch::default() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::effects::agents::known::launch_with;

    #[test]
    fn settings_of_the_user_stay() {
        let had = r#"{"theme":"dark","provider":{"anthropic":{"options":{"apiKey":"k"}}}}"#;
        let launch = launch_with(&AGENT, &[(SETTINGS, had)], Path::new("/w"));
        let config: Json = serde_json::from_str(&launch.environment[0].1).unwrap();
        assert_eq!(
            (&config["theme"], &config["provider"]["anthropic"]["options"]["apiKey"]),
            (&json!("dark"), &json!("k"))
        );
        assert_eq!(config["provider"]["anthropic"]["options"]["baseURL"], "http://127.0.0.1:9/s/v1");
        assert_eq!(config["provider"]["google"]["options"]["baseURL"], "http://127.0.0.1:9/s/v1beta");
    }
}
