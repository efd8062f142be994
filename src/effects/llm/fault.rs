//! What went wrong on the way to a model, in words that help.

use std::error::Error;
use std::io;

use genai::webc;

/// Characters of a server's answer that go into an error.
const SHOWN: usize = 600;

/// What a provider's error means; `text` is what had arrived before it.
pub(super) fn told(error: &genai::Error, text: &str) -> String {
    match error {
        genai::Error::HttpError { status, body, .. } => http(status.as_u16(), body),
        genai::Error::WebModelCall { webc_error, .. } | genai::Error::WebAdapterCall { webc_error, .. } => {
            match webc_error {
                webc::Error::ResponseFailedStatus { status, body, .. } => http(status.as_u16(), body),
                webc::Error::Reqwest(error) => transport(error, text),
                other => other.to_string(),
            }
        }
        genai::Error::ChatResponse { body, .. } => {
            format!("the server reported an error: {}", message(&body.to_string()))
        }
        genai::Error::WebStream { error, .. } => match error.downcast_ref::<genai::Error>() {
            Some(inner) => told(inner, text),
            None => transport(error.as_ref(), text),
        },
        genai::Error::StreamParse { serde_error, .. } => {
            format!("the server's answer is not valid JSON: {serde_error}")
        }
        other => other.to_string(),
    }
}

/// An answer that stopped in the middle.
pub(super) fn cut(text: &str, why: &str) -> String {
    match text.chars().count() {
        0 => format!("the answer broke off before any text: {why}"),
        count => format!("the answer broke off after {count} characters: {why}"),
    }
}

fn http(status: u16, body: &str) -> String {
    let hint = match status {
        401 | 403 => "; check the provider's key",
        404 => "; check the model's name and base_url",
        429 => "; too many requests, or no credit left",
        _ => "",
    };
    match message(body) {
        message if message.is_empty() => format!("HTTP {status}{hint}"),
        message => format!("HTTP {status}: {message}{hint}"),
    }
}

/// The server's own words in an error body, whatever the JSON around them.
fn message(body: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let places = ["/error/message", "/message", "/error", "/detail"];
    let found = places.iter().find_map(|place| json.pointer(place)?.as_str());
    found.unwrap_or(body).trim().chars().take(SHOWN).collect()
}

fn transport(error: &(dyn Error + 'static), text: &str) -> String {
    let mut last = error;
    let mut refused = false;
    loop {
        if let Some(io) = last.downcast_ref::<io::Error>() {
            refused |= io.kind() == io::ErrorKind::ConnectionRefused;
        }
        match last.source() {
            Some(source) => last = source,
            None => break,
        }
    }
    if refused {
        return "connection refused; start the server, or correct base_url".into();
    }
    if error.to_string().contains("error sending request") {
        return format!("the server can't be reached: {last}");
    }
    cut(text, &last.to_string())
}
