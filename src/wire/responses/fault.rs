//! Errors as servers report them, in bodies and events of every shape.

use serde_json::Value as Json;

use super::item::{name_of, text};
use crate::wire::Fault;
use crate::wire::excerpt::excerpt;

/// The error that a body or an event reports; `None` when it reports none.
pub(super) fn read(body: &Json) -> Option<Fault> {
    match body.get("error") {
        Some(Json::String(message)) if !message.is_empty() => {
            let longer = ["message", "error_description", "detail"].map(|name| text(body, name));
            let message = longer.into_iter().find(|text| !text.is_empty()).unwrap_or(message);
            Some(server(message.to_owned(), kind(body), status(body)))
        }
        Some(error @ Json::Object(fields)) if !fields.is_empty() => {
            Some(server(message(error), kind(error), status(error).or_else(|| status(body))))
        }
        _ if is_error(body) => Some(server(message(body), kind(body), status(body))),
        _ => None,
    }
}

/// The error of an event that is one by its name.
pub(super) fn read_event(event: &Json) -> Fault {
    read(event).unwrap_or_else(|| server(message(event), kind(event), status(event)))
}

/// The error of a response that failed.
pub(super) fn read_failed(response: &Json) -> Fault {
    read(response)
        .unwrap_or_else(|| server("the response failed; the server gives no reason".into(), String::new(), None))
}

/// True for a body that says by its type, or by holding nothing else, that it is an error.
fn is_error(body: &Json) -> bool {
    let has = |name: &str| body.get(name).is_some_and(|value| !value.is_null());
    text(body, "object") == "error"
        || text(body, "type") == "error"
        || (!has("type") && !has("output") && ["message", "detail", "errors", "msg"].into_iter().any(has))
}

fn server(message: String, kind: String, status: Option<u16>) -> Fault {
    Fault::Server { message, kind, status }
}

/// The server's words: a message, a list of messages, else all that it sent.
fn message(error: &Json) -> String {
    for name in ["message", "detail", "msg", "error", "errors", "reason", "title"] {
        let words = words(error.get(name).unwrap_or(&Json::Null), 3);
        if !words.is_empty() {
            return words;
        }
    }
    let code = kind(error);
    if code.is_empty() { excerpt(error.to_string().as_bytes()) } else { code }
}

fn words(json: &Json, depth: u8) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Array(list) if depth > 0 => {
            let all: Vec<String> =
                list.iter().map(|one| words(one, depth - 1)).filter(|text| !text.is_empty()).collect();
            all.join("; ")
        }
        Json::Object(fields) if depth > 0 => {
            let found = ["message", "msg", "detail"].into_iter().filter_map(|name| fields.get(name));
            found.map(|one| words(one, depth - 1)).find(|text| !text.is_empty()).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// The server's word for the kind: its code, which is more precise than its type.
fn kind(error: &Json) -> String {
    let words = ["code", "type", "status"].map(|name| text(error, name));
    words
        .into_iter()
        .find(|word| !word.is_empty() && *word != "error" && word.parse::<u64>().is_err())
        .unwrap_or_default()
        .to_owned()
}

fn status(error: &Json) -> Option<u16> {
    let named = ["status", "status_code", "statusCode", "code"].map(|name| name_of(error, name).parse::<u16>().ok());
    named.into_iter().flatten().find(|status| (100..600).contains(status))
}
