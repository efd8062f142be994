//! Models over HTTP, through genai: one attempt a call, streaming, nothing retried.

use std::time::Duration;

use futures::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ChatStreamEvent, StreamEnd};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ServiceTarget};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::call::LlmError;
use super::convert::{chat_request, stop_reason, tool_calls, usage};
use super::fault;
use crate::model::{LlmRequest, LlmResponse, ModelOptions};
use crate::pipeline::Provider;

/// Seconds a call may take when the provider's settings don't say.
const USUAL_TIMEOUT: u64 = 120;

/// A known provider: name, protocol, where it is, and the variable that usually holds its key.
type Known = (&'static str, AdapterKind, &'static str, Option<&'static str>);

const KNOWN: [Known; 5] = [
    ("openai", AdapterKind::OpenAI, "https://api.openai.com/v1/", Some("OPENAI_API_KEY")),
    ("anthropic", AdapterKind::Anthropic, "https://api.anthropic.com/v1/", Some("ANTHROPIC_API_KEY")),
    ("google", AdapterKind::Gemini, GEMINI_URL, Some("GEMINI_API_KEY")),
    ("gemini", AdapterKind::Gemini, GEMINI_URL, Some("GEMINI_API_KEY")),
    ("ollama", AdapterKind::Ollama, "http://localhost:11434/", None),
];

const GEMINI_URL: &str = "https://generativelanguage.googleapis.com/v1beta/";

/// The key that is sent where none is needed.
const NO_KEY: &str = "none";

/// A provider over HTTP.
pub(super) struct HttpModel {
    name: String,
    kind: AdapterKind,
    url: String,
    key: String,
    timeout_seconds: u64,
}

impl HttpModel {
    /// Prepares a provider. An unknown name with a `base_url` speaks OpenAI's protocol.
    ///
    /// # Errors
    /// When there is no address for it, or the variable with its key is not set.
    pub(super) fn build(
        name: &str,
        settings: &Provider,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, LlmError> {
        let known = KNOWN.iter().find(|known| known.0 == name);
        let kind = known.map_or(AdapterKind::OpenAI, |known| known.1);
        let url = settings.base_url.clone().or_else(|| known.map(|known| known.2.to_owned()));
        let Some(mut url) = url else { return Err(unknown_provider(name)) };
        if !url.ends_with('/') {
            // genai joins strings.
            url.push('/');
        }
        let key = match key_variable(name, settings) {
            Some(variable) => match env(&variable).filter(|key| !key.is_empty()) {
                Some(key) => key,
                None if is_loopback(&url) => NO_KEY.to_owned(),
                None => return Err(missing_key(name, &variable)),
            },
            None => NO_KEY.to_owned(),
        };
        let timeout_seconds = settings.timeout_seconds.unwrap_or(USUAL_TIMEOUT);
        Ok(Self { name: name.to_owned(), kind, url, key, timeout_seconds })
    }

    /// Sends a request and collects its stream.
    pub(super) async fn call(
        &self,
        request: &LlmRequest,
        chunks: &mpsc::Sender<String>,
    ) -> Result<LlmResponse, LlmError> {
        let limit = Duration::from_secs(self.timeout_seconds);
        match timeout(limit, self.stream(request, chunks)).await {
            Ok(answered) => answered,
            Err(_) => Err(LlmError(format!(
                "get an answer from {} at {}: not finished after {} s; a slow model needs a larger timeout_seconds in \
                 [providers.{}]",
                request.model, self.url, self.timeout_seconds, self.name
            ))),
        }
    }

    async fn stream(&self, request: &LlmRequest, chunks: &mpsc::Sender<String>) -> Result<LlmResponse, LlmError> {
        let target = ServiceTarget {
            endpoint: Endpoint::from_owned(self.url.as_str()),
            auth: AuthData::from_single(self.key.clone()),
            model: ModelIden::new(self.kind, request.model.model.as_str()),
        };
        let options = options(request.options);
        let mut text = String::new();
        let describe = |error: &genai::Error, text: &str| {
            LlmError(format!("get an answer from {} at {}: {}", request.model, self.url, fault::describe(error, text)))
        };
        // A client of its own for each call, as it keeps connections: one that the server closed in between would fail
        // the call, and a call that may have arrived must not be sent again.
        let client = Client::builder().build();
        let client = client.map_err(|error| LlmError(format!("prepare a call of {}: {error}", self.name)))?;
        let sent = client.exec_chat_stream(target, chat_request(request), Some(&options)).await;
        let mut stream = sent.map_err(|error| describe(&error, &text))?.stream;
        while let Some(event) = stream.next().await {
            match event.map_err(|error| describe(&error, &text))? {
                ChatStreamEvent::Chunk(chunk) => {
                    text.push_str(&chunk.content);
                    // Full, or nobody listens: the response has the whole text.
                    let _ = chunks.try_send(chunk.content);
                }
                ChatStreamEvent::End(end) if self.is_whole(&end) => {
                    let (calls, usage, stop) = (tool_calls(&end), usage(&end), stop_reason(&end));
                    return Ok(LlmResponse { text, calls, usage, stop, ..LlmResponse::default() });
                }
                _ => {}
            }
        }
        let cut = fault::describe_cut(&text, "the server closed the connection");
        Err(LlmError(format!("get an answer from {} at {}: {cut}", request.model, self.url)))
    }

    /// True when the stream came to its end. The other protocols have a last event that genai waits for. Gemini only
    /// names its stop reason, and genai invents an end when the connection closes before that.
    fn is_whole(&self, end: &StreamEnd) -> bool {
        self.kind != AdapterKind::Gemini || end.captured_stop_reason.is_some()
    }
}

fn options(asked: ModelOptions) -> ChatOptions {
    let mut options = ChatOptions::default().with_capture_usage(true).with_capture_tool_calls(true);
    options.temperature = asked.temperature;
    options.max_tokens = asked.max_tokens;
    options
}

/// Returns the variable that holds a provider's key; `None` when it needs none.
pub(super) fn key_variable(name: &str, settings: &Provider) -> Option<String> {
    let known = KNOWN.iter().find(|known| known.0 == name);
    let usual = known.map_or_else(|| Some(default_key_variable(name)), |known| known.3.map(str::to_owned));
    settings.api_key_env.clone().or(usual)
}

/// True when a provider's server is this machine, so that it may need no key.
pub(super) fn is_local(name: &str, settings: &Provider) -> bool {
    let usual = || KNOWN.iter().find(|known| known.0 == name).map(|known| known.2);
    settings.base_url.as_deref().or_else(usual).is_some_and(is_loopback)
}

/// Returns the variable that holds the key of a user's own provider: `my-server` → `MY_SERVER_API_KEY`.
fn default_key_variable(name: &str) -> String {
    let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("{}_API_KEY", name.to_ascii_uppercase())
}

fn unknown_provider(name: &str) -> LlmError {
    let known: Vec<&str> = KNOWN.iter().map(|known| known.0).collect();
    LlmError(format!(
        "find the provider {name:?}: known are {}, script; for a server with OpenAI's API give base_url in \
         [providers.{name}]",
        known.join(", ")
    ))
}

fn missing_key(name: &str, variable: &str) -> LlmError {
    LlmError(format!(
        "find the key of the provider {name}: the environment variable {variable} is not set; set it, or name another \
         with api_key_env in [providers.{name}]"
    ))
}

/// True when the address is this machine.
fn is_loopback(url: &str) -> bool {
    let place = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let host = match place.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => place.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine_only() {
        for url in ["http://127.0.0.1:8089/v1/", "http://localhost/v1/", "http://[::1]:80/", "http://u@127.1.2.3/"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["http://127.0.0.1.example.com/", "https://api.openai.com/", "http://localhost@example.com/"] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
