//! Connections: refused, lost, redirected, cancelled.

use std::net::TcpListener;
use std::time::Instant;

use super::server::{Server, Step, good, reply, stream_head, text};
use super::{Settings, assert_quick, call, client, failure, ms, settings};
use crate::wire::Dialect;

#[tokio::test]
async fn a_refused_connection_to_this_machine_fails_at_once() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let since = Instant::now();
    let settings = Settings::new("lab", Dialect::Chat).base_url(Some(&format!("http://{place}/v1")));
    let error = failure(&client(&settings)).await;
    let expected = format!("connection refused; start the server, or correct base_url (http://{place}/v1/)");
    assert_eq!(error, expected);
    assert!(since.elapsed() < ms(500));
}

#[tokio::test]
async fn a_name_that_is_not_known_is_named() {
    let settings = Settings::new("lab", Dialect::Chat).base_url(Some("http://no-such-host.invalid/v1"));
    let error = failure(&client(&settings)).await;
    assert!(error.starts_with("a name is not known") && error.contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn a_call_that_may_have_arrived_is_not_sent_again() {
    let server = Server::start(vec![vec![], good("ok")]);
    let error = failure(&client(&settings(&server))).await;
    assert!(error.contains("without an answer; it may have received the call"), "{error}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn each_call_has_its_own_connection() {
    // Keeps each connection open, but answers once: on a kept connection, the second call would be lost.
    let server = Server::start(vec![[good("ok"), vec![Step::Pause(ms(2000))]].concat()]);
    let client = client(&settings(&server));
    for _ in 0..5 {
        let (result, _) = call(&client).await;
        assert!(result.is_ok());
    }
    assert_eq!(server.count(), 5);
}

#[tokio::test]
async fn a_redirect_elsewhere_is_an_error_that_names_the_place() {
    let elsewhere = Server::start(vec![good("stolen")]);
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: http://{}/login?next=secret\r\n", elsewhere.place());
        let server = Server::start(vec![reply(status, &location, "")]);
        let error = failure(&client(&settings(&server))).await;
        let words =
            format!("HTTP {status}: the server redirects to http://{}/login, where the call", elsewhere.place());
        assert!(error.starts_with(&words) && !error.contains("next=") && error.contains("base_url"), "{error}");
    }
    assert_eq!(elsewhere.count(), 0);
}

#[tokio::test]
async fn a_redirect_within_the_server_keeps_the_body() {
    let server = Server::start(vec![reply(308, "Location: /v2/chat/completions\r\n", ""), good("ok")]);
    let (result, _) = call(&client(&settings(&server))).await;
    assert_eq!(result.unwrap().answer.text(), "ok");
    let seen = server.seen();
    assert!(seen[1].head.starts_with("POST /v2/chat/completions") && seen[1].body == seen[0].body);
    assert!(seen[1].head.contains("authorization: Bearer sk-secret"));
    let server = Server::start(vec![reply(307, "Location: /v1/chat/completions\r\n", "")]);
    let error = failure(&client(&settings(&server))).await;
    assert!(error.starts_with("HTTP 307") && server.count() <= 5, "{error}");
}

#[tokio::test]
async fn tls_where_there_is_none_is_named() {
    let server = Server::start(vec![vec![Step::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())]]);
    let raw = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = raw.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in raw.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
            std::thread::sleep(ms(200));
        }
    });
    let settings = Settings::new("lab", Dialect::Chat).base_url(Some(&format!("https://{place}/v1")));
    let error = failure(&client(&settings)).await;
    assert!(error.contains("doesn't speak TLS") && error.contains("http://"), "{error}");
    drop(server);
}

#[tokio::test]
async fn a_server_of_another_protocol_is_named() {
    let server = Server::start(vec![vec![Step::Send(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec())]]);
    let error = failure(&client(&settings(&server))).await;
    assert!(error.contains("doesn't speak HTTP"), "{error}");
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_its_connection() {
    let endless = (0..200).flat_map(|_| [text("x"), Step::Pause(ms(20))]);
    let server = Server::start(vec![std::iter::once(stream_head()).chain(endless).collect()]);
    let since = Instant::now();
    let client = client(&settings(&server));
    let gave_up = tokio::time::timeout(ms(200), call(&client)).await;
    assert!(gave_up.is_err());
    assert_quick(since);
}

#[tokio::test]
async fn each_dialect_sends_its_own_address_and_headers() {
    let cases = [
        (Dialect::Chat, "/v1", "POST /v1/chat/completions ", "authorization: Bearer sk-secret-0123456789"),
        (Dialect::Responses, "/v1", "POST /v1/responses ", "authorization: Bearer sk-secret-0123456789"),
        (Dialect::Messages, "", "POST /v1/messages ", "x-api-key: sk-secret-0123456789"),
        (Dialect::Messages, "", "POST /v1/messages ", "anthropic-version: 2023-06-01"),
        (
            Dialect::Gemini,
            "",
            "POST /v1beta/models/m:streamGenerateContent?alt=sse ",
            "x-goog-api-key: sk-secret-0123456789",
        ),
        (Dialect::Ollama, "", "POST /api/chat ", "content-type: application/json"),
        (Dialect::Chat, "/v1?api-version=1", "POST /v1/chat/completions?api-version=1 ", "accept: text/event-stream"),
    ];
    for (dialect, path, line, header) in cases {
        let server = Server::start(vec![reply(400, "", "{}")]);
        let settings = Settings::new("lab", dialect).base_url(Some(&format!("http://{}{path}", server.place())));
        let error = failure(&client(&settings.key(Some("sk-secret-0123456789")))).await;
        let head = &server.seen()[0].head;
        assert!(head.starts_with(line) && head.contains(header), "{head}");
        assert!(error.starts_with("HTTP 400") && !head.lines().next().unwrap_or_default().contains("sk-"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_is_read_too() {
    let body =
        r#"{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}"#;
    let server = Server::start(vec![reply(200, "Content-Type: application/json\r\n", body)]);
    let mut heard = Vec::new();
    let request = serde_json::json!({"model": "m", "messages": []});
    let exchange =
        client(&settings(&server)).exchange("m", &request, false, &mut |piece| heard.push(piece)).await.unwrap();
    let raw = format!("HTTP/1.1 200 OK\ncontent-type: application/json\n\n{body}");
    assert_eq!((exchange.answer.text().as_str(), exchange.raw.as_slice()), ("hello", raw.as_bytes()));
    assert_eq!(heard, [super::Heard::Text("hello".into())]);
    assert!(server.seen()[0].head.contains("accept: application/json\r\n"));
}
