//! An agent of another program, as `tama-tui wrap` starts it. No pipeline file can name one.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::spec::{Agent, Pattern, Pipeline};

/// How an agent of another program is started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapped {
    /// The program and its arguments, as the user gave them.
    pub command: Vec<String>,
    /// The known agent that it is; `None`: any program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Folders and files outside of the workspace that it can write, absolute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<String>,
    /// Variables that it gets although they look like secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// True when its changes are held beside the workspace until the user applies them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub review: bool,
    /// The addresses that its model calls go to, as the user gave them; without those that hold a secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<String>,
}

impl Pipeline {
    /// A run of an agent of another program, whose spans have this name.
    #[must_use]
    pub fn wrapped(name: &str, wrapped: Wrapped) -> Self {
        let agent = Agent {
            name: name.to_owned(),
            description: String::new(),
            pattern: Pattern::Wrapped,
            model: None,
            tools: Vec::new(),
            skills: Vec::new(),
            max_iter: 0,
            prompt: None,
            steps: IndexMap::new(),
        };
        Self {
            name: name.to_owned(),
            entrypoint: name.to_owned(),
            workspace: ".".to_owned(),
            agents: IndexMap::from([(name.to_owned(), agent)]),
            wrapped: Some(wrapped),
            ..Self::default()
        }
    }
}
