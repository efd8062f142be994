//! The providers of a pipeline's models, prepared before the run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use async_trait::async_trait;

use super::call::{CallPosition, LlmError, LlmProvider};
use super::http::HttpModel;
use super::progress::Progress;
use super::script::ScriptModel;
use crate::model::{LlmRequest, LlmResponse, ModelName};
use crate::pipeline::{Agent, Pipeline};

/// The provider whose models are files with scripted answers.
pub(super) const SCRIPT: &str = "script";

/// The providers of a pipeline's models, ready for calls.
pub struct Providers {
    /// By the model's name, which is the script's path.
    scripts: BTreeMap<String, ScriptModel>,
    /// By the provider's name.
    http: BTreeMap<String, HttpModel>,
}

impl Providers {
    /// Reads the scripts and the API keys that the pipeline's models need; sends nothing. Script paths are relative
    /// to `base`, the pipeline's folder.
    ///
    /// # Errors
    /// When a script can't be read, a provider is not known, or the environment variable of its API key is not set.
    pub fn build(pipeline: &Pipeline, base: &Path) -> Result<Self, LlmError> {
        Self::build_with(pipeline, base, &|name| std::env::var(name).ok())
    }

    /// As [`Providers::build`]; `env` looks up the environment variables.
    ///
    /// # Errors
    /// As [`Providers::build`].
    pub fn build_with(
        pipeline: &Pipeline,
        base: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, LlmError> {
        let mut providers = Self { scripts: BTreeMap::new(), http: BTreeMap::new() };
        for ModelName { provider, model } in models(pipeline) {
            if provider == SCRIPT {
                providers.scripts.insert(model.clone(), ScriptModel::open(&base.join(model))?);
            } else if !providers.http.contains_key(provider) {
                let settings = pipeline.providers.get(provider).cloned().unwrap_or_default();
                providers.http.insert(provider.clone(), HttpModel::build(provider, &settings, env)?);
            }
        }
        Ok(providers)
    }
}

#[async_trait]
impl LlmProvider for Providers {
    async fn call(
        &self,
        request: &LlmRequest,
        position: &CallPosition,
        progress: &Progress,
    ) -> Result<LlmResponse, LlmError> {
        let ModelName { provider, model } = &request.model;
        if provider == SCRIPT {
            let script = self.scripts.get(model).ok_or_else(|| unknown_model(&request.model))?;
            return script.call(request, position, progress).await;
        }
        let http = self.http.get(provider).ok_or_else(|| unknown_model(&request.model))?;
        http.call(request, progress).await
    }
}

/// Returns the models of all agents and of their steps.
pub(super) fn models(pipeline: &Pipeline) -> BTreeSet<&ModelName> {
    pipeline.agents.values().flat_map(Agent::every_model).map(|model| &model.name).collect()
}

fn unknown_model(model: &ModelName) -> LlmError {
    LlmError::new(format!("call {model}: it is not one of the pipeline's models"))
}
