//! Calls that wait for a person, and clients that don't.

use super::upstream::{Gate, Step, Upstream, chunk, json, stream, stream_head};
use super::*;
use crate::effects::gateway::ExchangeError;
use crate::model::LlmResponse;

#[tokio::test]
async fn a_streamed_reply_that_waits_has_signs_of_life() {
    for sample in samples::samples() {
        let upstream = Upstream::start(vec![stream(sample.answer(true))]);
        let mut between = Between::start(&upstream.url(), hasty()).await;
        let mut caller = between.call(&sample, true).await;
        let mut call = between.next_call().await;
        let shape =
            crate::effects::gateway::shape::Shape::new(sample.dialect, crate::effects::gateway::route::Streams::Events);
        let ping = String::from_utf8(shape.ping().to_vec()).unwrap();
        // Each in a chunk of its own.
        let chunked = format!("{:X}\r\n{ping}\r\n", ping.len());
        caller.until(&chunked.repeat(3)).await;
        assert_eq!(call.exchange.client(), ClientState::Begun);
        forward(&mut call.exchange, false).await;
        let reply = caller.reply().await;
        assert_eq!(without_pings(&sample, &reply), sample.answer(true), "{}", sample.dialect);
        assert_eq!(sample.read(&reply.body).parts, sample.read(sample.answer(true)).parts, "{}", sample.dialect);
    }
}

#[tokio::test]
async fn a_reply_in_one_body_begins_with_white_space_and_is_as_it_came() {
    for sample in samples::samples() {
        let upstream = Upstream::start(vec![json(200, sample.answer(false))]);
        let mut between = Between::start(&upstream.url(), hasty()).await;
        let mut caller = between.call(&sample, false).await;
        let mut call = between.next_call().await;
        caller.until("1\r\n\n\r\n1\r\n\n\r\n").await;
        assert_eq!(call.exchange.client(), ClientState::Begun);
        forward(&mut call.exchange, false).await;
        let reply = caller.reply().await;
        assert_eq!(reply.body.trim_ascii_start(), sample.answer(false), "{}", sample.dialect);
        assert_eq!((reply.status, reply.json().is_object()), (200, true), "{}", sample.dialect);
    }
}

#[tokio::test]
async fn an_error_after_a_reply_in_one_body_has_begun_is_in_it_or_breaks_it_off() {
    let sample = &samples::samples()[0];
    let upstream = Upstream::start(vec![json(529, br#"{"type":"error","error":{"message":"Overloaded"}}"#)]);
    let mut between = Between::start(&upstream.url(), hasty()).await;
    let caller = between.call(sample, false).await;
    let mut call = between.next_call().await;
    state(&call.exchange, ClientState::Begun).await;
    call.exchange.refuse(403, "not now").await.unwrap();
    let reply = caller.reply().await;
    assert_eq!((reply.status, &reply.json()["error"]["message"]), (200, &"not now".into()));
    let caller = between.call(sample, false).await;
    let mut call = between.next_call().await;
    state(&call.exchange, ClientState::Begun).await;
    let forwarded = forward(&mut call.exchange, false).await;
    assert_eq!((forwarded.status, forwarded.fault.is_some()), (529, true));
    assert!(!caller.reply().await.whole);
}

#[tokio::test]
async fn a_reply_begins_before_the_time_at_which_its_client_gives_up() {
    let sample = &samples::samples()[0];
    let upstream = Upstream::start(vec![vec![]]);
    let mut between = Between::to(&upstream).await;
    let body = sample.request(false).to_string();
    let headers = [("x-stainless-read-timeout", "0.2")];
    let _caller = between.send(sample.line(false), &headers, body.as_bytes()).await;
    state(&between.next_call().await.exchange, ClientState::Begun).await;
}

#[tokio::test]
async fn a_reply_in_one_body_waits_longer_than_a_streamed_one() {
    let sample = &samples::samples()[0];
    let upstream = Upstream::start(vec![json(200, sample.answer(false))]);
    let limits = Limits { commit: SOON, ..Limits::default() };
    let mut between = Between::start(&upstream.url(), limits).await;
    let caller = between.call(sample, false).await;
    let mut whole = between.next_call().await;
    // A later call that streams has begun by then.
    let _other = between.call(sample, true).await;
    let other = between.next_call().await;
    state(&other.exchange, ClientState::Begun).await;
    assert_eq!(whole.exchange.client(), ClientState::Waiting);
    whole.exchange.refuse(403, "not now").await.unwrap();
    let reply = caller.reply().await;
    assert_eq!((reply.status, &reply.json()["error"]["message"]), (403, &"not now".into()));
}

#[tokio::test]
async fn a_refusal_is_an_error_by_status_or_in_the_stream() {
    for sample in samples::samples() {
        for limits in [Limits::default(), hasty()] {
            let begun = limits.commit < Limits::default().commit;
            let upstream = Upstream::start(vec![vec![]]);
            let mut between = Between::start(&upstream.url(), limits).await;
            let caller = between.call(&sample, true).await;
            let mut call = between.next_call().await;
            if begun {
                state(&call.exchange, ClientState::Begun).await;
            }
            call.exchange.refuse(403, "not now").await.unwrap();
            let reply = caller.reply().await;
            assert_eq!(reply.status, if begun { 200 } else { 403 }, "{}", sample.dialect);
            let fault = sample.read(&reply.body).fault.expect("no error");
            assert!(fault.to_string().contains("not now"), "{}: {fault}", sample.dialect);
        }
    }
}

#[tokio::test]
async fn a_call_that_nobody_decides_on_is_answered_with_an_error() {
    let sample = &samples::samples()[0];
    let upstream = Upstream::start(vec![vec![]]);
    let mut between = Between::to(&upstream).await;
    let caller = between.call(sample, true).await;
    drop(between.next_call().await);
    let reply = caller.reply().await;
    assert_eq!(reply.status, 503);
    assert!(reply.text().contains("tama-tui ended before this call was answered"));
    // Nobody listens at all.
    between.arrived.close();
    assert_eq!(between.call(sample, true).await.reply().await.status, 503);
}

#[tokio::test]
async fn a_client_that_goes_is_noticed_at_once() {
    let sample = &samples::samples()[0];
    let upstream = Upstream::start(vec![vec![]]);
    for (limits, begun) in [(Limits::default(), false), (hasty(), true)] {
        let mut between = Between::start(&upstream.url(), limits).await;
        let caller = between.call(sample, true).await;
        let mut call = between.next_call().await;
        if begun {
            state(&call.exchange, ClientState::Begun).await;
        }
        drop(caller);
        state(&call.exchange, ClientState::Left).await;
        let error = call.exchange.answer(&LlmResponse::default()).await.unwrap_err();
        assert_eq!(error, ExchangeError::Left);
    }
}

#[tokio::test]
async fn a_client_that_goes_ends_the_call_at_the_provider() {
    let sample = &samples::samples()[0];
    let closed = Gate::default();
    let half = &sample.answer(true)[..500];
    let script = vec![stream_head(), chunk(half), Step::Closed(closed.clone())];
    let upstream = Upstream::start(vec![script]);
    let mut between = Between::to(&upstream).await;
    let mut caller = between.call(sample, true).await;
    let mut call = between.next_call().await;
    let task = tokio::spawn(async move { forward(&mut call.exchange, false).await });
    caller.until("message_start").await;
    drop(caller);
    let forwarded = timeout(PATIENCE, task).await.unwrap().unwrap();
    assert!(forwarded.client_left && !forwarded.whole);
    tokio::task::spawn_blocking(move || closed.wait()).await.unwrap();
}

#[tokio::test]
async fn a_held_answer_is_kept_when_the_client_goes() {
    let sample = &samples::samples()[0];
    let gate = Gate::default();
    let bytes = sample.answer(true);
    let script = vec![
        stream_head(),
        chunk(&bytes[..500]),
        Step::Wait(gate.clone()),
        chunk(&bytes[500..]),
        upstream::last_chunk(),
    ];
    let upstream = Upstream::start(vec![script]);
    let mut between = Between::to(&upstream).await;
    let caller = between.call(sample, true).await;
    let mut call = between.next_call().await;
    let mut watch = call.exchange.watch();
    let task = tokio::spawn(async move { (forward(&mut call.exchange, true).await, call.exchange) });
    drop(caller);
    timeout(PATIENCE, watch.wait_for(|state| *state == ClientState::Left)).await.unwrap().unwrap();
    gate.open();
    let (forwarded, mut exchange) = task.await.unwrap();
    assert!(forwarded.whole && forwarded.client_left);
    assert_eq!(forwarded.response.text, sample.read(bytes).text());
    assert_eq!(exchange.release(None).await, Err(ExchangeError::Left));
}
