//! The meaning of a request, by its method, path and headers.

use hyper::Method;
use hyper::http::HeaderMap;
use hyper::http::header::UPGRADE;

use super::service::Service;
use crate::wire::Dialect;

/// The meaning of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// A model call.
    Call(Called),
    /// Something else for a service: it is passed on, and reported.
    Pass(Service),
    /// Another protocol, which is refused so that the program takes plain HTTP.
    Upgrade,
}

/// A model call, as far as its address says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) dialect: Dialect,
    /// The model, where the path names it.
    pub(super) model: Option<String>,
    /// True if the path asks for a stream; `None`: the body says it.
    pub(super) stream: Option<Streams>,
}

/// How an answer is wanted, where the path says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Streams {
    /// One body.
    Whole,
    /// Server-sent events.
    Events,
    /// A list of JSON that grows.
    List,
}

/// Finds the meaning of a request; `path` is the path behind the secret.
pub(super) fn route(method: &Method, path: &str, query: Option<&str>, headers: &HeaderMap) -> Route {
    if headers.contains_key(UPGRADE) {
        return Route::Upgrade;
    }
    match called(path, query) {
        Some(called) if method == Method::POST => Route::Call(called),
        Some(called) => Route::Pass(Service::of(called.dialect)),
        None => Route::Pass(Service::guess(path, headers)),
    }
}

fn called(path: &str, query: Option<&str>) -> Option<Called> {
    let path = path.trim_end_matches('/');
    for (end, dialect) in
        [("/messages", Dialect::Messages), ("/responses", Dialect::Responses), ("/chat/completions", Dialect::Chat)]
    {
        if path.ends_with(end) {
            return Some(Called { dialect, model: None, stream: None });
        }
    }
    let (before, action) = path.rsplit_once(':')?;
    let stream = match action {
        "generateContent" => Streams::Whole,
        "streamGenerateContent" if query.is_some_and(wants_events) => Streams::Events,
        "streamGenerateContent" => Streams::List,
        _ => return None,
    };
    let (_, model) = before.split_once("models/")?;
    Some(Called { dialect: Dialect::Gemini, model: Some(model.to_owned()), stream: Some(stream) })
}

fn wants_events(query: &str) -> bool {
    query.split('&').any(|pair| pair == "alt=sse")
}

/// The path of a call to another model, where the path names the model.
pub(super) fn with_model(path: &str, model: &str) -> String {
    match (path.split_once("models/"), path.rsplit_once(':')) {
        (Some((before, _)), Some((_, action))) => format!("{before}models/{model}:{action}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &Method, path: &str, query: Option<&str>) -> Route {
        route(method, path, query, &HeaderMap::new())
    }

    #[test]
    fn calls_are_known_by_their_path() {
        let call = |dialect| Route::Call(Called { dialect, model: None, stream: None });
        for (path, dialect) in [
            ("/v1/messages", Dialect::Messages),
            ("/messages", Dialect::Messages),
            ("/v1/responses", Dialect::Responses),
            ("/responses/", Dialect::Responses),
            ("/v1/chat/completions", Dialect::Chat),
            ("/chat/completions", Dialect::Chat),
        ] {
            assert_eq!(of(&Method::POST, path, Some("beta=true")), call(dialect), "{path}");
        }
        let gemini =
            |stream| Route::Call(Called { dialect: Dialect::Gemini, model: Some("g-2".into()), stream: Some(stream) });
        assert_eq!(of(&Method::POST, "/v1beta/models/g-2:generateContent", None), gemini(Streams::Whole));
        let stream = "/v1beta/models/g-2:streamGenerateContent";
        assert_eq!(of(&Method::POST, stream, Some("key=k&alt=sse")), gemini(Streams::Events));
        assert_eq!(of(&Method::POST, stream, None), gemini(Streams::List));
        assert_eq!(with_model(stream, "g-3"), "/v1beta/models/g-3:streamGenerateContent");
    }

    #[test]
    fn all_else_is_passed_on_to_the_service_that_it_is_for() {
        for (method, path, service) in [
            (Method::HEAD, "/", Service::Anthropic),
            (Method::POST, "/v1/messages/count_tokens", Service::Anthropic),
            (Method::POST, "/v1/messages/batches", Service::Anthropic),
            (Method::POST, "/v1/responses/compact", Service::OpenAi),
            (Method::GET, "/v1/models", Service::OpenAi),
            (Method::POST, "/v1beta/models/g:countTokens", Service::Google),
            (Method::GET, "/v1/responses", Service::OpenAi),
        ] {
            assert_eq!(of(&method, path, None), Route::Pass(service), "{path}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", "2023-06-01".parse().unwrap());
        assert_eq!(route(&Method::GET, "/v1/models", None, &headers), Route::Pass(Service::Anthropic));
        headers.insert(UPGRADE, "websocket".parse().unwrap());
        assert_eq!(route(&Method::GET, "/v1/responses", None, &headers), Route::Upgrade);
    }
}
