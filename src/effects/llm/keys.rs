//! The keys that a pipeline's providers need, and those that are missing.

use std::collections::BTreeSet;

use super::http::{is_local, key_variable};
use super::providers::{SCRIPT, models};
use crate::pipeline::Pipeline;

/// The key of a provider that a pipeline uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderKey {
    /// The provider.
    pub provider: String,
    /// The environment variable that holds its key; `None` when it needs none.
    pub variable: Option<String>,
    /// True when the variable is set.
    pub is_set: bool,
    /// True when its server is this machine, which may need no key.
    pub is_local: bool,
}

impl ProviderKey {
    /// Says which variable a run needs and does not find: `openai: OPENAI_API_KEY is not set`.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let variable = self.variable.as_deref().filter(|_| !self.is_set && !self.is_local)?;
        Some(format!("{}: {variable} is not set", self.provider))
    }
}

/// Lists the keys of the providers that a pipeline's models name, sorted. `env` looks a variable up.
pub fn provider_keys(pipeline: &Pipeline, env: &dyn Fn(&str) -> Option<String>) -> Vec<ProviderKey> {
    let used: BTreeSet<&str> = models(pipeline).into_iter().map(|model| model.provider.as_str()).collect();
    let http = used.into_iter().filter(|provider| *provider != SCRIPT);
    http.map(|provider| {
        let settings = pipeline.providers.get(provider).cloned().unwrap_or_default();
        let variable = key_variable(provider, &settings);
        let is_set = variable.as_deref().and_then(env).is_some_and(|key| !key.is_empty());
        ProviderKey { provider: provider.to_owned(), is_set, is_local: is_local(provider, &settings), variable }
    })
    .collect()
}
