//! A server's refusal: an error status, or an error in an answer that began well.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use serde_json::Value as Json;

use super::asked::{asked_in_headers, asked_in_words, parse_span};
use super::page;
use crate::wire::{Dialect, Fault, parse};

/// Characters of a server's words that go into an error.
const SHOWN: usize = 600;
/// Places of the words in error bodies.
const PLACES: [&str; 11] = [
    "/error/message",
    "/message",
    "/error",
    "/detail",
    "/detail/message",
    "/detail/0/msg",
    "/errors/0/message",
    "/error/msg",
    "/msg",
    "/Message",
    "/title",
];
/// Places of a word for the kind of an error.
const KINDS: [&str; 6] = ["/error/code", "/error/type", "/error/status", "/code", "/type", "/error"];

/// Words that always say that the quota or the credit is used up.
const USED_UP: [&str; 6] = [
    "insufficient_quota",
    "insufficient quota",
    "credit balance",
    "insufficient balance",
    "insufficient credits",
    "out of credits",
];
/// Words that say so too, unless the server names a wait.
const PERHAPS_USED_UP: [&str; 2] = ["billing", "exceeded your current quota"];
/// Words that say that the conversation does not fit into the model.
const TOO_LONG: [&str; 9] = [
    "context_length_exceeded",
    "maximum context length",
    "context length exceeded",
    "context window",
    "context size",
    "prompt is too long",
    "input is too long",
    "input token count",
    "exceed_context",
];

/// A server's refusal.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Refusal {
    /// The status, of HTTP or as the body names it.
    pub(super) status: Option<u16>,
    /// The server's words; empty when it has none.
    pub(super) words: String,
    /// The server's words for the kind, such as `insufficient_quota`; empty when it has none.
    pub(super) kind: String,
    /// How long the server asks to wait.
    pub(super) asked: Option<Duration>,
    /// The server's own word on trying again.
    pub(super) should_retry: Option<bool>,
    /// True when the body was not JSON, so that something before the server may have sent it.
    pub(super) is_foreign: bool,
}

impl Refusal {
    /// Reads an answer with an error status; `clean` takes secrets out of its words.
    pub(super) fn from_response(
        dialect: Dialect,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
        clean: &dyn Fn(&str) -> String,
    ) -> Self {
        let mut refusal = Self::from_body(dialect, body, clean);
        refusal.status = Some(status);
        refusal.asked = asked_in_headers(headers, now).or(refusal.asked);
        let should_retry = headers.get("x-should-retry").and_then(|value| value.to_str().ok());
        refusal.should_retry = should_retry.and_then(|value| value.trim().parse().ok());
        refusal
    }

    /// Reads the body of an error.
    pub(super) fn from_body(dialect: Dialect, body: &[u8], clean: &dyn Fn(&str) -> String) -> Self {
        if page::is_page(body) {
            let words = page::shorten(&clean(&page::describe(body)), SHOWN);
            return Self { words, is_foreign: true, ..Self::default() };
        }
        let Ok(json) = parse(body) else {
            let words = page::shorten(&clean(&String::from_utf8_lossy(body)), SHOWN);
            return Self { asked: asked_in_words(&words), words, is_foreign: true, ..Self::default() };
        };
        Self::from_json(dialect, &json, clean)
    }

    /// Reads an error that the codec found in an answer.
    pub(super) fn from_fault(fault: &Fault, raw: &[u8], clean: &dyn Fn(&str) -> String) -> Self {
        let words = match fault {
            Fault::Server { message, kind, status } => {
                let words = page::shorten(&clean(message), SHOWN);
                let asked = asked_in_words(&words);
                return Self { status: *status, words, kind: kind.clone(), asked, ..Self::default() };
            }
            Fault::Page { title } => {
                let page = if page::is_page(raw) { page::describe(raw) } else { title.clone() };
                format!("a web page came instead of an answer: {page}")
            }
            other => other.to_string(),
        };
        Self { words: page::shorten(&clean(&words), SHOWN), is_foreign: true, ..Self::default() }
    }

    /// True when the server says that the quota or the credit is used up.
    pub(super) fn is_used_up(&self) -> bool {
        self.says(&USED_UP) || (self.asked.is_none() && self.says(&PERHAPS_USED_UP))
    }

    /// True when the server says that the conversation is too long.
    pub(super) fn is_too_long(&self) -> bool {
        self.says(&TOO_LONG)
    }

    /// True when its words or its kind have one of these phrases.
    pub(super) fn says(&self, phrases: &[&str]) -> bool {
        let said = format!("{} {}", self.kind, self.words).to_ascii_lowercase();
        phrases.iter().any(|phrase| said.contains(phrase))
    }

    /// Reads an error from JSON; without words when it has none.
    fn from_json(dialect: Dialect, json: &Json, clean: &dyn Fn(&str) -> String) -> Self {
        // Gemini sends the error of a stream as a list of one.
        let json = json.as_array().and_then(|list| list.first()).unwrap_or(json);
        let (words, kind) = match dialect.read_answer(json).fault {
            Some(Fault::Server { message, kind, .. }) if !message.trim().is_empty() => (message, kind),
            _ => (words_of(json).unwrap_or_default(), String::new()),
        };
        let words = with_upstream(words, json);
        let words = if words.is_empty() { json.to_string() } else { words };
        let words = page::shorten(&clean(&words), SHOWN);
        let kinds = KINDS.iter().filter_map(|place| json.pointer(place)?.as_str());
        let kind = std::iter::once(kind.as_str()).chain(kinds).collect::<Vec<_>>().join(" ");
        let asked = retry_info(json).or_else(|| asked_in_words(&words));
        Self { words, kind: kind.trim().to_owned(), asked, ..Self::default() }
    }
}

/// The words of an error in any JSON that is known to hold them.
pub(super) fn words_of(json: &Json) -> Option<String> {
    let found = PLACES.iter().find_map(|place| json.pointer(place)?.as_str().filter(|words| !words.trim().is_empty()));
    found.map(str::to_owned).or_else(|| json.as_str().map(str::to_owned))
}

/// Adds the words of the server behind a router (`OpenRouter`), whose own words say little.
fn with_upstream(words: String, json: &Json) -> String {
    match json.pointer("/error/metadata/raw").and_then(Json::as_str) {
        Some(raw) if !raw.trim().is_empty() => {
            let upstream = parse(raw.as_bytes()).ok().and_then(|json| words_of(&json));
            format!("{words}: {}", upstream.unwrap_or_else(|| raw.to_owned()))
        }
        _ => words,
    }
}

/// Google's `RetryInfo`: `"retryDelay": "36s"`.
fn retry_info(json: &Json) -> Option<Duration> {
    let details = json.pointer("/error/details")?.as_array()?;
    details.iter().find_map(|detail| parse_span(detail.get("retryDelay")?.as_str()?))
}
