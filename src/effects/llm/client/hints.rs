//! Advice for refused calls.

use super::refusal::Refusal;
use super::retry::status_of;
use super::setup::Client;
use crate::wire::Dialect;

/// Advice for a refused call, if there is any.
pub(super) fn hint(client: &Client, model: &str, refusal: &Refusal) -> Option<String> {
    let provider = client.provider();
    let advice = match status_of(refusal) {
        _ if refusal.is_too_long() => too_long(),
        Some(401 | 403) if !client.has_key() => format!("the call had no key: set the API key of {provider}"),
        Some(401) => format!("check the API key of {provider}"),
        Some(403) => format!("check the API key of {provider} and its permissions"),
        Some(402) => no_credit(provider),
        Some(404) if refusal.says(&["model", "deployment"]) => {
            format!("check the model's name ({model}), and base_url ({})", client.shown_address())
        }
        Some(404 | 405) => wrong_address(client),
        Some(407) => "check user and password in the proxy's address".to_owned(),
        Some(413) => too_long(),
        Some(429) if refusal.is_used_up() => no_credit(provider),
        Some(429) => "too many requests: retry later, or lower limits.max_parallel".to_owned(),
        Some(500..) if !refusal.is_foreign || refusal.words.is_empty() => {
            "the server has trouble: retry later".to_owned()
        }
        Some(500..) => format!("the server has trouble: retry later, or check base_url ({})", client.shown_address()),
        _ if refusal.is_foreign => wrong_address(client),
        _ => return None,
    };
    Some(advice)
}

fn wrong_address(client: &Client) -> String {
    let shown = client.shown_address();
    let is_openai_like = matches!(client.dialect(), Dialect::Chat | Dialect::Responses);
    if is_openai_like && !client.address().names_a_version() {
        format!("check base_url ({shown}): many servers want /v1 at the end")
    } else {
        format!("check base_url ({shown})")
    }
}

fn too_long() -> String {
    "the conversation is too long for the model: shorten it, or use a model with a larger context".to_owned()
}

fn no_credit(provider: &str) -> String {
    format!("no quota or credit is left: check the account at {provider}")
}
