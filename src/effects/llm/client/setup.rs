//! The client of one provider, made ready for calls.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode, Url, redirect, retry};

use super::address::Address;
use super::address_error::AddressError;
use super::error::innermost;
use super::headers::headers;
use super::key::{BadKey, Key};
use super::proxy::{self, BadProxy, Chosen};
use super::settings::{Settings, TimeOuts};
use super::wait::Waits;
use crate::wire::Dialect;

const USER_AGENT: &str = concat!("tama-tui/", env!("CARGO_PKG_VERSION"));
/// How often a call is passed on within one server.
const REDIRECTS: usize = 3;

/// The client of one provider.
pub struct Client {
    http: reqwest::Client,
    provider: String,
    address: Address,
    key: Option<Key>,
    proxy: Option<Chosen>,
    time_outs: TimeOuts,
    waits: Waits,
}

/// The reason why a provider has no client.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Its `base_url` is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Its key can't be sent.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// The environment names a proxy that is none.
    #[error(transparent)]
    Proxy(#[from] BadProxy),
    /// The HTTP library could not be set up; without root certificates, for example.
    #[error("the HTTP client can't be set up: {0}; check the system's root certificates (package ca-certificates)")]
    Http(String),
}

impl Client {
    /// Prepares a provider's client; sends nothing. `env` looks up the variables of proxies.
    ///
    /// # Errors
    /// When the address, the key or a proxy's address can't be used.
    pub fn build(settings: &Settings, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, BuildError> {
        let address = Address::parse(settings.dialect(), settings.written_url())?;
        let key = Key::parse(settings.written_key())?;
        let proxy = proxy::choose(&address, env)?;
        let (time_outs, waits) = settings.limits();
        let http = http_client(&address, proxy.as_ref(), time_outs.connect.min(time_outs.first_byte));
        let http = http.map_err(|error| BuildError::Http(innermost(&error)))?;
        Ok(Self { http, provider: settings.provider().to_owned(), address, key, proxy, time_outs, waits })
    }

    /// The dialect in which it speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.address.dialect()
    }

    /// The server's address for messages, without anything secret.
    #[must_use]
    pub fn shown_address(&self) -> String {
        self.address.shown()
    }

    /// True when it has a key to send.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn provider(&self) -> &str {
        &self.provider
    }

    pub(super) fn proxy(&self) -> Option<&Chosen> {
        self.proxy.as_ref()
    }

    pub(super) fn limits(&self) -> (TimeOuts, Waits) {
        (self.time_outs, self.waits)
    }

    /// A call, ready to be sent.
    pub(super) fn post(&self, url: Url, body: Vec<u8>, stream: bool) -> RequestBuilder {
        self.http.post(url).headers(headers(&self.address, self.key.as_ref(), stream)).body(body)
    }

    /// A text without the key and the proxy's password.
    pub(super) fn redact(&self, text: &str) -> String {
        let text = self.key.as_ref().map_or_else(|| text.to_owned(), |key| key.redact(text));
        self.proxy.as_ref().map_or_else(|| text.clone(), |proxy| proxy.redact(&text))
    }
}

fn http_client(address: &Address, proxy: Option<&Chosen>, connect: Duration) -> reqwest::Result<reqwest::Client> {
    builder(address, proxy, connect)?.user_agent(USER_AGENT).redirect(redirect::Policy::custom(follow)).build()
}

/// The HTTP client for requests of another program, which are passed on as they are: with the proxies and certificates
/// of our own calls, but with no header, redirect or retry of its own. `env` looks up the variables of proxies.
///
/// # Errors
/// When the address, or that of a proxy, can't be used.
pub fn passing_client(
    dialect: Dialect,
    base_url: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<reqwest::Client, BuildError> {
    let address = Address::parse(dialect, Some(base_url))?;
    let proxy = proxy::choose(&address, env)?;
    let connect = TimeOuts::default().connect;
    let client = builder(&address, proxy.as_ref(), connect)
        .and_then(|builder| builder.redirect(redirect::Policy::none()).build());
    client.map_err(|error| BuildError::Http(innermost(&error)))
}

fn builder(address: &Address, proxy: Option<&Chosen>, connect: Duration) -> reqwest::Result<reqwest::ClientBuilder> {
    // An error only says that there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(connect)
        // Each call has its own connection; see the module.
        .pool_max_idle_per_host(0)
        .http1_only()
        .retry(retry::never())
        .no_proxy();
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy.build()?);
    }
    if address.url().scheme() == "http" && !proxy.is_some_and(Chosen::uses_tls) {
        // Nothing is encrypted: machines without root certificates can call their own servers.
        builder = builder.tls_certs_only([]);
    }
    Ok(builder)
}

/// Follows a redirect that keeps the body, within one server; any other is an error of the call.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let keeps_body = matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let first = attempt.previous().first();
    let is_same = first.is_some_and(|first| first.origin() == attempt.url().origin());
    if keeps_body && is_same && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
}
