//! The one door of pattern code: everything that it can't compute goes through here.
//!
//! [`super::live::Live`] asks the dispatcher, which stops at gates, acts and records. [`super::replay::Replay`] answers
//! from a stored run, and can do nothing else.

use std::sync::Arc;

use async_trait::async_trait;

use super::ask::{AgentKey, Begin, Outcome, Output, SpanPosition, Work};
use super::failure::Failure;
use super::request::HashVersion;
use super::wrap::AgentLine;
use crate::effects::tools::Toolbox;

/// The answers to pattern code.
#[async_trait]
pub(super) trait Effects: Send + Sync {
    /// Begins an agent.
    async fn enter(&self, position: SpanPosition, key: &AgentKey, input: &str) -> Result<Begin, Failure>;

    /// Carries out an effect of the agent at `position.parent`.
    async fn effect(&self, position: SpanPosition, work: Work) -> Outcome;

    /// Ends an agent; returns the output that its caller gets: the user may have changed it.
    async fn exit(&self, path: &str, result: Result<Output, Failure>) -> Result<Output, Failure>;

    /// Returns the way in which the run's requests are made and hashed.
    fn hash(&self) -> HashVersion;

    /// Returns the program's own tools, for their declarations.
    fn toolbox(&self) -> &Arc<Toolbox>;

    /// Takes in that the agent of another program no longer waits for the call at a path.
    fn give_up(&self, _path: &str) {}

    /// Returns the line to the agent of another program; `None`: there is none that could run.
    fn agent(&self) -> Option<&Arc<AgentLine>> {
        None
    }
}
