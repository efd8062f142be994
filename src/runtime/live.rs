//! The effects of a run under way: pattern code's line to the dispatcher.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::ask::{AgentKey, Ask, Begin, Outcome, Output, Payload, SpanPosition, Work};
use super::dispatcher::Incoming;
use super::effects::Effects;
use super::failure::{Failure, Halt};
use super::pattern_scope::mismatch;
use super::request::HashVersion;
use super::wrap::AgentLine;
use crate::effects::tools::Toolbox;

/// The line to the dispatcher. Questions of an earlier epoch (pattern code that was dropped) are not answered.
pub(super) struct Live {
    epoch: u64,
    asks: mpsc::UnboundedSender<Incoming>,
    toolbox: Arc<Toolbox>,
    hash: HashVersion,
    agent: Option<Arc<AgentLine>>,
}

impl Live {
    pub fn new(epoch: u64, asks: mpsc::UnboundedSender<Incoming>, toolbox: Arc<Toolbox>, hash: HashVersion) -> Self {
        Self { epoch, asks, toolbox, hash, agent: None }
    }

    /// Gives it the line to the agent that the run watches.
    pub fn with_agent(self, agent: Option<Arc<AgentLine>>) -> Self {
        Self { agent, ..self }
    }

    async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<Result<T, Failure>>) -> Ask + Send) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        let asked = self.asks.send(Incoming::Ask { epoch: self.epoch, ask: make(reply) });
        asked.map_err(|_| Halt::Stopped)?;
        answer.await.map_err(|_| Halt::Stopped)?
    }
}

#[async_trait]
impl Effects for Live {
    async fn enter(&self, position: SpanPosition, key: &AgentKey, input: &str) -> Result<Begin, Failure> {
        let (key, input) = (key.clone(), input.to_owned());
        self.ask(|reply| Ask::Enter { position, key, input, reply }).await
    }

    async fn effect(&self, position: SpanPosition, work: Work) -> Outcome {
        self.ask(|reply| Ask::Effect { position, work, reply }).await
    }

    async fn exit(&self, path: &str, result: Result<Output, Failure>) -> Result<Output, Failure> {
        match self.ask(|reply| Ask::Exit { path: path.to_owned(), result, reply }).await? {
            Payload::Agent(output) => Ok(output),
            other => Err(mismatch(path, &other)),
        }
    }

    fn give_up(&self, path: &str) {
        // The dispatcher is gone: nothing waits.
        let _ = self.asks.send(Incoming::GivenUp { epoch: self.epoch, path: path.to_owned() });
    }

    fn hash(&self) -> HashVersion {
        self.hash
    }

    fn toolbox(&self) -> &Arc<Toolbox> {
        &self.toolbox
    }

    fn agent(&self) -> Option<&Arc<AgentLine>> {
        self.agent.as_ref()
    }
}
