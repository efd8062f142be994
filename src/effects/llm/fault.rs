//! Describes errors of providers, with what helps.

use std::error::Error;
use std::io;

use genai::webc;

/// Characters of a server's answer that go into an error.
const SHOWN: usize = 600;

/// Describes a provider's error; `text` had arrived before it.
pub(super) fn describe(error: &genai::Error, text: &str) -> String {
    match error {
        genai::Error::HttpError { status, body, .. } => describe_status(status.as_u16(), body),
        genai::Error::WebModelCall { webc_error, .. } | genai::Error::WebAdapterCall { webc_error, .. } => {
            match webc_error {
                webc::Error::ResponseFailedStatus { status, body, .. } => describe_status(status.as_u16(), body),
                webc::Error::Reqwest(error) => describe_transport(error, text),
                other => other.to_string(),
            }
        }
        genai::Error::ChatResponse { body, .. } => {
            format!("the server reported an error: {}", server_message(&body.to_string()))
        }
        genai::Error::WebStream { error, .. } => match error.downcast_ref::<genai::Error>() {
            Some(inner) => describe(inner, text),
            None => describe_transport(error.as_ref(), text),
        },
        genai::Error::StreamParse { serde_error, .. } => {
            format!("the server's answer is not valid JSON: {serde_error}")
        }
        other => other.to_string(),
    }
}

/// Describes an answer that stopped in the middle.
pub(super) fn describe_cut(text: &str, why: &str) -> String {
    match text.chars().count() {
        0 => format!("the answer broke off before any text: {why}"),
        count => format!("the answer broke off after {count} characters: {why}"),
    }
}

fn describe_status(status: u16, body: &str) -> String {
    let hint = match status {
        401 | 403 => "; check the provider's key",
        404 => "; check the model's name and base_url",
        429 => "; too many requests, or no credit left",
        _ => "",
    };
    match server_message(body) {
        message if message.is_empty() => format!("HTTP {status}{hint}"),
        message => format!("HTTP {status}: {message}{hint}"),
    }
}

/// Extracts the server's message from an error body, whatever JSON surrounds it.
fn server_message(body: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let places = ["/error/message", "/message", "/error", "/detail"];
    let found = places.iter().find_map(|place| json.pointer(place)?.as_str());
    found.unwrap_or(body).trim().chars().take(SHOWN).collect()
}

fn describe_transport(error: &(dyn Error + 'static), text: &str) -> String {
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
    describe_cut(text, &last.to_string())
}
