//! Bounds: sizes, numbers, and slow ones that hold up nobody else.

use super::upstream::{Gate, Step, Upstream, chunk, json, last_chunk, stream, stream_head};
use super::*;
use crate::effects::gateway::ExchangeError;

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_in_the_dialect() {
    let limits = Limits { request: 1000, ..Limits::default() };
    let upstream = Upstream::start(vec![vec![]]);
    let between = Between::start(&upstream.url(), limits).await;
    let reply = between.send("POST /v1/messages", &[], &vec![b' '; 2000]).await.reply().await;
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (413, &"request_too_large".into()));
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let limits = Limits { head: 16 << 10, ..Limits::default() };
    let upstream = Upstream::start(vec![vec![]]);
    let between = Between::start(&upstream.url(), limits).await;
    let long = "x".repeat(64 << 10);
    let reply = between.send("POST /v1/messages", &[("x-long", &long)], b"{}").await.reply().await;
    assert_eq!(reply.status, 431);
}

#[tokio::test]
async fn too_many_undecided_calls_are_refused_and_room_comes_back() {
    let sample = &samples::samples()[0];
    let limits = Limits { undecided: 2, ..Limits::default() };
    let upstream = Upstream::start(vec![stream(sample.answer(true))]);
    let mut between = Between::start(&upstream.url(), limits).await;
    let first = between.call(sample, true).await;
    let mut decided = between.next_call().await;
    let _second = between.call(sample, true).await;
    let _undecided = between.next_call().await;
    let third = between.call(sample, true).await.reply().await;
    assert_eq!((third.status, &third.json()["error"]["type"]), (503, &"overloaded_error".into()));
    forward(&mut decided.exchange, false).await;
    first.reply().await;
    let _fourth = between.call(sample, true).await;
    let mut held = between.next_call().await;
    forward(&mut held.exchange, true).await;
    // One that is held is not decided on.
    assert_eq!(between.call(sample, true).await.reply().await.status, 503);
    held.exchange.release(None).await.unwrap();
    let _fifth = between.call(sample, true).await;
    between.next_call().await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_to_hold_is_an_error_for_both() {
    let sample = &samples::samples()[0];
    let limits = Limits { answer: 1000, ..Limits::default() };
    let upstream = Upstream::start(vec![stream(sample.answer(true))]);
    let mut between = Between::start(&upstream.url(), limits).await;
    let caller = between.call(sample, true).await;
    let mut call = between.next_call().await;
    let error = call.exchange.forward(None, true, &Progress::channel().0).await.unwrap_err();
    assert_eq!(error, ExchangeError::TooLarge(1000));
    let reply = caller.reply().await;
    assert!(reply.status == 502 && reply.text().contains("larger than 1000 bytes"));
    // Unheld it passes, whatever its size.
    let caller = between.call(sample, true).await;
    forward(&mut between.next_call().await.exchange, false).await;
    assert_eq!(caller.reply().await.body, sample.answer(true));
}

#[tokio::test]
async fn a_huge_answer_passes_and_a_part_of_it_is_kept() {
    let sample = &samples::samples()[2];
    let piece = format!(
        "data: {}\n\n",
        serde_json::json!({"choices": [{"index": 0, "delta": {"content": "x".repeat(60_000)}}]})
    );
    let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let mut script = vec![stream_head()];
    script.extend((0..400).map(|_| chunk(piece.as_bytes())));
    script.extend([chunk(end.as_bytes()), last_chunk()]);
    let upstream = Upstream::start(vec![script]);
    let mut between = Between::start(&upstream.url(), Limits { kept: 10_000, ..Limits::default() }).await;
    let caller = between.call(sample, true).await;
    let mut call = between.next_call().await;
    let task = tokio::spawn(async move { forward(&mut call.exchange, false).await });
    let reply = caller.reply().await;
    assert_eq!(reply.body.len(), 400 * piece.len() + end.len());
    let forwarded = task.await.unwrap();
    assert_eq!((forwarded.raw.len(), forwarded.response.text.len(), forwarded.whole), (10_000, 24_000_000, true));
}

#[tokio::test]
async fn a_slow_client_and_a_slow_provider_hold_up_nobody_else() {
    let sample = &samples::samples()[0];
    let gate = Gate::default();
    let mut flood = vec![stream_head()];
    flood.extend((0..400).map(|_| chunk(&vec![b'\n'; 1 << 16])));
    let slow = vec![stream_head(), chunk(b"\n"), Step::Wait(gate.clone()), last_chunk()];
    let upstream = Upstream::start(vec![flood, slow, stream(sample.answer(true))]);
    let mut between = Between::to(&upstream).await;
    // This one never reads, the next one's provider says nothing more.
    let mut callers = Vec::new();
    for _ in 0..2 {
        callers.push(between.call(sample, true).await);
        let mut call = between.next_call().await;
        let seen = upstream.seen().len();
        tokio::spawn(async move { forward(&mut call.exchange, false).await });
        timeout(PATIENCE, async {
            while upstream.seen().len() == seen {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await
        .unwrap();
    }
    let third = between.call(sample, true).await;
    forward(&mut between.next_call().await.exchange, false).await;
    assert_eq!(third.reply().await.body, sample.answer(true));
    gate.open();
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_their_turn() {
    let upstream = Upstream::start(vec![json(200, b"{}")]);
    let limits = Limits { connections: 1, ..Limits::default() };
    let mut between = Between::start(&upstream.url(), limits).await;
    let sample = &samples::samples()[0];
    let first = between.call(sample, false).await;
    let mut call = between.next_call().await;
    let second = between.send("GET /v1/models", &[], b"").await;
    assert_eq!(upstream.seen().len(), 0);
    call.exchange.refuse(400, "no").await.unwrap();
    assert_eq!(first.reply().await.status, 400);
    assert_eq!(second.reply().await.status, 200);
}
