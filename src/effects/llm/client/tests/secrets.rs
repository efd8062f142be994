//! Keys are in no error and no progress, also when a server repeats them.

use super::server::{Server, chunk, last_chunk, reply, stream_head, text};
use super::{Client, Settings, call, client, quick, settings};
use crate::wire::Dialect;

const KEY: &str = "sk-secret-0123456789";

#[tokio::test]
async fn a_repeated_key_is_not_shown() {
    let json = format!("{{\"error\":{{\"message\":\"Incorrect API key provided: {KEY}.\"}}}}");
    let page = format!("<title>no {KEY}</title><body>{KEY}");
    let long = format!("{}{KEY}", "x".repeat(590));
    let event = format!("data: {{\"error\":{{\"message\":\"bad {KEY}\",\"type\":\"server_error\"}}}}\n\n");
    let place = format!("Location: http://elsewhere.invalid/{KEY}\r\n");
    let scripts = [
        reply(401, "", &json),
        reply(429, "retry-after-ms: 1\r\n", &json),
        reply(503, "retry-after-ms: 1\r\n", &page),
        reply(400, "", &long),
        reply(200, "", &page),
        reply(200, "", &json),
        reply(200, "", &long),
        reply(302, &place, ""),
        vec![stream_head(), chunk(&event), last_chunk()],
        vec![stream_head(), text("one"), chunk(&event), last_chunk()],
    ];
    for script in scripts {
        let server = Server::start(vec![script]);
        let (result, heard) = call(&client(&settings(&server).waits(quick(2)))).await;
        let error = result.unwrap_err();
        let seen = format!("{error} {error:?} {heard:?}");
        assert!(!seen.contains("sk-secret"), "{seen}");
        assert!(server.seen()[0].head.contains(KEY));
    }
}

#[test]
fn a_bad_key_is_not_shown() {
    let settings = Settings::new("lab", Dialect::Chat).key(Some("sk-secret\n0123"));
    let error = Client::build(&settings, &|_| None).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("a line break at position 10") && !error.contains("sk-"), "{error}");
}

#[tokio::test]
async fn without_a_key_none_is_sent() {
    let server = Server::start(vec![reply(401, "", "{\"error\":{\"message\":\"no key\"}}")]);
    let (result, _) = call(&client(&settings(&server).key(Some(" \n")))).await;
    assert_eq!(result.unwrap_err().message, "HTTP 401: no key; the call had no key: set the API key of lab");
    assert!(!server.seen()[0].head.contains("authorization"));
}

#[tokio::test]
async fn a_key_s_line_end_is_not_sent() {
    let server = Server::start(vec![reply(400, "", "")]);
    let _ = call(&client(&settings(&server).key(Some("  sk-secret-0123456789\r\n")))).await;
    assert!(server.seen()[0].head.contains("authorization: Bearer sk-secret-0123456789\r\n"));
}
