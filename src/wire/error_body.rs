//! Errors that a server reports in a body, in every shape that they come in.

use serde_json::Value as Json;

use super::answer::Fault;
use super::fields::field;

/// The error that a body or an event reports as `error`; an empty one is none.
pub(super) fn read_error(json: &Json) -> Option<Fault> {
    let error = field(json, "error").or_else(|| field(json, "errors")?.get(0))?;
    match error {
        Json::Bool(false) => None,
        Json::String(text) if text.is_empty() => None,
        error => Some(fault(error, json)),
    }
}

/// The error that a whole body is, where it has no field `error`.
pub(super) fn read_bare(json: &Json) -> Option<Fault> {
    ["message", "detail"].into_iter().any(|name| field(json, name).is_some()).then(|| fault(json, json))
}

fn fault(error: &Json, body: &Json) -> Fault {
    // Gateways wrap one error in another.
    let error = field(error, "error").filter(|inner| inner.is_object()).unwrap_or(error);
    let word = |name: &str| field(error, name).and_then(Json::as_str).filter(|word| !word.is_empty());
    let kind = word("status").or_else(|| word("type")).or_else(|| word("code")).unwrap_or_default();
    let status = ["code", "status", "status_code"].into_iter().find_map(|name| {
        let number = |json| field(json, name).and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
        number(error).or_else(|| number(body)).and_then(|code| u16::try_from(code).ok())
    });
    Fault::Server { message: message(error, kind), kind: kind.to_owned(), status }
}

fn message(error: &Json, kind: &str) -> String {
    let told = ["message", "detail", "msg"].into_iter().find_map(|name| field(error, name)).unwrap_or(error);
    match told {
        Json::String(text) if !text.trim().is_empty() => text.trim().to_owned(),
        _ if !kind.is_empty() && std::ptr::eq(told, error) => kind.to_owned(),
        Json::String(_) => kind.to_owned(),
        other => other.to_string(),
    }
}
