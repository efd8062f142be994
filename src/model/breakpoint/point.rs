//! A breakpoint.

use serde::{Deserialize, Serialize};

use super::Condition;
use crate::model::Gate;

/// Where a breakpoint stops a run; globs that are `None` match everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakpoint {
    /// The gate.
    pub at: Gate,
    /// Glob over agent names.
    pub agent: Option<String>,
    /// Glob over tool names.
    pub tool: Option<String>,
    /// Glob over `provider:model`.
    pub model: Option<String>,
    /// The memory key that a tool is about to write; any tool when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<String>,
    /// It stops only while this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Cleared ones stay listed and do nothing.
    pub enabled: bool,
}

impl Breakpoint {
    /// A breakpoint that stops everything at a gate.
    #[must_use]
    pub fn new(at: Gate) -> Self {
        Self { at, agent: None, tool: None, model: None, writes: None, when: None, enabled: true }
    }

    /// True for two that stop alike, whether they are enabled or not.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        Self { enabled: other.enabled, ..self.clone() } == *other
    }

    /// One line for lists and logs: `before-tool tama_files_write in writer when tokens > 4000`.
    #[must_use]
    pub fn label(&self) -> String {
        let mut label = self.at.name().to_owned();
        let parts = [(" write of ", &self.writes), (" ", &self.tool), (" ", &self.model), (" in ", &self.agent)];
        for (word, part) in parts {
            if let Some(part) = part {
                label.push_str(word);
                label.push_str(part);
            }
        }
        if let Some(when) = &self.when {
            label.push_str(" when ");
            label.push_str(when.text());
        }
        label
    }
}
