//! A model call: its position, who answers it, and its error.

use async_trait::async_trait;

use super::progress::Progress;
use crate::model::{LlmRequest, LlmResponse};

/// The position of a call in the execution; a scripted model answers by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPosition {
    /// Path of the agent, e.g. `editor/writer#2`.
    pub agent: String,
    /// The number of the call in that agent's visit, from 1.
    pub call: u32,
    /// The agent's try, from 1.
    pub attempt: u32,
    /// The path of the call itself.
    pub path: String,
    /// True when the run stops after it, so that its answer must be held back until then.
    pub stops_after: bool,
}

/// Something that answers model calls.
#[async_trait]
pub trait LlmProvider: Send + Sync {
    /// Sends one request, and returns the answer when it is whole. Tells of its progress meanwhile. Dropping the future
    /// cancels the call.
    async fn call(
        &self,
        request: &LlmRequest,
        position: &CallPosition,
        progress: &Progress,
    ) -> Result<LlmResponse, LlmError>;
}

/// The reason why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{why}")]
pub struct LlmError {
    /// One paragraph that follows "failed to …" and ends with what to do.
    pub why: String,
    /// The part of the answer that had come.
    pub so_far: Option<Box<LlmResponse>>,
}

impl LlmError {
    /// An error before any of the answer came.
    #[must_use]
    pub fn new(why: String) -> Self {
        Self { why, so_far: None }
    }
}
