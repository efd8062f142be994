//! Bodies of answers: whole, cut, slow, with an error in them.

use std::time::Instant;

use super::server::{Server, Step, chunk, good, last_chunk, reply, stop, stream_head, text};
use super::{Heard, TimeOuts, assert_quick, call, client, failure, ms, quick, settings};

#[tokio::test]
async fn text_comes_as_it_arrives() {
    let server =
        Server::start(vec![vec![stream_head(), text("a"), Step::Pause(ms(30)), text("b"), stop(), last_chunk()]]);
    let (result, heard) = call(&client(&settings(&server))).await;
    let exchange = result.unwrap();
    assert_eq!(heard, [Heard::Text("a".into()), Heard::Text("b".into())]);
    assert_eq!(exchange.answer.text(), "ab");
    assert!(exchange.answer.whole && exchange.raw.ends_with(b"data: [DONE]\n\n"));
}

#[tokio::test]
async fn headers_that_tell_of_the_call_are_kept_and_no_others() {
    let kept = "x-ratelimit-remaining-tokens: 12\nRequest-Id: r-1\n";
    let others = "Set-Cookie: session=1\r\nAuthorization: Bearer x\r\nX-Api-Key: x\r\n";
    let body = r#"{"choices":[{"message":{"content":"hello"},"finish_reason":"length"}]}"#;
    let headers = format!("{}{others}", kept.replace('\n', "\r\n"));
    let server = Server::start(vec![reply(200, &headers, body)]);
    let raw = call(&client(&settings(&server))).await.0.unwrap().raw;
    assert_eq!(String::from_utf8(raw).unwrap(), format!("HTTP/1.1 200 OK\n{}\n{body}", kept.to_lowercase()));
}

#[tokio::test]
async fn a_cut_answer_is_an_error_with_its_text() {
    let cut_chunks = vec![stream_head(), text("half an ans")];
    let clean_end = vec![stream_head(), text("half an ans"), last_chunk()];
    let cut_length = vec![
        Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n".to_vec()),
        Step::Send(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"half an ans\"}}]}\n\n".to_vec()),
    ];
    for script in [cut_chunks, clean_end, cut_length] {
        let server = Server::start(vec![script]);
        let (result, _) = call(&client(&settings(&server))).await;
        let error = result.unwrap_err();
        assert_eq!(error.message, "the answer broke off after 11 characters: the server closed the connection");
        assert_eq!(error.so_far.unwrap().text(), "half an ans");
        assert!(error.raw.starts_with(b"HTTP/1.1 200 OK\n") && error.raw.ends_with(b"\n\n"));
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn nothing_at_all_is_an_error_without_another_try() {
    let begun = "{\"choices\":[{\"message\":{\"cont";
    for script in [reply(200, "", ""), vec![stream_head()], reply(200, "", begun)] {
        let server = Server::start(vec![script]);
        let error = failure(&client(&settings(&server))).await;
        assert_eq!(error, "the answer broke off before any text: the server closed the connection");
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn an_end_that_came_counts_although_the_connection_stays() {
    let server = Server::start(vec![vec![stream_head(), text("ok"), stop(), Step::Pause(ms(5000))]]);
    let since = Instant::now();
    let (result, _) = call(&client(&settings(&server))).await;
    assert_eq!(result.unwrap().answer.text(), "ok");
    assert_quick(since);
}

#[tokio::test]
async fn errors_in_an_answer_are_the_server_s_words() {
    let context = "maximum context length is 8192 tokens";
    let older_vllm = format!(
        "data: {{\"object\":\"error\",\"message\":\"{context}\",\"type\":\"BadRequestError\",\"param\":null,\"code\":400}}\n\ndata: [DONE]\n\n"
    );
    let json = format!("{{\"error\":{{\"message\":\"{context}\",\"code\":400}}}}");
    let page = format!("<html><head><title>Sign in</title></head><body>captive portal {context}</body></html>");
    for body in [older_vllm, json, page] {
        let server = Server::start(vec![reply(200, "", &body)]);
        let error = failure(&client(&settings(&server))).await;
        assert!(error.contains(context), "{body}: {error}");
        assert_eq!(server.count(), 1, "{error}");
    }
    let server = Server::start(vec![reply(200, "", "<html><title>Sign in</title>")]);
    let error = failure(&client(&settings(&server))).await;
    assert!(error.starts_with("a web page came instead of an answer: Sign in; check base_url"), "{error}");
    let server = Server::start(vec![reply(200, "", "hello there")]);
    let error = failure(&client(&settings(&server))).await;
    assert!(error.contains("hello there") || error.contains("broke off"), "{error}");
}

#[tokio::test]
async fn an_overloaded_server_is_tried_again_only_before_any_text() {
    let overloaded = "data: {\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\",\"code\":529}}\n\n";
    let before = vec![stream_head(), chunk(overloaded), last_chunk()];
    let server = Server::start(vec![before, good("ok")]);
    let (result, heard) = call(&client(&settings(&server))).await;
    assert_eq!((result.is_ok(), server.count()), (true, 2));
    assert!(matches!(&heard[0], Heard::Waiting { why, .. } if why.contains("Overloaded")), "{heard:?}");

    let after = vec![stream_head(), text("one"), chunk(overloaded), last_chunk()];
    let server = Server::start(vec![after, good("ok")]);
    let (result, _) = call(&client(&settings(&server))).await;
    let error = result.unwrap_err();
    assert!(
        error.message.starts_with("the answer broke off after 3 characters: ") && error.message.contains("Overloaded")
    );
    assert_eq!((error.so_far.unwrap().text().as_str(), server.count()), ("one", 1));
}

#[tokio::test]
async fn a_silent_server_is_left_after_a_while() {
    let time_outs = TimeOuts { connect: ms(2000), first_byte: ms(200), idle: ms(200) };
    let settings = |server: &Server| settings(server).time_outs(time_outs).waits(quick(5));
    let since = Instant::now();
    let silent = Server::start(vec![vec![Step::Pause(ms(2000))]]);
    let error = failure(&client(&settings(&silent))).await;
    assert_eq!(error, "no answer came for 0.2 s; a slow model needs a larger timeout_seconds in [providers.lab]");
    let headers = Server::start(vec![vec![stream_head(), Step::Pause(ms(2000))]]);
    let error = failure(&client(&settings(&headers))).await;
    assert!(error.starts_with("the answer broke off before any text: nothing came for 0.2 s; a slow model"), "{error}");
    let middle = Server::start(vec![vec![stream_head(), text("half"), Step::Pause(ms(2000))]]);
    let error = failure(&client(&settings(&middle))).await;
    assert!(error.starts_with("the answer broke off after 4 characters: nothing came for 0.2 s"), "{error}");
    assert_quick(since);
    assert_eq!([silent.count(), headers.count(), middle.count()], [1, 1, 1]);
}

#[tokio::test]
async fn a_long_answer_has_no_limit_while_bytes_come() {
    let mut script = vec![stream_head()];
    script.extend((0..8).flat_map(|_| [chunk(": ping\n\n"), Step::Pause(ms(100))]));
    script.extend([text("ok"), stop(), last_chunk()]);
    let server = Server::start(vec![script]);
    let time_outs = TimeOuts { connect: ms(2000), first_byte: ms(400), idle: ms(400) };
    let (result, _) = call(&client(&settings(&server).time_outs(time_outs))).await;
    assert_eq!(result.unwrap().answer.text(), "ok");
}

#[tokio::test]
async fn a_server_of_http_1_0_ends_its_answer_by_closing() {
    let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ok\"},\"finish_reason\":\"stop\"}]}\n\n";
    let head = "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let server = Server::start(vec![vec![Step::Send(format!("{head}{stream}").into_bytes())]]);
    let (result, _) = call(&client(&settings(&server))).await;
    assert_eq!(result.unwrap().answer.text(), "ok");
}

#[tokio::test]
async fn an_answer_without_bound_is_broken_off() {
    let line = chunk(&"a".repeat(8 << 20));
    let mut script = vec![stream_head(), chunk("data: \"")];
    script.extend(std::iter::repeat_n(line, 9));
    script.push(Step::Pause(ms(600_000)));
    let server = Server::start(vec![script]);
    let limits = TimeOuts { idle: ms(600_000), ..TimeOuts::default() };
    let client = client(&settings(&server).time_outs(limits));
    let error = tokio::time::timeout(ms(60_000), failure(&client)).await.expect("it reads on");
    assert!(error.contains("the answer is larger than 67108864 bytes"), "{error}");
}
