//! The calls of an agent that are on their way to the dispatcher, by the path of their span: the task that carries one out
//! finds here with whom to speak.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;
use tokio::sync::{mpsc, oneshot};

use super::event::AgentEvent;
use crate::effects::gateway::ModelCall;
use crate::model::LlmResponse;

/// A tool of the agent's own that waits to be let run.
pub(in super::super) struct ToolUnderWay {
    /// The arguments that the agent asked with.
    pub asked: Json,
    /// Lets it run; with other arguments, if the user changed them.
    pub start: oneshot::Sender<Option<Json>>,
    /// Its end, once the agent tells of it.
    pub end: oneshot::Receiver<ToolEnd>,
}

/// The end of a tool of the agent's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct ToolEnd {
    /// Its result.
    pub text: String,
    /// True when it failed.
    pub failed: bool,
}

/// A model call whose answer has come, and is held back from the agent.
pub(in super::super) struct HeldAnswer {
    /// The call.
    pub call: Box<ModelCall>,
    /// The answer as the provider gave it; `None`: a script gave it, and the agent has nothing of it.
    pub response: Option<LlmResponse>,
}

/// The calls of an agent that are on their way.
#[derive(Default)]
pub(in super::super) struct Announced {
    tools: Mutex<HashMap<String, ToolUnderWay>>,
    models: Mutex<HashMap<String, Box<ModelCall>>>,
    held: Mutex<HashMap<String, HeldAnswer>>,
    subagents: Mutex<HashMap<String, mpsc::UnboundedReceiver<AgentEvent>>>,
    /// The calls that stop before they are sent, whatever the breakpoints.
    stops: Mutex<HashSet<String>>,
}

impl Announced {
    /// Announces a tool.
    pub fn add_tool(&self, path: &str, tool: ToolUnderWay) {
        lock(&self.tools).insert(path.to_owned(), tool);
    }

    /// Takes a tool to let it run; `None`: the agent waits no longer, or it was taken.
    pub fn take_tool(&self, path: &str) -> Option<ToolUnderWay> {
        lock(&self.tools).remove(path)
    }

    /// Announces a model call.
    pub fn add_model(&self, path: &str, call: Box<ModelCall>) {
        lock(&self.models).insert(path.to_owned(), call);
    }

    /// Takes a model call.
    pub fn take_model(&self, path: &str) -> Option<Box<ModelCall>> {
        lock(&self.models).remove(path)
    }

    /// True while the agent waits for the answer to a model call.
    pub fn is_model_waiting(&self, path: &str) -> bool {
        lock(&self.models).contains_key(path) || lock(&self.held).contains_key(path)
    }

    /// Keeps an answer that is held back.
    pub fn add_held(&self, path: &str, held: HeldAnswer) {
        lock(&self.held).insert(path.to_owned(), held);
    }

    /// Takes an answer that is held back.
    pub fn take_held(&self, path: &str) -> Option<HeldAnswer> {
        lock(&self.held).remove(path)
    }

    /// Has a call stop before it is sent, whatever the breakpoints.
    pub fn stop_at(&self, path: &str) {
        lock(&self.stops).insert(path.to_owned());
    }

    /// True for a call that stops before it is sent; once.
    pub fn take_stop(&self, path: &str) -> bool {
        lock(&self.stops).remove(path)
    }

    /// Announces a subagent, with the events that are for it.
    pub fn add_subagent(&self, path: &str, events: mpsc::UnboundedReceiver<AgentEvent>) {
        lock(&self.subagents).insert(path.to_owned(), events);
    }

    /// Takes the events of a subagent.
    pub fn take_subagent(&self, path: &str) -> Option<mpsc::UnboundedReceiver<AgentEvent>> {
        lock(&self.subagents).remove(path)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
