//! Errors of a `base_url`, and the address as they show it.

use super::loopback::is_loopback;

/// A `base_url` that is no address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing is in it.
    #[error("base_url is empty; write the server's address, such as {0}, or remove base_url")]
    Empty(&'static str),
    /// It does not begin with `http://` or `https://`.
    #[error("base_url {shown:?} doesn't begin with http:// or https://; write {instead}")]
    Scheme {
        /// The address as it was written.
        shown: String,
        /// The address to write.
        instead: String,
    },
    /// It can't be read.
    #[error("base_url {shown:?} is not an address ({why}); write one such as {example}")]
    Unreadable {
        /// The address as it was written.
        shown: String,
        /// The reason.
        why: String,
        /// A good one.
        example: &'static str,
    },
    /// Its query has the API key.
    #[error(
        "base_url has the API key in its query (key=…); remove it there, and put the key into the provider's environment \
         variable"
    )]
    HoldsKey,
}

/// An address without `http://` or `https://`.
pub(super) fn missing_scheme(written: &str) -> AddressError {
    let shown = without_user(written);
    let bare = shown.split_once("://").map_or(shown.as_str(), |(_, rest)| rest).trim_start_matches('/');
    let local = is_loopback(&format!("http://{bare}")) || bare.starts_with("0.0.0.0");
    let scheme = if local { "http" } else { "https" };
    let instead = format!("{scheme}://{bare}");
    AddressError::Scheme { shown, instead }
}

/// An address without user, password and query.
pub(super) fn without_user(written: &str) -> String {
    let (scheme, rest) = written.split_once("://").map_or(("", written), |(scheme, rest)| (scheme, rest));
    let (place, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let path = path.split('?').next().unwrap_or_default();
    let has_no_port =
        place.rsplit_once(':').is_some_and(|(_, port)| port.contains(|digit: char| !digit.is_ascii_digit()));
    let (place, path) = match path.rsplit_once('@') {
        // A password with a slash in it.
        Some((_, place)) if has_no_port => (place, ""),
        _ => (place, path),
    };
    if scheme.is_empty() { format!("{place}{path}") } else { format!("{scheme}://{place}{path}") }
}
