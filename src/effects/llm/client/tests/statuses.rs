//! Error statuses, and trying again.

use std::time::Duration;

use super::super::Waits;
use super::server::{Server, good, reply};
use super::{Heard, call, client, failure, ms, quick, settings};

const LIMIT: &str = r#"{"error":{"message":"Rate limit reached for requests","type":"requests"}}"#;

#[tokio::test]
async fn a_rate_limit_is_waited_for() {
    let server = Server::start(vec![reply(429, "Retry-After: 1\r\n", LIMIT), good("ok")]);
    let (result, heard) = call(&client(&settings(&server))).await;
    let exchange = result.unwrap();
    assert_eq!(exchange.answer.text(), "ok");
    let Heard::Waiting { why, time } = &heard[0] else { panic!("{heard:?}") };
    assert_eq!(why, "HTTP 429: Rate limit reached for requests");
    assert!((ms(1000)..=ms(1100)).contains(time), "{time:?}");
    assert_eq!(heard[1..], [Heard::TryingAgain, Heard::Text("ok".into())]);
    let seen = server.seen();
    assert!(seen.len() == 2 && seen[1].at - seen[0].at >= Duration::from_secs(1));
    assert_eq!(seen[0].body, seen[1].body);
    assert_eq!(seen[0].body, r#"{"model":"m","messages":[],"stream":true}"#);
    assert!(seen[0].head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{}", seen[0].head);
    assert!(seen[0].head.contains("authorization: Bearer sk-secret-0123456789\r\n"));
    assert!(seen[0].head.contains("user-agent: tama-tui/"));
}

#[tokio::test]
async fn trouble_that_passes_is_tried_again_up_to_the_limit() {
    for status in [408, 409, 425, 429, 500, 502, 503, 504, 522, 529] {
        let server = Server::start(vec![reply(status, "retry-after-ms: 5\r\n", "")]);
        let error = failure(&client(&settings(&server).waits(quick(3)))).await;
        assert_eq!(server.count(), 3, "{status}");
        assert!(error.starts_with(&format!("HTTP {status} (after 3 tries)")), "{error}");
    }
}

#[tokio::test]
async fn what_would_fail_again_is_not_sent_again() {
    let cases = [
        (400, r#"{"error":{"message":"bad request"}}"#, "HTTP 400: bad request"),
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#,
            "shorten it",
        ),
        (401, r#"{"error":{"message":"Incorrect API key provided"}}"#, "check the API key of lab"),
        (402, r#"{"error":{"message":"Insufficient Balance"}}"#, "no quota or credit is left"),
        (403, r#"{"message":"forbidden"}"#, "HTTP 403: forbidden; check the API key of lab"),
        (404, r#"{"error":"model 'm' not found"}"#, "HTTP 404: model 'm' not found; check the model's name (m)"),
        (404, "404 page not found", "HTTP 404: 404 page not found; check base_url (http://127.0.0.1:"),
        (405, r#"{"detail":"Method Not Allowed"}"#, "base_url"),
        (413, "", "HTTP 413; the conversation is too long"),
        (422, r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#, "field required"),
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","code":"insufficient_quota"}}"#,
            "no quota or credit is left",
        ),
    ];
    for (status, body, words) in cases {
        let server = Server::start(vec![reply(status, "", body)]);
        let error = failure(&client(&settings(&server))).await;
        assert!(error.contains(words), "{error}");
        assert_eq!(server.count(), 1, "{error}");
    }
}

#[tokio::test]
async fn a_longer_wait_than_is_left_fails_at_once() {
    let server = Server::start(vec![reply(429, "Retry-After: 3600\r\n", LIMIT)]);
    let since = std::time::Instant::now();
    let error = failure(&client(&settings(&server))).await;
    super::assert_quick(since);
    assert!(error.contains("Rate limit reached for requests; the server asks for 3600 s"), "{error}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn the_wait_can_be_in_the_body() {
    let delay = r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"You exceeded your current quota, please check your plan and billing details.","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.02s"}]}}]"#;
    let words = r#"{"error":{"message":"Rate limit reached. Please try again in 20ms. Visit us."}}"#;
    for body in [delay, words] {
        let server = Server::start(vec![reply(429, "", body), good("ok")]);
        let (result, heard) = call(&client(&settings(&server))).await;
        assert!(result.is_ok() && server.count() == 2, "{result:?}");
        assert!(matches!(&heard[0], Heard::Waiting { time, .. } if *time < ms(30)), "{heard:?}");
    }
}

#[tokio::test]
async fn a_page_is_its_title() {
    let styles = "<style>body{margin:0}</style>".repeat(500);
    let page =
        format!("<!DOCTYPE html><html><head><title>502 Bad Gateway</title>{styles}</head><h1>502 Bad Gateway</h1>");
    let server = Server::start(vec![reply(502, "Content-Type: text/html\r\n", &page)]);
    let error = failure(&client(&settings(&server).waits(quick(1)))).await;
    assert!(error.starts_with("HTTP 502: 502 Bad Gateway; ") && error.len() < 200, "{error}");
}

#[tokio::test]
async fn long_words_are_cut() {
    let server = Server::start(vec![reply(400, "", &"x".repeat(3 << 20))]);
    let error = failure(&client(&settings(&server))).await;
    assert!((600..900).contains(&error.chars().count()), "{error}");
}

#[tokio::test]
async fn another_try_can_be_switched_off() {
    let server = Server::start(vec![reply(503, "", "")]);
    let error = failure(&client(&settings(&server).waits(Waits { tries: 1, total: Duration::ZERO }))).await;
    assert_eq!((server.count(), error.as_str()), (1, "HTTP 503; the server has trouble: retry later"));
}

#[tokio::test]
async fn an_address_without_a_version_gets_a_hint() {
    let server = Server::start(vec![reply(404, "", "404 page not found")]);
    let root = format!("http://{}", server.place());
    let error = failure(&client(&settings(&server).base_url(Some(&root)))).await;
    let hint = format!("check base_url ({root}/): many servers want /v1 at the end");
    assert_eq!(error, format!("HTTP 404: 404 page not found; {hint}"));
}
