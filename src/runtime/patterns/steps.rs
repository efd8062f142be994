//! Steps: agents below an agent, each with a prompt of its own.

use super::super::ask::{AgentKey, Output};
use super::super::failure::Failure;
use super::super::pattern_scope::PatternScope;
use crate::pipeline::Agent;

/// The finish key of a pattern that came to its end.
pub(super) const DONE: &str = "done";

/// The steps of one agent.
pub(super) struct Steps<'a> {
    scope: &'a PatternScope,
    agent: &'a Agent,
}

impl<'a> Steps<'a> {
    pub(super) fn new(scope: &'a PatternScope, agent: &'a Agent) -> Self {
        Self { scope, agent }
    }

    /// The name of the agent.
    pub(super) fn agent_name(&self) -> &str {
        &self.agent.name
    }

    /// The key of a step.
    pub(super) fn key(&self, name: &str) -> AgentKey {
        AgentKey { agent: self.agent.name.clone(), step: Some(name.to_owned()) }
    }

    /// Runs a step.
    pub(super) async fn run(&self, name: &str, input: &str) -> Result<Output, Failure> {
        self.scope.agent(&self.key(name), input).await
    }

    /// Runs a step, and returns its value alone.
    pub(super) async fn value(&self, name: &str, input: &str) -> Result<String, Failure> {
        Ok(self.run(name, input).await?.value)
    }

    /// True when a step that judges is content: a tool loop by its finish key, a single call by its first word.
    pub(super) fn is_done(&self, name: &str, output: &Output) -> bool {
        let begins = || output.value.trim_start().get(..DONE.len()).is_some_and(|word| word.eq_ignore_ascii_case(DONE));
        match self.agent.steps.get(name) {
            Some(step) if step.react => output.key.eq_ignore_ascii_case(DONE),
            _ => begins(),
        }
    }
}

/// A text of named parts: `Task:`, an empty line between them.
pub(super) fn parts(parts: &[(&str, &str)]) -> String {
    parts.iter().map(|(name, text)| format!("{name}:\n{text}")).collect::<Vec<_>>().join("\n\n")
}
