//! A model call: its position, who answers it, and its error.

use async_trait::async_trait;
use tokio::sync::mpsc;

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
}

/// Something that answers model calls.
#[async_trait]
pub trait LlmProvider: Send + Sync {
    /// Sends one request. Text is sent to `chunks` as it arrives (a full channel drops chunks; the response has
    /// the whole text). Dropping the future cancels the call.
    async fn call(
        &self,
        request: &LlmRequest,
        position: &CallPosition,
        chunks: &mpsc::Sender<String>,
    ) -> Result<LlmResponse, LlmError>;
}

/// The reason why a call failed: one paragraph that follows "failed to …" and ends with what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct LlmError(pub String);
