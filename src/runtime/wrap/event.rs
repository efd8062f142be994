//! The events of an agent: its hooks, and its model calls.

use crate::effects::gateway::ModelCall;
use crate::effects::hooks::Hooked;

/// Something that an agent does, and waits for the answer.
pub(in super::super) enum AgentEvent {
    /// It called a hook.
    Hook(Box<Hooked>),
    /// It calls its model.
    Model(Box<ModelCall>),
}

impl AgentEvent {
    /// The id of the subagent that does it; `None`: it is the agent itself.
    pub fn subagent(&self) -> Option<&str> {
        match self {
            Self::Hook(hooked) => hooked.call.agent.subagent.as_deref(),
            Self::Model(call) => call.facts.agent.as_deref(),
        }
    }

    /// The kind of the subagent, where its agent names it.
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Hook(hooked) => hooked.call.agent.kind.as_deref(),
            Self::Model(_) => None,
        }
    }
}
