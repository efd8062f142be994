//! A known agent, and how it is started.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::effects::hooks::HookDialect;

/// The longest that an agent waits for the answer to a hook, in seconds: a person may be asked.
pub(super) const PATIENCE: u64 = 7 * 24 * 3600;
/// The longest wait that these programs take for a number, in milliseconds: 24 days.
pub(super) const LONGEST_MS: &str = "2147483647";

/// A known agent.
#[derive(Debug, Clone, Copy)]
pub struct KnownAgent {
    /// Its name, which is its program's.
    pub(super) name: &'static str,
    /// Its own state, relative to the user's home folder; a name that ends with `/` is a folder.
    pub(super) state: &'static [&'static str],
    /// Variables that it needs although they are secrets.
    pub(super) secrets: &'static [&'static str],
    /// The form of its hooks, if it has any.
    pub(super) hooks: Option<HookDialect>,
    /// Says how it is started.
    pub(super) launch: fn(&AgentPlace<'_>) -> KnownLaunch,
}

/// The place that an agent is led to, and where it works.
pub struct AgentPlace<'a> {
    /// The gateway's address. It holds a secret.
    pub gateway: &'a str,
    /// The address for its hooks. It holds a secret.
    pub hooks: &'a str,
    /// The command that passes its standard input on to that address, for agents whose hooks are commands.
    pub hook_command: &'a str,
    /// The folder it works in.
    pub workspace: &'a Path,
    /// Looks up what its environment has.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

/// How an agent is started.
#[derive(Clone, Default, PartialEq)]
pub struct KnownLaunch {
    /// Arguments before the user's own. They may hold secrets of the place.
    pub arguments: Vec<String>,
    /// Variables besides those that lead any program to the gateway.
    pub environment: Vec<(String, String)>,
    /// A variable that names a file of settings, and the settings to write into one. gemini-cli reads it only from a
    /// folder that no other user can write to, nor to any folder above it: the system's temporary folder is none.
    pub settings_file: Option<(&'static str, Json)>,
}

/// A part of an agent's own state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePath {
    /// Its path.
    pub path: PathBuf,
    /// True for a folder, which is made when it is missing.
    pub is_folder: bool,
}

impl KnownAgent {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The secrets that it needs, by the names of their variables.
    #[must_use]
    pub fn secrets(&self) -> &'static [&'static str] {
        self.secrets
    }

    /// The form of its hooks; `None`: it has none.
    #[must_use]
    pub fn hooks(&self) -> Option<HookDialect> {
        self.hooks
    }

    /// Its own state below the user's home folder.
    pub fn state(&self, home: &Path) -> impl Iterator<Item = StatePath> {
        let home = home.to_owned();
        self.state.iter().map(move |name| match name.strip_suffix('/') {
            Some(folder) => StatePath { path: home.join(folder), is_folder: true },
            None => StatePath { path: home.join(name), is_folder: false },
        })
    }

    /// How it is started.
    #[must_use]
    pub fn launch(&self, place: &AgentPlace<'_>) -> KnownLaunch {
        (self.launch)(place)
    }
}

impl AgentPlace<'_> {
    /// The gateway's address for clients that add no version to it.
    pub(super) fn v1(&self) -> String {
        format!("{}/v1", self.gateway)
    }

    /// True when a variable is set, and not empty.
    pub(super) fn has(&self, variable: &str) -> bool {
        (self.env)(variable).is_some_and(|value| !value.trim().is_empty())
    }
}

impl fmt::Debug for KnownLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownLaunch").finish_non_exhaustive()
    }
}

/// How an agent is started in a place with these variables.
#[cfg(test)]
pub(super) fn launch_with(agent: &KnownAgent, vars: &[(&str, &str)], workspace: &Path) -> KnownLaunch {
    let env = |name: &str| vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned());
    agent.launch(&AgentPlace {
        gateway: "http://127.0.0.1:9/s",
        hooks: "http://127.0.0.1:8/h",
        hook_command: "'/bin/tama tui' hook",
        workspace,
        env: &env,
    })
}
