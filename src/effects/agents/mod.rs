//! Agents of other programs that are known by name, each in a file of its own: where it keeps its own state, which secrets
//! it needs, how it is led to the gateway and made to wait for a person, and how it calls hooks.

mod claude;
mod codex;
mod gemini;
mod known;
mod opencode;
mod settings;

use std::path::Path;

pub use known::{AgentPlace, KnownAgent, KnownLaunch, StatePath};

/// All of them.
static KNOWN: [KnownAgent; 4] = [claude::AGENT, codex::AGENT, opencode::AGENT, gemini::AGENT];

/// Finds a known agent.
#[must_use]
pub fn known_agent(name: &str) -> Option<&'static KnownAgent> {
    KNOWN.iter().find(|agent| agent.name() == name)
}

/// Finds the known agent that a program is: by the name of its file.
#[must_use]
pub fn known_program(program: &str) -> Option<&'static KnownAgent> {
    known_agent(Path::new(program).file_name()?.to_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_known_by_its_programs_name() {
        assert_eq!(known_program("claude").map(KnownAgent::name), Some("claude"));
        assert_eq!(known_program("/usr/local/bin/codex").map(KnownAgent::name), Some("codex"));
        assert!(known_program("claude-wrapper").is_none() && known_program("").is_none());
    }
}
