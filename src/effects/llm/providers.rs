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
    /// Why models can't be called that no agent of the run has.
    unusable: BTreeMap<ModelName, String>,
}

impl Providers {
    /// Reads the scripts and the API keys that the pipeline's models need; sends nothing. Script paths are relative
    /// to `base`, the pipeline's folder. Models of agents that a run doesn't reach may be unusable.
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
        let reached = pipeline.reached();
        let (needed, others): (Vec<&Agent>, Vec<&Agent>) =
            pipeline.agents.values().partition(|agent| reached.contains(agent.name.as_str()));
        let mut providers = Self { scripts: BTreeMap::new(), http: BTreeMap::new(), unusable: BTreeMap::new() };
        for model in needed.into_iter().flat_map(Agent::every_model) {
            providers.add(&model.name, pipeline, base, env)?;
        }
        for model in others.into_iter().flat_map(Agent::every_model) {
            if let Err(error) = providers.add(&model.name, pipeline, base, env) {
                providers.unusable.insert(model.name.clone(), error.why);
            }
        }
        Ok(providers)
    }

    fn add(
        &mut self,
        name: &ModelName,
        pipeline: &Pipeline,
        base: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), LlmError> {
        let ModelName { provider, model } = name;
        if provider == SCRIPT {
            if !self.scripts.contains_key(model) {
                self.scripts.insert(model.clone(), ScriptModel::open(&base.join(model))?);
            }
        } else if !self.http.contains_key(provider) {
            let settings = pipeline.providers.get(provider).cloned().unwrap_or_default();
            self.http.insert(provider.clone(), HttpModel::build(provider, &settings, env)?);
        }
        Ok(())
    }

    fn unknown(&self, model: &ModelName) -> LlmError {
        let nothing = || format!("call {model}: it is not one of the pipeline's models");
        LlmError::new(self.unusable.get(model).cloned().unwrap_or_else(nothing))
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
            let script = self.scripts.get(model).ok_or_else(|| self.unknown(&request.model))?;
            return script.call(request, position, progress).await;
        }
        let http = self.http.get(provider).ok_or_else(|| self.unknown(&request.model))?;
        http.call(request, progress).await
    }
}

/// Returns the models of all agents and of their steps.
pub(super) fn models(pipeline: &Pipeline) -> BTreeSet<&ModelName> {
    pipeline.agents.values().flat_map(Agent::every_model).map(|model| &model.name).collect()
}
