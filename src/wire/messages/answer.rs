//! An answer that was not streamed, read.

use serde_json::Value as Json;

use super::block::read_content;
use super::fault::{read_fault, read_words};
use super::fields::{given, kind, text};
use super::stop::{explanation_of, stop_of};
use super::usage::read_usage;
use crate::wire::excerpt::excerpt;
use crate::wire::{Answer, Fault};

/// Reads a message, or the body of an error.
pub(in crate::wire) fn read_answer(body: &Json) -> Answer {
    let fault = read_fault("", body).or_else(|| (!is_message(body)).then(|| no_message(body)));
    Answer {
        id: text(body, "id").map(str::to_owned),
        model: text(body, "model").map(str::to_owned),
        parts: read_content(body.get("content")),
        stop: stop_of(body),
        stop_message: explanation_of(body),
        usage: read_usage(given(body, "usage")),
        whole: fault.is_none(),
        fault,
        source: Some(body.clone()),
    }
}

/// True when a body has something of an answer.
fn is_message(body: &Json) -> bool {
    kind(body) == "message" || given(body, "content").is_some() || given(body, "stop_reason").is_some()
}

fn no_message(body: &Json) -> Fault {
    read_words(body).unwrap_or_else(|| Fault::NotAnAnswer(excerpt(body.to_string().as_bytes())))
}
