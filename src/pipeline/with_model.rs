//! A pipeline with another model, for a retry.

use super::names::{PROVIDERS, suggest};
use super::spec::{Agent, Model, Pipeline};
use crate::model::{ModelName, ModelOptions};

/// The reason why a model can't be tried; phrased to follow "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WithModelError {
    /// No role has this name.
    #[error(
        "try the model `{name}`: no role of [models] has this name, and a model is written `provider:model`; {help}"
    )]
    NoRole {
        /// The name as it was written.
        name: String,
        /// The nearest known role, or all.
        help: String,
    },
    /// No provider has this name.
    #[error("try the model `{model}`: unknown model provider `{provider}`; {help}")]
    NoProvider {
        /// The model as it was written.
        model: String,
        /// Its provider.
        provider: String,
        /// The nearest known provider, or all.
        help: String,
    },
    /// The cost is limited, and the model has no price.
    #[error(
        "try the model `{0}`: `max_cost_usd` can't be kept, because there is no price for it; add [prices.\"{0}\"] with \
         `input` and `output`"
    )]
    NoPrice(String),
}

impl Pipeline {
    /// This pipeline with one model for every agent and step that has one. `written`: a role, or `provider:model`, which
    /// has the options of a model that an agent names so.
    ///
    /// # Errors
    /// When there is no such role or provider, or the cost is limited and the model has no price.
    pub fn with_model(&self, written: &str) -> Result<Self, WithModelError> {
        let model = self.model_named(written)?;
        let mut tried = self.clone();
        for agent in tried.agents.values_mut() {
            agent.set_models(&model);
        }
        tried.add_public_prices();
        if tried.limits.max_cost_usd.is_some()
            && let Some(unpriced) = tried.unpriced().into_iter().find(|name| *name == model.name.to_string())
        {
            return Err(WithModelError::NoPrice(unpriced));
        }
        Ok(tried)
    }

    /// This pipeline with one temperature for every agent and step that has a model.
    #[must_use]
    pub fn with_temperature(&self, temperature: f64) -> Self {
        let mut tried = self.clone();
        for agent in tried.agents.values_mut() {
            for own in agent.own_models().flatten() {
                own.options.temperature = Some(temperature);
            }
        }
        tried
    }

    /// The names of models that a user may want to try: the roles, then the models in use that no role has.
    #[must_use]
    pub fn models_to_try(&self) -> Vec<(String, String)> {
        let mut named: Vec<(String, String)> =
            self.roles.iter().map(|(role, model)| (role.clone(), model.name.to_string())).collect();
        for model in self.agents.values().flat_map(Agent::every_model).map(|model| model.name.to_string()) {
            if !named.iter().any(|(_, known)| *known == model) {
                named.push((model.clone(), model));
            }
        }
        named
    }

    /// The model that a user has asked for by this name.
    #[must_use]
    pub fn model_to_try(&self, written: &str) -> Option<Model> {
        self.model_named(written).ok()
    }

    fn model_named(&self, written: &str) -> Result<Model, WithModelError> {
        if let Some(model) = self.roles.get(written) {
            return Ok(model.clone());
        }
        let parts = written.split_once(':').filter(|(provider, model)| !provider.is_empty() && !model.is_empty());
        let Some((provider, model)) = parts else {
            let help = suggest(written, self.roles.iter().map(|(role, _)| role.as_str()).collect::<Vec<_>>());
            return Err(WithModelError::NoRole { name: written.to_owned(), help });
        };
        let known: Vec<&str> = PROVIDERS.into_iter().chain(self.providers.keys().map(String::as_str)).collect();
        if !known.contains(&provider) {
            let (model, provider, help) = (written.to_owned(), provider.to_owned(), suggest(provider, known));
            return Err(WithModelError::NoProvider { model, provider, help });
        }
        let name = ModelName { provider: provider.to_owned(), model: model.to_owned() };
        Ok(Model { name, options: ModelOptions::default() })
    }
}

impl Agent {
    /// Gives it and its steps one model, where they have one.
    fn set_models(&mut self, model: &Model) {
        for own in self.own_models().filter(|own| own.is_some()) {
            *own = Some(model.clone());
        }
    }

    /// Its model and those of its steps.
    fn own_models(&mut self) -> impl Iterator<Item = &mut Option<Model>> {
        let steps = self.steps.values_mut().map(|step| &mut step.model);
        std::iter::once(&mut self.model).chain(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::check;
    use super::*;

    const TOML: &str = r#"
[pipeline]
name = "a"
entrypoint = "one"
[models]
default = "openai:gpt-5-mini"
cheap = { name = "ollama:qwen3:4b", temperature = 0.5 }
[agents.one]
pattern = "critic"
steps.draft.prompt = "d"
steps.critique = { prompt = "c", model = "cheap" }
steps.refine.prompt = "r"
"#;

    fn pipeline(more: &str) -> Pipeline {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pipeline.toml"), format!("{TOML}{more}")).unwrap();
        check(folder.path()).unwrap_or_else(|faults| panic!("{faults}")).pipeline
    }

    fn models(pipeline: &Pipeline) -> Vec<String> {
        let mut names: Vec<String> = pipeline.agents["one"].every_model().map(|model| model.name.to_string()).collect();
        names.dedup();
        names
    }

    #[test]
    fn every_agent_and_step_gets_the_model_of_a_role_or_of_a_name() {
        let stored = pipeline("");
        let tried = stored.with_model("cheap").unwrap();
        assert_eq!(models(&tried), ["ollama:qwen3:4b"]);
        assert!(tried.agents["one"].every_model().all(|model| model.options.temperature == Some(0.5)));
        assert_eq!(models(&stored.with_model("anthropic:claude-x").unwrap()), ["anthropic:claude-x"]);
        let named = [("cheap", "ollama:qwen3:4b"), ("default", "openai:gpt-5-mini")];
        assert_eq!(stored.models_to_try(), named.map(|(role, model)| (role.to_owned(), model.to_owned())));
    }

    #[test]
    fn a_model_that_cant_be_tried_says_why() {
        let why = |pipeline: &Pipeline, written: &str| pipeline.with_model(written).unwrap_err().to_string();
        let stored = pipeline("");
        assert_eq!(
            why(&stored, "chaep"),
            "try the model `chaep`: no role of [models] has this name, and a model is written `provider:model`; did you mean \
             `cheap`?"
        );
        assert!(why(&stored, "opnai:x").contains("unknown model provider `opnai`; did you mean `openai`?"));
        let limited = pipeline("[limits]\nmax_cost_usd = 1.0\n[prices.\"ollama:qwen3:4b\"]\ninput = 1\noutput = 1\n");
        assert!(why(&limited, "openai:nobody-knows").contains("there is no price for it"));
    }
}
