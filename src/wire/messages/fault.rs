//! Errors, in the server's own words.

use serde_json::Value as Json;

use super::fields::{given, is_nothing, kind, text};
use crate::wire::Fault;

/// Fields in which servers put their words.
const WORDS: [&str; 7] = ["message", "Message", "detail", "msg", "error_message", "error_description", "error"];
/// How many errors may be packed into one another.
const DEPTH: u8 = 8;

/// Reads the error that an event or body reports as one.
pub(super) fn read_fault(name: &str, json: &Json) -> Option<Fault> {
    let reported = given(json, "error").is_some_and(|error| !is_nothing(error));
    let named = name == "error" || kind(json) == "error" || text(json, "object") == Some("error");
    (reported || named).then(|| describe(json))
}

/// Reads the words of a body that is no answer.
pub(super) fn read_words(json: &Json) -> Option<Fault> {
    words(json, DEPTH).map(|_| describe(json))
}

fn describe(json: &Json) -> Fault {
    let message = words(json, DEPTH).unwrap_or_else(|| json.to_string());
    let inner = innermost(json);
    let kind = ["type", "__type", "code", "status"].iter().find_map(|name| text(inner, name));
    let kind = kind.filter(|kind| *kind != "error").unwrap_or_default().to_owned();
    Fault::Server { message, kind, status: status(inner).or_else(|| status(json)) }
}

/// The object that is the error itself.
fn innermost(json: &Json) -> &Json {
    let mut inner = json;
    for _ in 0..DEPTH {
        match inner.get("error") {
            Some(error @ Json::Object(_)) => inner = error,
            _ => break,
        }
    }
    inner
}

fn words(json: &Json, depth: u8) -> Option<String> {
    if depth == 0 {
        return None;
    }
    match json {
        Json::String(text) if text.trim().is_empty() => None,
        // Proxies put the body of the server behind them into a text.
        Json::String(text) => match crate::wire::parse(text.trim().as_bytes()) {
            Ok(packed @ Json::Object(_)) => words(&packed, depth - 1).or_else(|| Some(text.clone())),
            _ => Some(text.clone()),
        },
        Json::Array(list) => list.iter().find_map(|one| words(one, depth - 1)),
        Json::Object(_) => {
            let error = json.get("error").filter(|error| error.is_object());
            let list = json.get("errors").filter(|errors| errors.is_array());
            error
                .and_then(|error| words(error, depth - 1))
                .or_else(|| WORDS.iter().find_map(|name| words(given(json, name)?, depth - 1)))
                .or_else(|| words(list?, depth - 1))
        }
        _ => None,
    }
}

fn status(json: &Json) -> Option<u16> {
    let code = |name: &str| {
        let value = json.get(name)?;
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
        u16::try_from(number).ok().filter(|code| (100..600).contains(code))
    };
    ["status", "status_code", "http_code", "code"].iter().find_map(|name| code(name))
}
