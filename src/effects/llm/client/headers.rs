//! The headers of calls, by dialect.

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::address::Address;
use super::key::Key;
use crate::wire::Dialect;

const API_KEY: HeaderName = HeaderName::from_static("api-key");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const X_GOOG_API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// Azure's own hosts take a key in `api-key`, and in `Authorization` only tokens of the directory service.
const AZURE: [&str; 3] = [".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"];
/// Other hosts of Azure: which of the two headers they want depends on how they were set up.
const AZURE_OTHERS: [&str; 3] = [".azure.com", ".azure-api.net", ".azure.us"];

/// The headers of a call.
pub(super) fn headers(address: &Address, key: Option<&Key>, stream: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let accepted = if stream { "text/event-stream, application/json" } else { "application/json" };
    headers.insert(ACCEPT, HeaderValue::from_static(accepted));
    if address.dialect() == Dialect::Messages {
        headers.insert(ANTHROPIC_VERSION, HeaderValue::from_static("2023-06-01"));
    }
    let Some(key) = key else { return headers };
    for (name, before) in key_headers(address, key) {
        if let Some(value) = key.header(before) {
            headers.insert(name, value);
        }
    }
    headers
}

/// The headers that carry the key, each with the text before it.
fn key_headers(address: &Address, key: &Key) -> Vec<(HeaderName, &'static str)> {
    let host = address.url().host_str().unwrap_or_default();
    let is_one_of = |hosts: &[&str]| hosts.iter().any(|end| host.ends_with(end));
    let bearer = (AUTHORIZATION, "Bearer ");
    match address.dialect() {
        Dialect::Messages => vec![(X_API_KEY, "")],
        Dialect::Gemini if key.is_token() => vec![bearer],
        Dialect::Gemini => vec![(X_GOOG_API_KEY, "")],
        Dialect::Chat | Dialect::Responses if is_one_of(&AZURE) && !key.is_token() => vec![(API_KEY, "")],
        Dialect::Chat | Dialect::Responses if is_one_of(&AZURE_OTHERS) && !key.is_token() => {
            vec![(API_KEY, ""), bearer]
        }
        Dialect::Chat | Dialect::Responses | Dialect::Ollama => vec![bearer],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_in_the_header_that_the_server_reads() {
        let cases = [
            (Dialect::Chat, "https://api.openai.com/v1", "sk-1", &["authorization: Bearer sk-1"][..]),
            (Dialect::Responses, "http://localhost:1/v1", "sk-1", &["authorization: Bearer sk-1"]),
            (
                Dialect::Messages,
                "https://api.anthropic.com",
                "sk-1",
                &["anthropic-version: 2023-06-01", "x-api-key: sk-1"],
            ),
            (Dialect::Gemini, "https://g.example.com/v1beta", "AIza", &["x-goog-api-key: AIza"]),
            (Dialect::Gemini, "https://g.example.com/v1beta", "ya29.x", &["authorization: Bearer ya29.x"]),
            (Dialect::Ollama, "https://ollama.com", "k", &["authorization: Bearer k"]),
            (Dialect::Chat, "https://me.openai.azure.com/openai/v1", "k", &["api-key: k"]),
            (Dialect::Chat, "https://me.openai.azure.com/openai/v1", "eyJ.a.b", &["authorization: Bearer eyJ.a.b"]),
            (Dialect::Chat, "https://models.inference.ai.azure.com", "k", &["api-key: k", "authorization: Bearer k"]),
        ];
        for (dialect, url, key, expected) in cases {
            let address = Address::parse(dialect, Some(url)).unwrap();
            let key = Key::parse(key).unwrap();
            let headers = headers(&address, key.as_ref(), true);
            let others = [CONTENT_TYPE, ACCEPT];
            let found = headers.iter().filter(|(name, _)| !others.contains(name));
            let mut found: Vec<_> = found.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
            found.sort();
            assert_eq!(found, expected, "{url}");
            let shown = format!("{headers:?}");
            assert!(!shown.contains("sk-1") && !shown.contains("AIza"), "{shown}");
        }
    }
}
