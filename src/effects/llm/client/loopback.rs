//! Addresses of this machine.

use std::net::IpAddr;

use reqwest::Url;

/// True when an address is this machine, as far as it can be read.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    Url::parse(url.trim()).ok().and_then(|url| url.host_str().map(is_loopback_host)).unwrap_or_default()
}

/// True when a host, as an address has it, is this machine.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
