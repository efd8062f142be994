//! The error of an exchange.

use std::error::Error;
use std::fmt::Write as _;

use crate::wire::Answer;

/// The reason why an exchange failed: one paragraph in the server's own words that ends with what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ExchangeError {
    /// The paragraph; it follows "failed to get an answer from …: ".
    pub message: String,
    /// The answer as far as it came; `None` when nothing of it did.
    pub so_far: Option<Answer>,
    /// Its head and body as far as they came.
    pub raw: Vec<u8>,
}

/// The words of an error's first cause.
pub(super) fn innermost(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// An error with its sources, each said once.
pub(super) fn report(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let words = source.to_string();
        if !text.contains(&words) {
            // Writing to a string does not fail.
            let _ = write!(text, ": {words}");
        }
        next = source.source();
    }
    text
}
