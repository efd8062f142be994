//! Proxies from the environment. They are never used for this machine.

use std::net::IpAddr;

use reqwest::{Proxy, Url};

use super::address::Address;

/// A proxy that calls go through.
#[derive(Clone)]
pub(super) struct Chosen {
    /// The variable that names it.
    variable: &'static str,
    url: Url,
}

/// A variable that names no proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the environment variable {variable} is not a proxy's address ({why}); write one such as \
     http://proxy.example.com:3128, unset it, or add the server to NO_PROXY"
)]
pub struct BadProxy {
    variable: &'static str,
    why: String,
}

/// Finds the proxy for an address; `env` looks a variable up.
pub(super) fn choose(address: &Address, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Chosen>, BadProxy> {
    if address.is_loopback() {
        return Ok(None);
    }
    let filled = |name: &str| env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    // Servers that run programs for requests (CGI) put a request's own header `Proxy` into HTTP_PROXY.
    let from_request = filled("REQUEST_METHOD").is_some();
    let url = address.url();
    let variables: &[&'static str] = match url.scheme() {
        "https" => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        _ if from_request => &["http_proxy", "all_proxy", "ALL_PROXY"],
        _ => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let found = variables.iter().find_map(|variable| Some((*variable, filled(variable)?)));
    let Some((variable, written)) = found else { return Ok(None) };
    let without = filled("no_proxy").or_else(|| filled("NO_PROXY")).unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    if is_excepted(url.host_str().unwrap_or_default(), port, &without) {
        return Ok(None);
    }
    let bad = |why: &str| BadProxy { variable, why: why.to_owned() };
    let written = if written.contains("://") { written } else { format!("http://{written}") };
    let url = Url::parse(&written).map_err(|error| bad(&error.to_string()))?;
    match url.scheme() {
        "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h" => {}
        _ => return Err(bad("it begins with neither http:// nor https:// nor socks5://")),
    }
    match url.host_str() {
        Some(host) if !host.is_empty() => Ok(Some(Chosen { variable, url })),
        _ => Err(bad("it names no host")),
    }
}

impl Chosen {
    /// The proxy as the HTTP library takes it.
    pub(super) fn build(&self) -> reqwest::Result<Proxy> {
        Proxy::all(self.url.clone())
    }

    /// True when the way to the proxy itself is encrypted.
    pub(super) fn uses_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Names the proxy without user and password, and its variable.
    pub(super) fn describe(&self) -> String {
        let (scheme, host) = (self.url.scheme(), self.url.host_str().unwrap_or_default());
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("the proxy {scheme}://{host}{port} ({})", self.variable)
    }

    /// Advice for a call that did not get through it.
    pub(super) fn hint(&self) -> String {
        format!("correct {}, unset it, or add the server to NO_PROXY", self.variable)
    }

    /// A text without the proxy's password.
    pub(super) fn redact(&self, text: &str) -> String {
        match self.url.password() {
            Some(password) if !password.is_empty() => text.replace(password, "***"),
            _ => text.to_owned(),
        }
    }
}

/// True when a list of exceptions (`NO_PROXY`) has a host: by name with all names below it, by address, by network
/// (`10.0.0.0/8`), or by `*` for all; with a port for that port only.
fn is_excepted(host: &str, port: u16, exceptions: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let ip: Option<IpAddr> = host.parse().ok();
    exceptions.split([',', ' ']).map(str::trim).filter(|exception| !exception.is_empty()).any(|exception| {
        let exception = exception.to_ascii_lowercase();
        if exception == "*" {
            return true;
        }
        if let Some(ip) = ip {
            let bare = exception.trim_start_matches('[').trim_end_matches(']');
            if bare.parse() == Ok(ip) || bare.split_once('/').is_some_and(|network| is_in(ip, network)) {
                return true;
            }
        }
        let (name, own_port) = match exception.rsplit_once(':') {
            Some((name, digits)) if !name.contains(':') || name.ends_with(']') => match digits.parse::<u16>() {
                Ok(own_port) => (name.to_owned(), Some(own_port)),
                Err(_) => (exception.clone(), None),
            },
            _ => (exception.clone(), None),
        };
        let name = name.trim_start_matches("*.").trim_matches(['[', ']', '.']);
        let below = || ip.is_none() && host.strip_suffix(name).is_some_and(|before| before.ends_with('.'));
        !name.is_empty() && own_port.is_none_or(|own_port| own_port == port) && (host == name || below())
    })
}

/// True when an address is in a network, given as its address and the length of its prefix.
fn is_in(ip: IpAddr, (network, prefix): (&str, &str)) -> bool {
    let (Ok(network), Ok(prefix)) = (network.parse::<IpAddr>(), prefix.parse::<u32>()) else { return false };
    let (a, b, bits) = match (ip, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    prefix <= bits && (prefix == 0 || (a ^ b) >> (bits - prefix) == 0)
}
