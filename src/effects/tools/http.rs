//! HTTP tools: requests whose answers are bounded in size and time. `${VAR}` in the address and in the values of headers
//! is filled in when the request is sent, and stored nowhere.

use serde_json::Value as Json;

use super::args::{Args, Param, ParamType};
use super::builtin::Builtin;
use super::tool::{Prepared, ToolError};
use crate::effects::remote::{
    HttpCall, HttpMethod, RemoteCall, RemoteTarget, has_variable, is_taken, is_valid_name, normal_url,
};
use crate::model::EffectClass;

/// Seconds a request may take.
const TIMEOUT: u64 = 60;
const URL: Param<'static> = Param::required(
    "url",
    ParamType::Text,
    "the address, http:// or https://; ${VAR} is a variable of the environment",
);
const BODY: Param<'static> = Param::required("body", ParamType::Text, "the body, as text");
const HEADERS: Param<'static> = Param::optional(
    "headers",
    ParamType::Headers,
    "headers, each an object of name and value; write secrets as ${VAR}, never themselves",
);

/// The HTTP tools.
pub(super) static TOOLS: [Builtin; 2] = [
    Builtin {
        name: "tama_http_get",
        about: "Sends an HTTP GET request; answers with the body.",
        effect: EffectClass::Read,
        params: &[URL, HEADERS],
        prepare: get,
    },
    Builtin {
        name: "tama_http_post",
        about: "Sends an HTTP POST request with a body; answers with the body of the answer.",
        effect: EffectClass::Irreversible,
        params: &[URL, BODY, HEADERS],
        prepare: post,
    },
];

/// The effect of a request with these arguments. One that gives away a variable of the environment has no undo.
pub(super) fn effect_of(tool: &Builtin, args: &Json) -> EffectClass {
    let gives_away = |value: &Json| texts(value).into_iter().any(has_variable);
    let named = ["url", "headers"].iter().filter_map(|name| args.get(*name));
    if TOOLS.iter().any(|http| http.name == tool.name) && named.into_iter().any(gives_away) {
        return EffectClass::Irreversible;
    }
    tool.effect
}

fn texts(value: &Json) -> Vec<&str> {
    match value {
        Json::String(text) => vec![text],
        Json::Array(items) => items.iter().flat_map(texts).collect(),
        Json::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn get(args: &Args<'_>) -> Result<Prepared, ToolError> {
    request(HttpMethod::Get, args, None)
}

fn post(args: &Args<'_>) -> Result<Prepared, ToolError> {
    request(HttpMethod::Post, args, Some(args.text("body")))
}

fn request(method: HttpMethod, args: &Args<'_>, body: Option<String>) -> Result<Prepared, ToolError> {
    let url = args.text("url").trim().to_owned();
    check_url(&url)?;
    let mut headers = headers(args.given("headers").unwrap_or(&Json::Null))?;
    if let Some(body) = &body
        && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
        let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
        headers.push(("content-type".into(), kind.into()));
    }
    let target = RemoteTarget::Http(HttpCall { method, url, headers, body });
    Ok(Prepared::Remote(RemoteCall { target, timeout_seconds: TIMEOUT, compensation: None }))
}

/// Faults an address that can't be one, whatever its variables hold.
fn check_url(url: &str) -> Result<(), ToolError> {
    let wrong = |why: &str| Err(ToolError(format!("\"url\" {why}: {url:?}")));
    if url.is_empty() {
        return Err(ToolError("\"url\" must not be empty".into()));
    }
    if url.chars().any(char::is_control) {
        return wrong("has a control character in it");
    }
    if url.starts_with("${") {
        return Ok(());
    }
    let lower = url.to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return wrong("must begin with http:// or https://");
    }
    if normal_url(url).is_none() && !has_variable(url) { wrong("is no address") } else { Ok(()) }
}

/// The headers in their order: a list of objects as tama has it, or one object.
fn headers(given: &Json) -> Result<Vec<(String, String)>, ToolError> {
    let objects: Vec<&serde_json::Map<String, Json>> = match given {
        Json::Array(items) => items.iter().filter_map(Json::as_object).collect(),
        Json::Object(fields) => vec![fields],
        _ => Vec::new(),
    };
    let mut headers = Vec::new();
    for (name, value) in objects.into_iter().flatten() {
        if !is_valid_name(name) {
            return Err(ToolError(format!("{name:?} is no name of a header")));
        }
        if is_taken(name) {
            return Err(ToolError(format!("the header {name:?} is set by the program; send the request without it")));
        }
        let value = value.as_str().unwrap_or_default();
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(ToolError(format!("the header {name:?} has a control character in its value")));
        }
        headers.push((name.clone(), value.to_owned()));
    }
    Ok(headers)
}
