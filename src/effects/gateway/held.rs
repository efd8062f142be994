//! An answer that is held.

use hyper::http::{HeaderMap, StatusCode};
use serde_json::Value as Json;

use super::headers::text;
use crate::model::LlmResponse;
use crate::wire::{Answer, Dialect};

/// An answer that the client has not got.
pub(super) struct Held {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The body as it came.
    pub(super) bytes: Vec<u8>,
    /// Why it ended early.
    pub(super) cut: Option<String>,
    pub(super) answer: Answer,
    /// The answer as it is shown.
    pub(super) shown: LlmResponse,
    /// The request with the whole conversation, where a later one may refer to it.
    pub(super) whole: Option<Json>,
}

/// The items of a response, as a later request refers to them.
pub(super) fn output(dialect: Dialect, answer: &Answer) -> Vec<Json> {
    match dialect.echo(answer) {
        Json::Array(items) => items,
        item => vec![item],
    }
}

/// True if a body is a stream of events.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    text(headers, "content-type").is_some_and(|kind| kind.starts_with("text/event-stream"))
}
