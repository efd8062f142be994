//! The form of replies that are made here: errors, signs of life, and answers by hand, each as the dialect has them.

use hyper::body::Bytes;
use hyper::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::http::{HeaderMap, StatusCode};
use serde_json::{Value as Json, json};

use super::route::Streams;
use crate::wire::{Answer, Dialect, Fault};

/// The words of an error for a call that was left without a decision.
const ABANDONED: &str = "tama-tui ended before this call was answered";

/// The form of one reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    dialect: Dialect,
    streams: Streams,
}

impl Shape {
    pub(super) fn new(dialect: Dialect, streams: Streams) -> Self {
        Self { dialect, streams }
    }

    pub(super) fn dialect(self) -> Dialect {
        self.dialect
    }

    /// True if the client takes a stream of events, which can begin before there is an answer.
    pub(super) fn is_streamed(self) -> bool {
        self.streams == Streams::Events
    }

    /// The headers of a reply that begins here.
    pub(super) fn headers(self) -> HeaderMap {
        if !self.is_streamed() {
            return json_headers();
        }
        HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ])
    }

    /// A sign of life: an event that says nothing, or a comment; white space before JSON.
    pub(super) fn ping(self) -> Bytes {
        if !self.is_streamed() {
            return Bytes::from_static(b"\n");
        }
        Bytes::from_static(match self.dialect {
            Dialect::Messages => b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
            // Google's own library reads neither comments nor other fields.
            Dialect::Gemini => b"\n\n",
            Dialect::Chat | Dialect::Responses | Dialect::Ollama => b": keepalive\n\n",
        })
    }

    /// An error before the reply has begun.
    pub(super) fn error(self, status: StatusCode, message: &str) -> (StatusCode, HeaderMap, Bytes) {
        let body = self.error_body(status, message).to_string();
        (status, json_headers(), body.into())
    }

    /// An error within a reply that has begun.
    pub(super) fn error_event(self, status: StatusCode, message: &str) -> Bytes {
        let body = self.error_body(status, message);
        if !self.is_streamed() {
            return body.to_string().into();
        }
        match self.dialect {
            Dialect::Messages => format!("event: error\ndata: {body}\n\n"),
            Dialect::Responses => {
                let error = json!({"code": kind(self.dialect, status), "message": message});
                let response = json!({"object": "response", "status": "failed", "error": error, "output": []});
                let event = json!({"type": "response.failed", "sequence_number": 0, "response": response});
                format!("event: response.failed\ndata: {event}\n\n")
            }
            Dialect::Chat | Dialect::Gemini | Dialect::Ollama => format!("data: {body}\n\n"),
        }
        .into()
    }

    /// An error of an upstream, within a stream that has begun: its own words, where it said any.
    pub(super) fn upstream_event(self, status: StatusCode, body: &[u8]) -> Bytes {
        let json: Option<Json> = serde_json::from_slice(body).ok();
        let own = json.filter(|json| json.get("error").is_some_and(Json::is_object));
        match (own, self.dialect) {
            (Some(own), Dialect::Messages) => format!("event: error\ndata: {own}\n\n").into(),
            (Some(own), Dialect::Chat | Dialect::Gemini) => format!("data: {own}\n\n").into(),
            (own, _) => {
                let said = own.as_ref().and_then(|own| own.pointer("/error/message")).and_then(Json::as_str);
                let words = said.map_or_else(|| excerpt(body), str::to_owned);
                self.error_event(status, &format!("HTTP {}: {words}", status.as_u16()))
            }
        }
    }

    /// The error of a call that was left without a decision.
    pub(super) fn abandoned(self) -> (StatusCode, HeaderMap, Bytes) {
        self.error(StatusCode::SERVICE_UNAVAILABLE, ABANDONED)
    }

    /// The same within a reply that has begun.
    pub(super) fn abandoned_stream(self) -> Bytes {
        self.error_event(StatusCode::SERVICE_UNAVAILABLE, ABANDONED)
    }

    /// An answer as the client wants it: its headers and its bytes.
    pub(super) fn answer(self, answer: &Answer) -> (HeaderMap, Bytes) {
        let bytes = match self.streams {
            Streams::Events => self.dialect.write_stream(answer).into(),
            Streams::Whole => self.dialect.write_answer(answer).to_string().into(),
            Streams::List => Json::Array(vec![self.dialect.write_answer(answer)]).to_string().into(),
        };
        (self.headers(), bytes)
    }

    fn error_body(self, status: StatusCode, message: &str) -> Json {
        let kind = kind(self.dialect, status);
        match self.dialect {
            Dialect::Messages => json!({"type": "error", "error": {"type": kind, "message": message}}),
            Dialect::Gemini => json!({"error": {"code": status.as_u16(), "message": message, "status": kind}}),
            Dialect::Ollama => json!({ "error": message }),
            Dialect::Chat | Dialect::Responses => {
                json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
            }
        }
    }
}

/// The headers of a body of JSON.
pub(super) fn json_headers() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}

/// The dialect's word for the kind of an error.
fn kind(dialect: Dialect, status: StatusCode) -> &'static str {
    match (dialect, status.as_u16()) {
        (Dialect::Messages, 400) => "invalid_request_error",
        (Dialect::Messages, 401) => "authentication_error",
        (Dialect::Messages, 403) => "permission_error",
        (Dialect::Messages, 404) => "not_found_error",
        (Dialect::Messages, 413) => "request_too_large",
        (Dialect::Messages, 429) => "rate_limit_error",
        (Dialect::Messages, 503 | 529) => "overloaded_error",
        (Dialect::Messages, _) => "api_error",
        (Dialect::Gemini, 400 | 413) => "INVALID_ARGUMENT",
        (Dialect::Gemini, 401) => "UNAUTHENTICATED",
        (Dialect::Gemini, 403) => "PERMISSION_DENIED",
        (Dialect::Gemini, 404) => "NOT_FOUND",
        (Dialect::Gemini, 429) => "RESOURCE_EXHAUSTED",
        (Dialect::Gemini, 503) => "UNAVAILABLE",
        (Dialect::Gemini, _) => "INTERNAL",
        (_, 429) => "rate_limit_exceeded",
        (_, 400..=499) => "invalid_request_error",
        _ => "server_error",
    }
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(2000)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(500).collect()
}

/// A fault of an answer, for a report.
pub(super) fn describe(fault: &Fault) -> String {
    match fault {
        Fault::Server { message, kind, .. } if !kind.is_empty() && !message.contains(kind.as_str()) => {
            format!("{kind}: {message}")
        }
        fault => fault.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Decoder;

    fn read(dialect: Dialect, bytes: &[u8]) -> Answer {
        let mut decoder = Decoder::new(dialect);
        decoder.push(bytes, |_| {});
        decoder.finish(|_| {})
    }

    const SPOKEN: [Dialect; 4] = [Dialect::Messages, Dialect::Responses, Dialect::Chat, Dialect::Gemini];

    #[test]
    fn errors_are_errors_of_the_dialect_in_both_forms() {
        for dialect in SPOKEN {
            let shape = Shape::new(dialect, Streams::Events);
            let (status, _, body) = shape.error(StatusCode::FORBIDDEN, "not now");
            assert_eq!(status, 403);
            let mut within = shape.ping().to_vec();
            within.extend_from_slice(&shape.error_event(StatusCode::FORBIDDEN, "not now"));
            for bytes in [&body[..], &within] {
                let fault = read(dialect, bytes).fault.unwrap_or_else(|| panic!("{dialect}: no error"));
                assert!(describe(&fault).contains("not now"), "{dialect}: {fault}");
            }
        }
    }

    #[test]
    fn an_upstream_s_error_keeps_its_words_within_a_stream() {
        for (dialect, body) in [
            (Dialect::Messages, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
            (Dialect::Responses, r#"{"error":{"message":"Overloaded","type":"server_error"}}"#),
            (Dialect::Chat, r#"{"error":{"message":"Overloaded","type":"server_error"}}"#),
            (Dialect::Gemini, r#"{"error":{"code":503,"message":"Overloaded","status":"UNAVAILABLE"}}"#),
        ] {
            let shape = Shape::new(dialect, Streams::Events);
            let event = shape.upstream_event(StatusCode::SERVICE_UNAVAILABLE, body.as_bytes());
            let fault = read(dialect, &event).fault.unwrap_or_else(|| panic!("{dialect}: no error"));
            assert!(fault.to_string().contains("Overloaded"), "{dialect}: {fault}");
            let page = shape.upstream_event(StatusCode::BAD_GATEWAY, b"<html>no <b>way</b></html>");
            assert!(
                read(dialect, &page).fault.unwrap_or_else(|| panic!("{dialect}: no error")).to_string().contains("502"),
                "{dialect}"
            );
        }
    }

    #[test]
    fn signs_of_life_say_nothing() {
        for dialect in SPOKEN {
            let shape = Shape::new(dialect, Streams::Events);
            assert_eq!(read(dialect, &shape.ping()).fault, None, "{dialect}");
            assert_eq!(read(dialect, &shape.ping()).parts, [], "{dialect}");
        }
    }
}
