//! Models over HTTP: a request in the provider's dialect, its answer checked to be whole.

use super::call::LlmError;
use super::client::{BuildError, Client, Exchange, ExchangeError, Heard, Settings, Waits, is_loopback};
use super::convert::{response, wire_request};
use super::progress::Progress;
use super::whole;
use crate::model::{LlmRequest, LlmResponse};
use crate::pipeline::Provider;
use crate::wire::{Answer, Dialect};

/// A known provider: name, dialect, and the variable that usually holds its key.
type Known = (&'static str, Dialect, Option<&'static str>);

const KNOWN: [Known; 5] = [
    ("openai", Dialect::Responses, Some("OPENAI_API_KEY")),
    ("anthropic", Dialect::Messages, Some("ANTHROPIC_API_KEY")),
    ("google", Dialect::Gemini, Some("GEMINI_API_KEY")),
    ("gemini", Dialect::Gemini, Some("GEMINI_API_KEY")),
    ("ollama", Dialect::Ollama, None),
];

/// A provider over HTTP.
pub(super) struct HttpModel {
    client: Client,
}

impl HttpModel {
    /// Prepares a provider. An unknown name with a `base_url` speaks Chat Completions; one with an `api` alone calls the
    /// server that this API is named after.
    ///
    /// # Errors
    /// When there is no address for it, or the variable with its key is not set.
    pub(super) fn build(
        name: &str,
        settings: &Provider,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, LlmError> {
        let has_server = settings.base_url.is_some() || settings.api.is_some();
        if !has_server && !KNOWN.iter().any(|known| known.0 == name) {
            return Err(unknown_provider(name));
        }
        let dialect = dialect(name, settings)?;
        let key = match key_variable(name, settings) {
            Some(variable) => match env(&variable).filter(|key| !key.trim().is_empty()) {
                None if !is_local(name, settings) => return Err(missing_key(name, &variable)),
                key => key,
            },
            None => None,
        };
        let waits = Waits::default();
        let waits = Waits {
            tries: settings.tries.unwrap_or(waits.tries),
            total: settings.wait_seconds.map_or(waits.total, std::time::Duration::from_secs),
        };
        let mut prepared = Settings::new(name, dialect).base_url(settings.base_url.as_deref()).key(key.as_deref());
        if let Some(seconds) = settings.timeout_seconds {
            prepared = prepared.timeout_seconds(seconds);
        }
        let client = Client::build(&prepared.waits(waits), env);
        let unusable = |error: BuildError| LlmError::new(format!("prepare the provider {name}: {error}"));
        Ok(Self { client: client.map_err(unusable)? })
    }

    /// Sends a request and collects its answer, which must be whole.
    pub(super) async fn call(&self, request: &LlmRequest, progress: &Progress) -> Result<LlmResponse, LlmError> {
        let dialect = self.client.dialect();
        let sent = wire_request(dialect, request);
        let (body, model) = (dialect.write_request(&sent), &request.model.model);
        let mut heard = |heard: Heard| match heard {
            Heard::Text(text) => progress.text(text),
            Heard::Reasoning(text) => progress.reasoning(text),
            Heard::Waiting { why, time } => progress.waits(format!("{:.1} s: {why}", time.as_secs_f64())),
            Heard::TryingAgain => progress.goes_on(),
        };
        let Exchange { answer, raw, .. } = match self.client.exchange(model, &body, sent.stream, &mut heard).await {
            Ok(exchange) => exchange,
            Err(error) => {
                progress.keep_raw(error.raw.clone());
                return Err(self.failed(request, error));
            }
        };
        progress.keep_raw(raw);
        let (response, kind) = response(dialect, request, &answer);
        whole::check(request, response, kind, answer.stop_message.as_deref())
    }

    fn failed(&self, request: &LlmRequest, error: ExchangeError) -> LlmError {
        let so_far = |answer: Answer| Box::new(response(self.client.dialect(), request, &answer).0);
        let why = format!("get an answer from {} at {}: {}", request.model, self.client.shown_address(), error.message);
        LlmError { why, so_far: error.so_far.map(so_far) }
    }
}

/// The dialect of a provider: as its `api` says; `OpenAI`'s own server speaks Responses, another address of it Chat
/// Completions, as do all that are not known.
fn dialect(name: &str, settings: &Provider) -> Result<Dialect, LlmError> {
    if let Some(api) = &settings.api {
        return api.parse().map_err(|error| LlmError::new(format!("use [providers.{name}] api: {error}")));
    }
    let known = KNOWN.iter().find(|known| known.0 == name).map(|known| known.1);
    let is_own = settings.base_url.as_deref().is_none_or(|url| url.contains("//api.openai.com/"));
    Ok(match known {
        Some(Dialect::Responses) if is_own => Dialect::Responses,
        Some(Dialect::Responses) | None => Dialect::Chat,
        Some(other) => other,
    })
}

/// Returns the variable that holds a provider's key; `None` when it needs none.
pub(super) fn key_variable(name: &str, settings: &Provider) -> Option<String> {
    let known = KNOWN.iter().find(|known| known.0 == name);
    let is_ollama = settings.api.as_deref() == Some("ollama");
    let own = || (!is_ollama).then(|| default_key_variable(name));
    let usual = known.map_or_else(own, |known| known.2.map(str::to_owned));
    settings.api_key_env.clone().or(usual)
}

/// True when a provider's server is this machine, so that it may need no key.
pub(super) fn is_local(name: &str, settings: &Provider) -> bool {
    settings.base_url.as_deref().map_or(name == "ollama", is_loopback)
}

/// Returns the variable that holds the key of a user's own provider: `my-server` → `MY_SERVER_API_KEY`.
fn default_key_variable(name: &str) -> String {
    let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("{}_API_KEY", name.to_ascii_uppercase())
}

fn unknown_provider(name: &str) -> LlmError {
    let known: Vec<&str> = KNOWN.iter().map(|known| known.0).collect();
    LlmError::new(format!(
        "find the provider {name:?}: known are {}, script; for a server with OpenAI's API give base_url in \
         [providers.{name}]",
        known.join(", ")
    ))
}

fn missing_key(name: &str, variable: &str) -> LlmError {
    LlmError::new(format!(
        "find the key of the provider {name}: the environment variable {variable} is not set; set it, or name another \
         with api_key_env in [providers.{name}]"
    ))
}
