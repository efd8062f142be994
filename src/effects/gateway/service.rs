//! The services that a wrapped program may call, and where their requests go.

use std::fmt;

use hyper::http::HeaderMap;
use reqwest::Url;

use crate::effects::llm::{BuildError, passing_client};
use crate::wire::Dialect;

/// A model service, with an address of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Anthropic: Messages.
    Anthropic,
    /// `OpenAI`: Responses and Chat Completions.
    OpenAi,
    /// Google: Gemini.
    Google,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Anthropic, Self::OpenAi, Self::Google];

    /// The name of the provider, as in the name of a model.
    #[must_use]
    pub fn provider(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Google => "google",
        }
    }

    /// The service of a dialect.
    #[must_use]
    pub fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Messages => Self::Anthropic,
            Dialect::Gemini => Self::Google,
            Dialect::Chat | Dialect::Responses | Dialect::Ollama => Self::OpenAi,
        }
    }

    /// The variables that name its address, the one that counts first; with the end that the value has not.
    fn variables(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Anthropic => &[("ANTHROPIC_BASE_URL", ""), ("ANTHROPIC_HOST", "")],
            Self::OpenAi => &[("OPENAI_BASE_URL", ""), ("OPENAI_API_BASE", ""), ("OPENAI_HOST", "/v1")],
            Self::Google => &[("GOOGLE_GEMINI_BASE_URL", "")],
        }
    }

    fn default_url(self) -> &'static str {
        match self {
            Self::Anthropic => "https://api.anthropic.com",
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Google => "https://generativelanguage.googleapis.com",
        }
    }

    /// The dialect whose rules its address follows.
    fn dialect(self) -> Dialect {
        match self {
            Self::Anthropic => Dialect::Messages,
            Self::OpenAi => Dialect::Responses,
            Self::Google => Dialect::Gemini,
        }
    }

    /// The version in its paths; `None`: it is in its address.
    fn version(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("v1"),
            Self::OpenAi => None,
            Self::Google => Some("v1beta"),
        }
    }

    /// The service that a request without a known path is meant for: its headers tell.
    pub(super) fn guess(path: &str, headers: &HeaderMap) -> Self {
        let has = |name: &str| headers.contains_key(name);
        if has("anthropic-version") || has("x-api-key") || path.is_empty() || path == "/" || path.contains("/messages")
        {
            Self::Anthropic
        } else if has("x-goog-api-key") || path.contains("/models/") || path.starts_with("/v1beta") {
            Self::Google
        } else {
            Self::OpenAi
        }
    }
}

/// The address of one service, and the client that reaches it.
#[derive(Clone)]
pub(super) struct Upstream {
    service: Service,
    /// Its path ends without a slash, and without the version where the paths have it.
    base: Url,
    http: reqwest::Client,
}

/// The addresses to which the wrapped program's requests go.
#[derive(Clone, Debug)]
pub struct Upstreams([Upstream; 3]);

/// An address that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{from} can't be used: {error}")]
pub struct UpstreamError {
    /// Where it was written.
    from: String,
    error: BuildError,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shown())
    }
}

impl Upstream {
    fn build(
        service: Service,
        from: &str,
        written: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, UpstreamError> {
        let failed = |error| UpstreamError { from: from.to_owned(), error };
        let http = passing_client(service.dialect(), written, env).map_err(failed)?;
        // It was read as an address a line above.
        let mut base = Url::parse(written.trim()).map_err(|error| failed(BuildError::Http(error.to_string())))?;
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        let path = match path.rsplit_once('/') {
            Some((before, last)) if service.version().is_some() && is_version(last) => before,
            _ => &path,
        };
        base.set_path(path);
        Ok(Self { service, base, http })
    }

    /// The URL for a path that the wrapped program called, with its query.
    pub(super) fn url(&self, path: &str, query: Option<&str>) -> Url {
        let mut url = self.base.clone();
        let base = self.base.path().trim_end_matches('/');
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let rest = &path.trim_start_matches('/')[first.len()..];
        let path = match self.service.version() {
            _ if path.trim_matches('/').is_empty() => "/".to_owned(),
            None if first == "v1" => rest.to_owned(),
            Some(version) if !is_version(first) => format!("/{version}/{}", path.trim_start_matches('/')),
            _ => path.to_owned(),
        };
        url.set_path(&format!("{base}{path}"));
        match (self.base.query(), query) {
            (Some(own), Some(query)) => url.set_query(Some(&format!("{own}&{query}"))),
            (None, query) => url.set_query(query),
            (Some(_), None) => {}
        }
        url
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Its address for messages, without user, password and query.
    pub(super) fn shown(&self) -> String {
        let mut url = self.base.clone();
        // Both fail only for an address without a host, which http always has.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.to_string()
    }
}

impl Upstreams {
    /// The addresses that an environment names, so that gateways chain; else the services' own. `env` looks up a variable,
    /// those of proxies too.
    ///
    /// # Errors
    /// When a variable has something else than an address.
    pub fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Result<Self, UpstreamError> {
        let build = |service: Service| {
            let named = service.variables().iter().find_map(|(name, end)| {
                let value = env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())?;
                Some((*name, format!("{}{end}", value.trim_end_matches('/'))))
            });
            let (from, url) = named.unwrap_or((service.provider(), service.default_url().to_owned()));
            Upstream::build(service, from, &url, env)
        };
        Ok(Self([build(Service::Anthropic)?, build(Service::OpenAi)?, build(Service::Google)?]))
    }

    /// With another address for a service.
    ///
    /// # Errors
    /// When it is none.
    pub fn with(
        mut self,
        service: Service,
        base_url: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, UpstreamError> {
        let built = Upstream::build(service, "the upstream", base_url, env)?;
        if let Some(place) = self.0.iter_mut().find(|upstream| upstream.service == service) {
            *place = built;
        }
        Ok(self)
    }

    /// A service's address for messages, without anything secret.
    #[must_use]
    pub fn shown(&self, service: Service) -> String {
        self.get(service).shown()
    }

    pub(super) fn get(&self, service: Service) -> &Upstream {
        let [anthropic, open_ai, google] = &self.0;
        match service {
            Service::Anthropic => anthropic,
            Service::OpenAi => open_ai,
            Service::Google => google,
        }
    }
}

/// True for `v1`, `v1beta`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams(vars: &[(&str, &str)]) -> Upstreams {
        let env = |name: &str| vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned());
        Upstreams::from_env(&env).unwrap()
    }

    #[test]
    fn paths_are_taken_with_and_without_a_version() {
        let own = upstreams(&[]);
        let url = |service, path: &str| own.get(service).url(path, None).to_string();
        for path in ["/v1/messages", "/messages"] {
            assert_eq!(url(Service::Anthropic, path), "https://api.anthropic.com/v1/messages");
        }
        assert_eq!(url(Service::Anthropic, "/"), "https://api.anthropic.com/");
        assert_eq!(url(Service::Anthropic, ""), "https://api.anthropic.com/");
        for path in ["/v1/responses", "/responses"] {
            assert_eq!(url(Service::OpenAi, path), "https://api.openai.com/v1/responses");
        }
        let google = "https://generativelanguage.googleapis.com";
        for (path, expected) in [
            ("/v1beta/models/g:generateContent", "/v1beta/models/g:generateContent"),
            ("/v1/models/g:generateContent", "/v1/models/g:generateContent"),
            ("/models/g:generateContent", "/v1beta/models/g:generateContent"),
        ] {
            assert_eq!(url(Service::Google, path), format!("{google}{expected}"));
        }
        assert_eq!(
            own.get(Service::Google).url("/v1beta/models", Some("key=k&alt=sse")).to_string(),
            format!("{google}/v1beta/models?key=k&alt=sse")
        );
    }

    #[test]
    fn gateways_chain() {
        let chained = upstreams(&[
            ("ANTHROPIC_BASE_URL", "http://127.0.0.1:1/other/"),
            ("OPENAI_HOST", "http://127.0.0.1:2"),
            ("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:3/v1beta"),
        ]);
        let url = |service, path: &str| chained.get(service).url(path, None).to_string();
        assert_eq!(url(Service::Anthropic, "/v1/messages"), "http://127.0.0.1:1/other/v1/messages");
        assert_eq!(url(Service::OpenAi, "/v1/responses"), "http://127.0.0.1:2/v1/responses");
        assert_eq!(url(Service::Google, "/v1beta/models/g:x"), "http://127.0.0.1:3/v1beta/models/g:x");
        let codex = upstreams(&[("OPENAI_BASE_URL", "https://chatgpt.com/backend-api/codex")]);
        let url = codex.get(Service::OpenAi).url("/v1/responses", None);
        assert_eq!(url.to_string(), "https://chatgpt.com/backend-api/codex/responses");
    }

    #[test]
    fn an_address_that_is_none_is_named_without_its_secrets() {
        let env = |name: &str| (name == "OPENAI_BASE_URL").then(|| "api.example.com/v1".to_owned());
        let error = Upstreams::from_env(&env).unwrap_err().to_string();
        assert!(error.starts_with("OPENAI_BASE_URL can't be used: ") && error.contains("https://"), "{error}");
        let shown = upstreams(&[("OPENAI_BASE_URL", "https://me:secret@example.com/v1?key=secret")]);
        assert!(!format!("{shown:?}").contains("secret"), "{shown:?}");
    }
}
