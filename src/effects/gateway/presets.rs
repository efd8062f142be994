//! Agents that are known by name: how each is led here, and told to wait for a person.

use serde_json::{Value as Json, json};

use super::server::Gateway;

/// A known agent.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    name: &'static str,
    program: &'static str,
    /// Variables besides those of the gateway: its own timers are put off.
    environment: &'static [(&'static str, &'static str)],
    /// Arguments before the user's own.
    arguments: fn(&Place<'_>) -> Vec<String>,
    /// Settings to be given with `--settings`.
    settings: Option<fn(&Place<'_>) -> Json>,
    /// A variable whose value is settings as JSON, laid over those that it has.
    inline: Option<(&'static str, fn(&Place<'_>) -> Json)>,
    /// A variable that names a file of settings, and the settings to be in it.
    file: Option<(&'static str, fn(&Place<'_>) -> Option<Json>)>,
}

/// How a known agent is started.
#[derive(Clone, PartialEq)]
pub struct Launch {
    /// Its program.
    pub program: &'static str,
    /// Arguments before the user's own. They hold the gateway's secret.
    pub arguments: Vec<String>,
    /// Variables besides [`Gateway::environment`].
    pub environment: Vec<(String, String)>,
    /// Settings that it takes as JSON with `--settings`; hooks may be added.
    pub settings: Option<Json>,
    /// The variable that names a file of settings, and the settings to write into one.
    pub settings_file: Option<(&'static str, Json)>,
}

/// The place that an agent is led to, and the environment that it had.
struct Place<'a> {
    root: &'a str,
    env: &'a dyn Fn(&str) -> Option<String>,
}

impl Place<'_> {
    fn v1(&self) -> String {
        format!("{}/v1", self.root)
    }

    fn has(&self, variable: &str) -> bool {
        (self.env)(variable).is_some_and(|value| !value.trim().is_empty())
    }
}

/// The longest wait that these programs take for a number, in milliseconds: 24 days.
const LONGEST_MS: &str = "2147483647";

const PRESETS: [Preset; 4] = [
    Preset {
        name: "claude",
        program: "claude",
        environment: &CLAUDE_TIMERS,
        arguments: |_| Vec::new(),
        // They beat those of the user's own file.
        settings: Some(|place| {
            let mut env: serde_json::Map<String, Json> =
                CLAUDE_TIMERS.iter().map(|(name, value)| ((*name).to_owned(), Json::from(*value))).collect();
            env.insert("ANTHROPIC_BASE_URL".into(), place.root.into());
            json!({ "env": env })
        }),
        inline: None,
        file: None,
    },
    Preset {
        name: "codex",
        program: "codex",
        environment: &[],
        arguments: codex,
        settings: None,
        inline: None,
        file: None,
    },
    Preset {
        name: "opencode",
        program: "opencode",
        environment: &[],
        arguments: |_| Vec::new(),
        settings: None,
        inline: Some(("OPENCODE_CONFIG_CONTENT", |place| {
            let provider = |url: String| json!({"options": {"baseURL": url, "timeout": false}});
            json!({"provider": {
                "anthropic": provider(place.v1()),
                "openai": provider(place.v1()),
                "google": provider(format!("{}/v1beta", place.root)),
            }})
        })),
        file: None,
    },
    Preset {
        name: "gemini",
        program: "gemini",
        environment: &[],
        // It asks about an unknown folder else.
        arguments: |_| vec!["--skip-trust".to_owned()],
        settings: None,
        inline: None,
        // Without this it does not start with a key and another address.
        file: Some(("GEMINI_CLI_SYSTEM_SETTINGS_PATH", |place| {
            let settings = json!({"security": {"auth": {"selectedType": "gemini-api-key"}}});
            place.has("GEMINI_API_KEY").then_some(settings)
        })),
    },
];

/// Timers of Claude Code: for a whole call, for the next event, for the next byte. Its search for tools is off at another
/// address unless it is asked for.
const CLAUDE_TIMERS: [(&str, &str); 5] = [
    ("API_TIMEOUT_MS", LONGEST_MS),
    ("CLAUDE_ENABLE_STREAM_WATCHDOG", "0"),
    ("CLAUDE_ENABLE_BYTE_WATCHDOG", "0"),
    ("API_FORCE_IDLE_TIMEOUT", "0"),
    ("ENABLE_TOOL_SEARCH", "true"),
];

/// Codex reads no variable for its address, and its own providers can't be changed: it gets one of another name. (One that
/// is named after `OpenAI` would let the server compact conversations.) Text between its agents stays readable.
fn codex(place: &Place<'_>) -> Vec<String> {
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

/// Finds a known agent.
#[must_use]
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

impl Preset {
    /// All of them.
    pub const ALL: &'static [Preset] = &PRESETS;

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How it is started. `env` looks up what its environment has.
    #[must_use]
    pub fn launch(&self, gateway: &Gateway, env: &dyn Fn(&str) -> Option<String>) -> Launch {
        self.launch_at(&Place { root: gateway.root(), env })
    }

    fn launch_at(&self, place: &Place<'_>) -> Launch {
        let fixed = self.environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let inline = self.inline.map(|(name, settings)| {
            let had = (place.env)(name).and_then(|had| serde_json::from_str(&had).ok());
            (name.to_owned(), lay_over(had.unwrap_or(Json::Null), settings(place)).to_string())
        });
        Launch {
            program: self.program,
            arguments: (self.arguments)(place),
            environment: fixed.chain(inline).collect(),
            settings: self.settings.map(|settings| settings(place)),
            settings_file: self.file.and_then(|(name, settings)| Some((name, settings(place)?))),
        }
    }
}

impl std::fmt::Debug for Launch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launch").field("program", &self.program).finish_non_exhaustive()
    }
}

/// Lays settings over others, object by object.
#[must_use]
pub fn lay_over(below: Json, above: Json) -> Json {
    match (below, above) {
        (Json::Object(mut below), Json::Object(above)) => {
            for (name, value) in above {
                let had = below.get_mut(&name).map(Json::take).unwrap_or_default();
                below.insert(name, lay_over(had, value));
            }
            Json::Object(below)
        }
        (_, above) => above,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(name: &str, vars: &[(&str, &str)]) -> Launch {
        let env = |name: &str| vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned());
        preset(name).unwrap().launch_at(&Place { root: "http://127.0.0.1:9/s", env: &env })
    }

    #[test]
    fn claude_code_waits_and_comes_here() {
        let launch = launch("claude", &[]);
        let settings = launch.settings.unwrap();
        assert_eq!(settings["env"]["ANTHROPIC_BASE_URL"], "http://127.0.0.1:9/s");
        assert_eq!(settings["env"]["API_TIMEOUT_MS"], LONGEST_MS);
        assert!(launch.environment.contains(&("CLAUDE_ENABLE_BYTE_WATCHDOG".into(), "0".into())));
    }

    #[test]
    fn codex_keeps_its_login_or_its_key() {
        let with_key = launch("codex", &[("OPENAI_API_KEY", "k")]).arguments.join(" ");
        assert!(with_key.contains("env_key=\"OPENAI_API_KEY\"") && !with_key.contains("requires_openai_auth"));
        let login = launch("codex", &[]).arguments;
        assert!(login[3].contains("requires_openai_auth=true") && login[3].contains("http://127.0.0.1:9/s/v1"));
        assert_eq!(login.iter().filter(|argument| *argument == "-c").count(), 3);
        let table: toml::Table = login[3].parse().unwrap();
        assert_eq!(table["model_providers"]["tama"]["wire_api"].as_str(), Some("responses"));
    }

    #[test]
    fn settings_of_the_user_stay() {
        let had = r#"{"theme":"dark","provider":{"anthropic":{"options":{"apiKey":"k"}}}}"#;
        let launch = launch("opencode", &[("OPENCODE_CONFIG_CONTENT", had)]);
        let config: Json = serde_json::from_str(&launch.environment[0].1).unwrap();
        assert_eq!(
            (&config["theme"], &config["provider"]["anthropic"]["options"]["apiKey"]),
            (&json!("dark"), &json!("k"))
        );
        assert_eq!(config["provider"]["anthropic"]["options"]["baseURL"], "http://127.0.0.1:9/s/v1");
        assert_eq!(config["provider"]["google"]["options"]["baseURL"], "http://127.0.0.1:9/s/v1beta");
    }

    #[test]
    fn gemini_is_told_to_use_its_key_when_it_has_one() {
        assert!(launch("gemini", &[]).settings_file.is_none());
        let (variable, settings) = launch("gemini", &[("GEMINI_API_KEY", "k")]).settings_file.unwrap();
        assert_eq!(variable, "GEMINI_CLI_SYSTEM_SETTINGS_PATH");
        assert_eq!(settings["security"]["auth"]["selectedType"], "gemini-api-key");
        assert!(preset("other").is_none());
        assert!(!format!("{:?}", launch("codex", &[])).contains("127.0.0.1"));
    }
}
