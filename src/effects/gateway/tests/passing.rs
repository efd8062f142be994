//! Bytes that nobody edits.

use super::upstream::{Gate, Step, Upstream, chunk, json, last_chunk, stream, stream_head, whole};
use super::*;
use crate::wire::Dialect;

#[tokio::test]
async fn a_call_and_its_answer_pass_byte_for_byte_in_each_dialect() {
    for sample in samples::samples() {
        for streamed in [true, false] {
            let script = if streamed { stream(sample.answer(true)) } else { json(200, sample.answer(false)) };
            let upstream = Upstream::start(vec![script]);
            let mut between = Between::to(&upstream).await;
            let body = sample.request(streamed).to_string();
            let headers = [
                ("x-api-key", "s3cret-key"),
                ("authorization", "Bearer s3cret-token"),
                ("cookie", "c=s3cret-cookie"),
                ("anthropic-beta", "oauth-2025-04-20,unknown-1"),
                ("x-unknown", "kept"),
                ("accept-encoding", "gzip, br"),
            ];
            let caller = between.send(sample.line(streamed), &headers, body.as_bytes()).await;
            let mut call = between.next_call().await;
            assert_eq!((call.facts.dialect, call.facts.stream), (sample.dialect, streamed));
            assert_eq!((call.facts.model.as_str(), call.request.system.as_str()), ("m-1", "Be good."));
            assert_eq!(call.facts.body, body.as_bytes());
            let forwarded = forward(&mut call.exchange, false).await;
            let reply = caller.reply().await;
            assert_eq!((reply.status, reply.whole), (200, true), "{}", sample.dialect);
            assert_eq!(reply.body, sample.answer(streamed), "{}", sample.dialect);
            let read = sample.read(sample.answer(streamed));
            assert_eq!((forwarded.whole, forwarded.response.text), (true, read.text()), "{}", sample.dialect);
            assert_eq!(forwarded.call_ids, read.calls().map(|call| call.id.clone()).collect::<Vec<_>>());
            assert_eq!(forwarded.raw, sample.answer(streamed));
            if streamed {
                assert!(reply.head.contains("request-id: req_1"), "{}", reply.head);
            }
            let seen = &upstream.seen()[0];
            assert_eq!(seen.body, body.as_bytes());
            let path = sample.line(streamed).split_once(' ').unwrap().1.to_lowercase();
            assert!(seen.head.starts_with(&format!("post {path} http/1.1")), "{}", seen.head);
            for (name, value) in &headers[..5] {
                assert_eq!(seen.header(name), Some(value.to_lowercase().as_str()), "{name}");
            }
            assert_eq!(seen.header("accept-encoding"), Some("identity"));
            state(&call.exchange, ClientState::Answered).await;
        }
    }
}

#[tokio::test]
async fn the_bytes_are_the_same_wherever_they_are_split() {
    for sample in samples::samples() {
        let bytes = sample.answer(true);
        let splits: Vec<usize> = (1..bytes.len()).step_by(7).collect();
        let script = |at: &usize| vec![stream_head(), chunk(&bytes[..*at]), chunk(&bytes[*at..]), last_chunk()];
        let upstream = Upstream::start(splits.iter().map(script).collect());
        let mut between = Between::to(&upstream).await;
        let mut first = None;
        for at in splits {
            let caller = between.call(&sample, true).await;
            let forwarded = forward(&mut between.next_call().await.exchange, false).await;
            let reply = caller.reply().await;
            assert!(reply.body == bytes && reply.whole, "{} at {at}", sample.dialect);
            let answer = (forwarded.response, forwarded.call_ids, forwarded.stop);
            assert_eq!(*first.get_or_insert_with(|| answer.clone()), answer, "{} at {at}", sample.dialect);
        }
    }
}

#[tokio::test]
async fn bytes_pass_as_they_come() {
    let gate = Gate::default();
    let first = b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n";
    let script = vec![stream_head(), chunk(first), Step::Wait(gate.clone()), chunk(b"event: x\n\n"), last_chunk()];
    let upstream = Upstream::start(vec![script]);
    let mut between = Between::to(&upstream).await;
    let mut caller = between.call(&samples::samples()[0], true).await;
    let mut call = between.next_call().await;
    let task = tokio::spawn(async move { forward(&mut call.exchange, false).await });
    // The upstream waits until the caller has the beginning.
    caller.until("msg_1").await;
    gate.open();
    assert!(caller.reply().await.text().ends_with("event: x\n\n"));
    task.await.unwrap();
}

#[tokio::test]
async fn errors_of_the_provider_pass_unmodified() {
    let overloaded = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#;
    for (status, body) in [
        (529, &overloaded[..]),
        (429, b"{\"error\": {\"message\": \"slow down\"}}"),
        (502, b"<html>bad gateway</html>"),
        (500, b""),
    ] {
        for sample in samples::samples() {
            let script = whole(status, "content-type: text/plain\r\nretry-after: 7\r\nx-should-retry: true\r\n", body);
            let upstream = Upstream::start(vec![script]);
            let mut between = Between::to(&upstream).await;
            let caller = between.call(&sample, true).await;
            let forwarded = forward(&mut between.next_call().await.exchange, false).await;
            let reply = caller.reply().await;
            assert_eq!((reply.status, &reply.body[..]), (status, body), "{}", sample.dialect);
            assert!(reply.head.contains("retry-after: 7") && reply.head.contains("x-should-retry: true"));
            assert_eq!((forwarded.status, forwarded.whole), (status, false));
            assert!(forwarded.fault.is_some() || body.is_empty(), "{}: {forwarded:?}", sample.dialect);
        }
    }
}

#[tokio::test]
async fn what_is_no_model_call_passes_without_a_decision() {
    for (line, answer) in [
        ("POST /v1/messages/count_tokens?beta=true", &b"{\"input_tokens\": 3}"[..]),
        ("POST /v1/responses/compact", b"{}"),
        ("GET /v1/models", b"{\"data\": []}"),
        ("POST /v1beta/models/m:countTokens", b"{\"totalTokens\": 1}"),
        // One that can't be read is passed on too.
        ("POST /v1/messages", b"{\"type\": \"error\"}"),
    ] {
        let upstream = Upstream::start(vec![json(200, answer)]);
        let mut between = Between::to(&upstream).await;
        let reply = between.send(line, &[], b"neither JSON").await.reply().await;
        assert_eq!((reply.status, &reply.body[..]), (200, answer), "{line}");
        assert_eq!(upstream.seen()[0].body, b"neither JSON");
        let Arrived::Passed(passed) = between.next().await else { panic!("{line}") };
        let path = line.split('?').next().unwrap();
        assert!(passed.what.starts_with(path) && passed.status == Some(200), "{passed:?}");
        assert_eq!(between.gateway.counts().calls, 0);
    }
}

#[tokio::test]
async fn the_first_knock_of_claude_code_is_answered() {
    let upstream = Upstream::start(vec![whole(200, "x-from: upstream\r\n", b"")]);
    let between = Between::to(&upstream).await;
    let reply = between.send("HEAD /", &[], b"").await.reply().await;
    assert!(reply.status == 200 && reply.head.contains("x-from: upstream"));
    assert!(upstream.seen()[0].head.starts_with("head / http/1.1"));
}

#[tokio::test]
async fn another_protocol_is_refused_so_that_the_program_takes_this_one() {
    let upstream = Upstream::start(vec![json(200, b"{}")]);
    let mut between = Between::to(&upstream).await;
    let headers = [("upgrade", "websocket"), ("sec-websocket-version", "13")];
    let reply = between.send("GET /v1/responses", &headers, b"").await.reply().await;
    assert_eq!(reply.status, 426);
    assert!(matches!(between.next().await, Arrived::Passed(passed) if passed.status == Some(426)));
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn two_agents_at_once_get_each_its_own() {
    let samples = samples::samples();
    let mut between = Vec::new();
    for sample in &samples[..2] {
        let upstream = Upstream::start(vec![stream(sample.answer(true))]);
        between.push((Between::to(&upstream).await, upstream));
    }
    // Each of ten calls is decided on in the opposite order of its arrival.
    for (at, sample) in samples[..2].iter().enumerate() {
        let (between, _) = &mut between[at];
        let mut callers = Vec::new();
        let mut calls = Vec::new();
        for agent in 0..10 {
            let (session, agent) = (format!("s{}", agent % 2), format!("a{agent}"));
            let headers = [("x-claude-code-session-id", session.as_str()), ("x-claude-code-agent-id", &agent)];
            let body = sample.request(true).to_string();
            callers.push(between.send(sample.line(true), &headers, body.as_bytes()).await);
            let call = between.next_call().await;
            assert_eq!((call.facts.session.as_deref(), call.facts.agent.as_deref()), (Some(&*session), Some(&*agent)));
            calls.push(call);
        }
        for call in calls.iter_mut().rev() {
            forward(&mut call.exchange, false).await;
        }
        for caller in callers {
            assert_eq!(caller.reply().await.body, sample.answer(true));
        }
        assert_eq!(between.gateway.counts().calls, 10);
    }
    assert_eq!(samples[0].dialect, Dialect::Messages);
}
