//! The providers of a project: one name for each address and key that its models use.
//!
//! tama gives each role its own address and key. A pipeline has one of each per provider: where two roles of a provider
//! differ, one of them gets a provider of its own, named after the role.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::super::faults::Doc;
use super::super::models::base_url;
use super::super::names::suggest;
use super::super::prices::public_price;
use super::super::reader::{Table, Text};
use super::super::spec::{Pipeline, Provider};
use super::environment::Environment;
use super::roles::Role;
use crate::model::ModelName;

/// The providers that tama knows, with the variable of their key and the dialect of their own server.
const KNOWN: [(&str, Option<&str>, &str); 4] = [
    ("anthropic", Some("ANTHROPIC_API_KEY"), "messages"),
    ("openai", Some("OPENAI_API_KEY"), "responses"),
    ("google", Some("GEMINI_API_KEY"), "gemini"),
    ("ollama", None, "ollama"),
];

/// The provider of scripted models.
pub(super) const SCRIPT: &str = "script";

/// The end of the name of a provider for models that are named directly.
const DIRECT: &str = "direct";

/// Where the calls of a role go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// `None`: the provider's own.
    pub base_url: Option<String>,
    /// The variable with the key; `None`: the provider's usual one.
    pub key: Option<String>,
}

/// The providers, as they are put together.
#[derive(Debug, Default)]
pub(in super::super) struct Providers {
    /// `[providers.NAME] base_url` of tama.toml.
    urls: BTreeMap<String, String>,
    /// Settings of pipeline.toml.
    settings: BTreeMap<String, Provider>,
    /// Those that models use, with their addresses and keys.
    used: BTreeMap<String, Provider>,
    /// The address that a provider's own name stands for.
    plain: BTreeMap<String, Address>,
    /// Providers that were made, with the provider that they come from.
    made: BTreeMap<String, String>,
}

impl Providers {
    /// Reads `[providers]` of tama.toml. `settings`: those of pipeline.toml.
    pub(super) fn read(root: &Table<'_>, settings: BTreeMap<String, Provider>) -> Self {
        let mut urls = BTreeMap::new();
        for (name, table) in root.table("providers").map(|table| table.children()).unwrap_or_default() {
            if let Some(url) = table.string("base_url").and_then(|url| base_url(table.doc, &url)) {
                urls.insert(name.get_ref().clone(), url);
            }
            table.warn_of_unknown();
        }
        Self { urls, settings, ..Self::default() }
    }

    /// The address in `[providers]` of tama.toml.
    pub(super) fn configured_url(&self, provider: &str) -> Option<String> {
        self.urls.get(provider).cloned()
    }

    /// Decides which address each provider's own name stands for: the first role's that goes to its own server, else the
    /// first one's.
    pub(super) fn settle_names(&mut self, roles: &[Role]) {
        let own = roles.iter().filter(|role| role.address.base_url.is_none());
        for role in own.chain(roles) {
            let Some(model) = role.model.as_ref().filter(|model| model.provider != SCRIPT) else { continue };
            self.plain.entry(model.provider.clone()).or_insert_with(|| role.address.clone());
        }
    }

    /// Faults a provider that nobody knows; warns of one that only this program knows.
    pub(super) fn check(&self, doc: &Doc<'_>, at: &Range<usize>, model: &ModelName, address: &Address) -> bool {
        let name = model.provider.as_str();
        if KNOWN.iter().any(|known| known.0 == name) {
            return true;
        }
        let names = || KNOWN.iter().map(|known| known.0).chain([SCRIPT]);
        let has_address = address.base_url.is_some() || self.settings.contains_key(name);
        if name != SCRIPT && !has_address {
            let help = format!("{} (or give it a `base_url` in [providers.{name}])", suggest(name, names()));
            doc.fault_help(at.clone(), format!("unknown model provider `{name}`"), help);
            return false;
        }
        let help = format!("tama knows {}", KNOWN.map(|known| known.0).join(", "));
        doc.warn(at.clone(), format!("tama refuses the provider `{name}`, which this program knows"), help);
        true
    }

    /// The name under which a role's model is called.
    pub(super) fn name_of_role(&mut self, role: &Role) -> Option<ModelName> {
        let model = role.model.clone()?;
        Some(self.name(model, &role.address, &role.name))
    }

    /// The name under which a model is called that an agent names itself: no role's variables, and not the address of
    /// tama.toml, apply to it.
    pub(super) fn name_direct(
        &mut self,
        doc: &Doc<'_>,
        at: &Text,
        model: ModelName,
        env: &Environment,
    ) -> Option<ModelName> {
        let provider = model.provider.clone();
        let url = provider_variable(env, &provider, "BASE_URL");
        let is_known = KNOWN.iter().any(|known| known.0 == provider);
        let from_env = url.and_then(|(variable, url)| address_in(doc, &at.span(), &variable, url));
        let configured = self.configured_url(&provider);
        // A provider that only this program knows has no other address.
        let base_url = from_env.or_else(|| configured.clone().filter(|_| !is_known));
        if let Some(configured) = configured.filter(|_| base_url.is_none()) {
            let message = format!("a model that is named here goes to the provider's own address, not to {configured}");
            let help = format!("name a role, or set TAMA_PROVIDER_{}_BASE_URL", provider.to_uppercase());
            doc.warn(at.span(), message, help);
        }
        let key = provider_variable(env, &provider, "API_KEY").map(|(name, _)| name);
        let address = Address { base_url, key };
        self.check(doc, &at.span(), &model, &address).then(|| self.name(model, &address, DIRECT))
    }

    fn name(&mut self, model: ModelName, address: &Address, end: &str) -> ModelName {
        if model.provider == SCRIPT {
            return model;
        }
        let plain = self.plain.entry(model.provider.clone()).or_insert_with(|| address.clone());
        let name = if plain == address { model.provider.clone() } else { format!("{}-{end}", model.provider) };
        let mut settings = self.settings.get(&model.provider).cloned().unwrap_or_default();
        if name != model.provider {
            let known = KNOWN.iter().find(|known| known.0 == model.provider);
            settings.api = settings.api.or_else(|| Some(dialect(&model.provider, address).to_owned()));
            settings.api_key_env = settings.api_key_env.or_else(|| known.and_then(|known| known.1).map(str::to_owned));
            self.made.insert(name.clone(), model.provider.clone());
        }
        settings.base_url = address.base_url.clone().or(settings.base_url);
        settings.api_key_env = address.key.clone().or(settings.api_key_env);
        if settings != Provider::default() {
            self.used.insert(name.clone(), settings);
        }
        ModelName { provider: name, ..model }
    }

    /// Puts the providers into a pipeline, and gives models of made ones the prices of the provider that they come from.
    pub(in super::super) fn add_to(self, pipeline: &mut Pipeline) {
        let models: Vec<ModelName> =
            pipeline.agents.values().flat_map(|agent| agent.every_model().map(|model| model.name.clone())).collect();
        for model in models {
            let Some(from) = self.made.get(&model.provider) else { continue };
            let source = ModelName { provider: from.clone(), model: model.model.clone() };
            let is_own = self.used.get(&model.provider).is_none_or(|made| made.base_url.is_none());
            let price = pipeline.prices.get(&source.to_string()).cloned();
            if let Some(price) = price.or_else(|| public_price(&source).filter(|_| is_own)) {
                pipeline.prices.entry(model.to_string()).or_insert(price);
            }
        }
        pipeline.providers = self.settings.into_iter().chain(self.used).collect();
    }
}

/// The variable of a provider that is set, with its value.
pub(super) fn provider_variable<'e>(env: &'e Environment, provider: &str, end: &str) -> Option<(String, &'e str)> {
    let name = format!("TAMA_PROVIDER_{}_{end}", provider.to_uppercase().replace('-', "_"));
    let value = env.get(&name)?;
    Some((name, value))
}

/// The address in a variable; a fault at a place when it is none.
pub(super) fn address_in(doc: &Doc<'_>, at: &Range<usize>, variable: &str, url: &str) -> Option<String> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return base_url(doc, &Spanned::new(at.clone(), url.to_owned()));
    }
    doc.fault_help(at.clone(), format!("{variable} is not an address: {url}"), "it begins with http:// or https://");
    None
}

/// The dialect of a provider at an address: `OpenAI`'s own server speaks Responses, others like it Chat Completions.
fn dialect(provider: &str, address: &Address) -> &'static str {
    let is_own = address.base_url.as_deref().is_none_or(|url| url.contains("//api.openai.com/"));
    match KNOWN.iter().find(|known| known.0 == provider) {
        Some(known) if known.2 != "responses" || is_own => known.2,
        _ => "chat",
    }
}
