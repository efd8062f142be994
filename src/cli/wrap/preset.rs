//! The agents that are known by name: where they keep their own state, and which of the user's secrets they need.

use std::path::{Path, PathBuf};

/// A known agent.
#[derive(Debug)]
pub(super) struct Preset {
    /// Its name, which is its program's.
    pub name: &'static str,
    /// Its own state, relative to the user's home folder; a name that ends with `/` is a folder.
    state: &'static [&'static str],
    /// Variables that it needs although they are secrets.
    secrets: &'static [&'static str],
}

/// Every known agent.
const PRESETS: [Preset; 4] = [
    Preset {
        name: "claude",
        state: &[".claude/", ".claude.json"],
        secrets: &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
    },
    Preset { name: "codex", state: &[".codex/"], secrets: &["OPENAI_API_KEY", "CODEX_API_KEY"] },
    Preset {
        name: "opencode",
        state: &[".config/opencode/", ".local/share/opencode/", ".local/state/opencode/", ".cache/opencode/"],
        secrets: &["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"],
    },
    Preset { name: "gemini", state: &[".gemini/"], secrets: &["GEMINI_API_KEY", "GOOGLE_API_KEY"] },
];

impl Preset {
    /// Finds the known agent that a program is.
    pub fn of(program: &str) -> Option<&'static Self> {
        let name = Path::new(program).file_name()?.to_str()?;
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Its own state below the user's home folder.
    pub fn state(&self, home: &Path) -> impl Iterator<Item = StatePath> {
        let home = home.to_owned();
        self.state.iter().map(move |name| match name.strip_suffix('/') {
            Some(folder) => StatePath { path: home.join(folder), is_folder: true },
            None => StatePath { path: home.join(name), is_folder: false },
        })
    }

    /// The secrets that it needs.
    pub fn secrets(&self) -> &'static [&'static str] {
        self.secrets
    }
}

/// A part of an agent's own state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatePath {
    /// Its path.
    pub path: PathBuf,
    /// True for a folder, which is made when it is missing.
    pub is_folder: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_known_by_its_programs_name() {
        assert_eq!(Preset::of("claude").map(|preset| preset.name), Some("claude"));
        assert_eq!(Preset::of("/usr/local/bin/codex").map(|preset| preset.name), Some("codex"));
        assert!(Preset::of("claude-wrapper").is_none() && Preset::of("").is_none());
    }

    #[test]
    fn state_is_below_the_home_folder() {
        let state: Vec<StatePath> = Preset::of("claude").unwrap().state(Path::new("/home/me")).collect();
        assert_eq!(state[0], StatePath { path: "/home/me/.claude".into(), is_folder: true });
        assert_eq!(state[1], StatePath { path: "/home/me/.claude.json".into(), is_folder: false });
    }
}
