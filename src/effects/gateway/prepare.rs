//! The request as it goes to the provider: the bytes that came, or an edited body.

use hyper::Method;
use hyper::body::Bytes;
use hyper::http::HeaderMap;
use reqwest::Url;
use serde_json::Value as Json;

use super::exchange::Asked;
use super::exchange_error::ExchangeError;
use super::headers::{to_upstream, without_body};
use super::history::Joined;
use super::route::with_model;
use super::service::Service;
use super::shared::Shared;
use crate::model::LlmRequest;
use crate::wire::Dialect;

/// A request, ready to be sent.
pub(super) struct Prepared {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The body with the whole conversation, where a later request may refer to it.
    pub(super) whole: Option<Json>,
}

/// Prepares a call. Without an edit it goes as it came, byte for byte.
pub(super) fn prepare(
    shared: &Shared,
    dialect: Dialect,
    asked: &Asked,
    edited: Option<&LlmRequest>,
) -> Result<Prepared, ExchangeError> {
    let came = &asked.came;
    let whole = asked.joined.as_ref().map_or(&asked.own, |joined| &joined.body);
    let edited = edited.filter(|edited| *edited != asked.outline.request());
    let changed = edited.map(|edited| asked.outline.change(whole, edited)).transpose()?;
    let (changed, model) = changed.map_or((None, None), |changed| (Some(changed.body), changed.model));
    let new_body = match (&changed, &asked.joined) {
        (Some(body), Some(joined)) if joined.at_provider => Some(shorten(body, joined, &asked.own)),
        (Some(body), _) => Some(body.clone()),
        // The provider doesn't know what the client refers to.
        (None, Some(joined)) if !joined.at_provider => Some(joined.body.clone()),
        (None, _) => None,
    };
    let mut headers = to_upstream(&came.headers);
    let body = match &new_body {
        Some(body) => {
            without_body(&mut headers);
            body.to_string().into()
        }
        None => came.body.clone(),
    };
    let path = model.map_or_else(|| came.path.clone(), |model| with_model(&came.path, &model));
    let url = shared.upstreams.get(Service::of(dialect)).url(&path, came.query.as_deref());
    let whole = (dialect == Dialect::Responses).then(|| changed.unwrap_or_else(|| whole.clone()));
    Ok(Prepared { method: came.method.clone(), url, headers, body, whole })
}

/// The body that refers to the conversation at the provider, if the edit left that as it is; else the whole one.
fn shorten(edited: &Json, joined: &Joined, own: &Json) -> Json {
    let items = |body: &Json| body.get("input").and_then(Json::as_array).cloned().unwrap_or_default();
    let (before, after) = (items(&joined.body), items(edited));
    let is_same = after.len() >= joined.before && after[..joined.before] == before[..joined.before];
    let (Some(previous), true) = (own.get("previous_response_id"), is_same) else { return edited.clone() };
    let mut body = edited.clone();
    body["input"] = after[joined.before..].iter().cloned().collect();
    body["previous_response_id"] = previous.clone();
    body
}
