//! Errors in a body or in an event of a stream, in all the forms that servers have for them.

use serde_json::Value as Json;

use super::value::{items, text, word};
use crate::wire::{Fault, excerpt::excerpt};

/// The error that a JSON value is or holds. `named`: the event has the name of an error.
pub(super) fn fault(json: &Json, named: bool) -> Option<Fault> {
    let within = |name: &str| json.get(name).filter(|error| says_something(error));
    if let Some(error) = within("error") {
        return Some(read(error, json));
    }
    // MiniMax: a status beside the answer, 0 for none.
    if let Some(status) =
        within("base_resp").filter(|status| word(status, "status_code").is_some_and(|code| code != "0"))
    {
        return Some(read(status, status));
    }
    if json.get("choices").is_some_and(Json::is_array) {
        return None;
    }
    if let Some(error) = within("errors").and_then(|errors| items(Some(errors)).first()) {
        return Some(read(error, json));
    }
    if let Some(detail) = within("detail") {
        return Some(read(detail, json));
    }
    (named || is_error(json)).then(|| read(json, json))
}

/// The error of a choice.
pub(super) fn of_choice(choice: &Json) -> Option<Fault> {
    choice.get("error").filter(|error| says_something(error)).map(|error| read(error, choice))
}

fn says_something(error: &Json) -> bool {
    match error {
        Json::Null => false,
        Json::Bool(is_one) => *is_one,
        Json::String(text) => !text.is_empty(),
        Json::Number(code) => code.as_i64() != Some(0),
        Json::Object(fields) => fields.values().any(says_something),
        Json::Array(items) => items.iter().any(says_something),
    }
}

/// True for an object that is itself an error: by its type, or by a code beside its message.
fn is_error(json: &Json) -> bool {
    let erroneous = |name: &str| {
        let kind = text(json, name).unwrap_or_default().to_ascii_lowercase();
        ["error", "exception", "fault"].iter().any(|word| kind.contains(word))
    };
    let code = ["code", "status", "statusCode", "status_code"].iter().find_map(|name| word(json, name));
    let failed = code.is_some_and(|code| match code.parse::<i64>() {
        Ok(number) => !(0..400).contains(&number),
        Err(_) => !matches!(code.to_ascii_lowercase().as_str(), "ok" | "success" | "queued" | "pending" | "running"),
    });
    let has_message = ["message", "msg", "Message"].iter().any(|name| text(json, name).is_some());
    ["type", "object", "__type"].into_iter().any(erroneous) || (failed && has_message)
}

fn read(error: &Json, beside: &Json) -> Fault {
    let first = |of: &Json, names: &[&str]| names.iter().find_map(|name| word(of, name));
    let message = message(error).or_else(|| message(beside).filter(|_| !error.is_string()));
    // `{"error": "Bad Request", "message": "…"}`: the message says more.
    let (message, kind) = match (error.as_str(), message) {
        (Some(error), _) => match text(beside, "message") {
            Some(message) => (message.to_owned(), Some(error.to_owned())),
            None => (error.to_owned(), None),
        },
        (None, Some(message)) => (message, None),
        (None, None) => (excerpt(error.to_string().as_bytes()), None),
    };
    let kind = kind
        .or_else(|| first(error, &["type", "status", "code", "__type"]).filter(|kind| kind.parse::<i64>().is_err()))
        .or_else(|| first(beside, &["type", "code"]).filter(|kind| kind.parse::<i64>().is_err()))
        .unwrap_or_default();
    let codes = ["code", "status", "status_code", "statusCode", "error_code"];
    let status = [error, beside]
        .into_iter()
        .flat_map(|of| codes.iter().filter_map(|name| word(of, name)))
        .find_map(|code| code.parse::<u16>().ok().filter(|code| (100..600).contains(code)));
    Fault::Server { message, kind, status }
}

/// The message of an error, with what a server behind a router said.
fn message(error: &Json) -> Option<String> {
    let message = match error {
        Json::String(text) => text.clone(),
        Json::Array(errors) => errors.iter().filter_map(message_of_field).collect::<Vec<_>>().join("; "),
        _ => ["message", "msg", "Message", "detail", "error", "error_msg", "errorMessage", "status_msg", "reason"]
            .iter()
            .find_map(|name| text(error, name).or_else(|| text(error.get(name)?, "message")))?
            .to_owned(),
    };
    let raw = error.pointer("/metadata/raw").map(|raw| match raw {
        Json::String(raw) => excerpt(raw.as_bytes()),
        raw => excerpt(raw.to_string().as_bytes()),
    });
    match raw {
        Some(raw) if !raw.is_empty() && raw != "null" && !message.contains(&raw) => Some(format!("{message}: {raw}")),
        _ => Some(message).filter(|message| !message.is_empty()),
    }
}

/// One of the errors that `FastAPI` lists: the place and what is wrong there.
fn message_of_field(error: &Json) -> Option<String> {
    let message = error.as_str().or_else(|| text(error, "msg").or_else(|| text(error, "message")))?;
    let place: Vec<String> = items(error.get("loc"))
        .iter()
        .map(|step| step.as_str().map_or_else(|| step.to_string(), ToOwned::to_owned))
        .collect();
    Some(if place.is_empty() { message.to_owned() } else { format!("{}: {message}", place.join(".")) })
}
