//! The scripted model, behind a door that counts: every call that is really sent.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tama_tui::effects::llm::{CallPosition, LlmError, LlmProvider, Progress};
use tama_tui::model::{LlmRequest, LlmResponse};
use tama_tui::runtime::{ModelSource, providers};

/// The paths of the calls that were sent, in order.
#[derive(Clone, Default)]
pub struct Sent(Arc<Mutex<Vec<String>>>);

impl Sent {
    /// All of them.
    pub fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The models of a pipeline's folder, counted.
    pub fn models(&self, base: PathBuf) -> ModelSource {
        let (inner, sent) = (providers(base), self.clone());
        Box::new(move |pipeline| Ok(Arc::new(Counted { inner: inner(pipeline)?, sent: sent.clone() })))
    }
}

struct Counted {
    inner: Arc<dyn LlmProvider>,
    sent: Sent,
}

#[async_trait]
impl LlmProvider for Counted {
    async fn call(
        &self,
        request: &LlmRequest,
        position: &CallPosition,
        progress: &Progress,
    ) -> Result<LlmResponse, LlmError> {
        let visit = if position.call > 1 { format!("#{}", position.call) } else { String::new() };
        self.sent.0.lock().unwrap().push(format!("{}/llm{visit}", position.agent));
        self.inner.call(request, position, progress).await
    }
}
