//! The head of an answer that is kept before its body.

use reqwest::Response;
use reqwest::header::HeaderName;

/// Headers that are kept besides those that begin with one of [`BEGINNINGS`]. None carries a key or a cookie.
const KEPT: [&str; 14] = [
    "cf-ray",
    "content-type",
    "date",
    "openai-model",
    "openai-processing-ms",
    "openai-version",
    "request-id",
    "retry-after",
    "retry-after-ms",
    "server",
    "server-timing",
    "x-amzn-requestid",
    "x-ms-region",
    "x-request-id",
];
/// Beginnings of the names of further headers that are kept.
const BEGINNINGS: [&str; 3] = ["x-ratelimit-", "ratelimit", "anthropic-ratelimit-"];

/// The head as text: the status line, the headers that are kept, and an empty line.
pub(super) fn head(response: &Response) -> Vec<u8> {
    let mut head = format!("{:?} {}\n", response.version(), response.status()).into_bytes();
    for (name, value) in response.headers().iter().filter(|(name, _)| is_kept(name)) {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.push(b'\n');
    }
    head.push(b'\n');
    head
}

fn is_kept(name: &HeaderName) -> bool {
    KEPT.contains(&name.as_str()) || BEGINNINGS.iter().any(|begins| name.as_str().starts_with(begins))
}
