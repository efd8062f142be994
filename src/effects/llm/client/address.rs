//! The addresses of calls, from a `base_url` as people write it.

use reqwest::Url;

use super::address_error::{AddressError, missing_scheme, without_user};
use super::loopback::is_loopback_host;
use crate::wire::Dialect;

/// The ends of addresses that people paste with the endpoint, by dialect.
const ENDPOINTS: [(Dialect, &[&str]); 5] = [
    (Dialect::Chat, &["/chat/completions", "/responses"]),
    (Dialect::Responses, &["/responses", "/chat/completions"]),
    (Dialect::Messages, &["/messages"]),
    (Dialect::Gemini, &["/models"]),
    (Dialect::Ollama, &["/api/chat", "/api/generate", "/api", "/v1/chat/completions", "/v1"]),
];

/// The address of a provider's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    dialect: Dialect,
    /// Without the endpoint and without a slash at the end of its path; its query goes along with every call.
    base: Url,
}

impl Address {
    /// Reads an address as it was written; `None` stands for the dialect's own server.
    ///
    /// # Errors
    /// When it is empty, has no scheme, is no URL, or has a key in it.
    pub fn parse(dialect: Dialect, base_url: Option<&str>) -> Result<Self, AddressError> {
        let written = base_url.unwrap_or_else(|| default_url(dialect)).trim();
        if written.is_empty() {
            return Err(AddressError::Empty(default_url(dialect)));
        }
        let lower = written.to_ascii_lowercase();
        if !lower.starts_with("http://") && !lower.starts_with("https://") {
            return Err(missing_scheme(written));
        }
        let url = Url::parse(written).map_err(|error| AddressError::Unreadable {
            shown: without_user(written),
            why: error.to_string(),
            example: default_url(dialect),
        })?;
        if dialect == Dialect::Gemini && url.query_pairs().any(|(name, _)| name == "key") {
            return Err(AddressError::HoldsKey);
        }
        Ok(Self { dialect, base: to_base(dialect, url) })
    }

    /// The URL of a call. Only gemini has the model and the kind of answer in it.
    #[must_use]
    pub fn call(&self, model: &str, stream: bool) -> Url {
        let mut url = self.base.clone();
        let path = self.base.path().trim_end_matches('/');
        let endpoint = match self.dialect {
            Dialect::Chat => "/chat/completions".to_owned(),
            Dialect::Responses => "/responses".to_owned(),
            Dialect::Messages => "/messages".to_owned(),
            Dialect::Ollama => "/api/chat".to_owned(),
            Dialect::Gemini => {
                let place = if model.contains('/') { "" } else { "models/" };
                let action = if stream { "streamGenerateContent" } else { "generateContent" };
                format!("/{place}{}:{action}", escape(model))
            }
        };
        url.set_path(&format!("{path}{endpoint}"));
        if self.dialect == Dialect::Gemini && stream {
            url.query_pairs_mut().append_pair("alt", "sse");
        }
        url
    }

    /// The address for messages: without user, password and query.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut url = self.base.clone();
        // Both fail only for an address without a host, which http always has.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.to_string()
    }

    /// True when the server is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.base.host_str().is_some_and(is_loopback_host)
    }

    /// True when a part of its path names a version, such as `v1`.
    #[must_use]
    pub fn names_a_version(&self) -> bool {
        self.base.path().split('/').any(is_version)
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn url(&self) -> &Url {
        &self.base
    }
}

/// The address of a dialect's own server.
#[must_use]
pub fn default_url(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat | Dialect::Responses => "https://api.openai.com/v1/",
        Dialect::Messages => "https://api.anthropic.com/v1/",
        Dialect::Gemini => "https://generativelanguage.googleapis.com/v1beta/",
        Dialect::Ollama => "http://localhost:11434/",
    }
}

/// Removes the endpoint from an address, and adds the version where a dialect always has one.
fn to_base(dialect: Dialect, mut url: Url) -> Url {
    url.set_fragment(None);
    let mut path = url.path().trim_end_matches('/').to_owned();
    if let Some(at) = path.find("/models/").filter(|_| dialect == Dialect::Gemini) {
        path.truncate(at);
    }
    let endpoints = ENDPOINTS.iter().filter(|(of, _)| *of == dialect).flat_map(|(_, ends)| ends.iter());
    if let Some(end) = endpoints.copied().find(|end| path.ends_with(end)) {
        path.truncate(path.len() - end.len());
    }
    let path = path.trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    let version = match dialect {
        // The addresses of Anthropic's own libraries end before the version.
        Dialect::Messages if !is_version(last) => "/v1",
        Dialect::Gemini if !is_version(last) && !path.contains("/publishers/") => "/v1beta",
        _ => "",
    };
    url.set_path(&format!("{path}{version}/"));
    // Asked for by each call itself.
    let asked: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(name, _)| name != "alt").collect();
    if dialect == Dialect::Gemini {
        url.set_query(None);
        if !asked.is_empty() {
            url.query_pairs_mut().extend_pairs(asked);
        }
    }
    url
}

/// True for `v1`, `v1beta`, `v4`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

fn escape(model: &str) -> String {
    let escape = |letter: char| match letter {
        '?' => "%3F".to_owned(),
        '#' => "%23".to_owned(),
        '%' => "%25".to_owned(),
        letter => letter.to_string(),
    };
    model.trim().chars().map(escape).collect()
}
