//! Conversations at the provider, and packed bodies.

use std::io::Write as _;

use serde_json::{Value as Json, json};

use super::upstream::{Upstream, json as answers, stream, whole};
use super::*;
use crate::effects::gateway::History;
use crate::model::{Conversation, LlmRequest, LlmResponse, Message};

fn response(id: &str, output: &Json) -> Vec<u8> {
    let body = json!({"id": id, "object": "response", "status": "completed", "model": "m", "output": output});
    body.to_string().into_bytes()
}

#[tokio::test]
async fn a_request_that_holds_its_end_only_shows_the_whole_conversation() {
    let call = json!([{"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "ls", "arguments": "{}"}]);
    let said = json!([{"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]}]);
    let upstream =
        Upstream::start(vec![answers(200, &response("resp_1", &call)), answers(200, &response("resp_2", &said))]);
    let mut between = Between::to(&upstream).await;
    let line = "POST /v1/responses";
    let first = json!({"model": "m", "input": "list"}).to_string();
    let caller = between.send(line, &[], first.as_bytes()).await;
    forward(&mut between.next_call().await.exchange, false).await;
    caller.reply().await;
    let second = json!({"model": "m", "previous_response_id": "resp_1", "x": 1, "input": [
        {"type": "function_call_output", "call_id": "call_1", "output": "a.txt"},
    ]});
    // As it came: the provider knows the rest.
    let caller = between.send(line, &[], second.to_string().as_bytes()).await;
    let mut call = between.next_call().await;
    assert_eq!(call.facts.history, History::Joined);
    let shown: Vec<Message> = call.request.messages.iter().cloned().collect();
    assert_eq!(shown.len(), 3);
    assert_eq!(shown[2], Message::Tool { call: 0, name: "ls".into(), text: "a.txt".into() });
    // An edit of the end keeps the reference.
    let mut edited = shown.clone();
    edited[2] = Message::Tool { call: 0, name: "ls".into(), text: "b.txt".into() };
    let edited = LlmRequest { messages: Conversation::from(edited), ..call.request.clone() };
    call.exchange.forward(Some(&edited), false, &Progress::channel().0).await.unwrap();
    caller.reply().await;
    let sent = upstream.seen()[1].json();
    assert_eq!((&sent["previous_response_id"], &sent["x"]), (&json!("resp_1"), &json!(1)));
    assert_eq!(sent["input"], json!([{"type": "function_call_output", "call_id": "call_1", "output": "b.txt"}]));
    // An edit of the beginning sends all of it.
    let caller = between.send(line, &[], second.to_string().as_bytes()).await;
    let mut call = between.next_call().await;
    let mut edited = shown.clone();
    edited[0] = Message::User { text: "list all".into() };
    let edited = LlmRequest { messages: Conversation::from(edited), ..call.request.clone() };
    call.exchange.forward(Some(&edited), false, &Progress::channel().0).await.unwrap();
    caller.reply().await;
    let sent = upstream.seen()[2].json();
    assert_eq!((sent.get("previous_response_id"), sent["input"].as_array().map(Vec::len)), (None, Some(3)));
}

#[tokio::test]
async fn what_the_provider_doesn_t_know_is_sent_along() {
    let sample = &samples::samples()[1];
    let upstream = Upstream::start(vec![stream(sample.answer(true))]);
    let mut between = Between::to(&upstream).await;
    let caller = between.call(sample, true).await;
    let mut call = between.next_call().await;
    let by_hand = LlmResponse { text: "By hand.".into(), ..LlmResponse::default() };
    call.exchange.answer(&by_hand).await.unwrap();
    let id = sample.read(&caller.reply().await.body).id.unwrap();
    assert!(id.starts_with("resp_") && id.len() > 20, "{id}");
    let next = json!({"model": "m", "stream": true, "previous_response_id": id, "input": "and now?"});
    let caller = between.send(sample.line(true), &[], next.to_string().as_bytes()).await;
    let mut call = between.next_call().await;
    assert_eq!(call.request.messages.len(), 3);
    forward(&mut call.exchange, false).await;
    caller.reply().await;
    let sent = upstream.seen()[0].json();
    assert_eq!(sent.get("previous_response_id"), None);
    assert_eq!(sent["input"][1]["content"][0]["text"], "By hand.");
    let unknown = json!({"model": "m", "previous_response_id": "resp_elsewhere", "input": "hi"});
    let _caller = between.send(sample.line(true), &[], unknown.to_string().as_bytes()).await;
    assert_eq!(between.next_call().await.facts.history, History::AtProvider);
}

#[tokio::test]
async fn packed_bodies_pass_packed_and_are_read_unpacked() {
    let sample = &samples::samples()[0];
    let gzip = |bytes: &[u8]| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    };
    let packed = gzip(sample.answer(true));
    let script = whole(200, "content-type: text/event-stream\r\ncontent-encoding: gzip\r\n", &packed);
    let upstream = Upstream::start(vec![script]);
    let mut between = Between::to(&upstream).await;
    let plain = sample.request(true).to_string();
    let zstd = ruzstd::encoding::compress_to_vec(plain.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let headers = [("content-encoding", "zstd")];
    let caller = between.send(sample.line(true), &headers, &zstd).await;
    let mut call = between.next_call().await;
    assert_eq!(call.facts.body, plain.as_bytes());
    let forwarded = forward(&mut call.exchange, false).await;
    assert_eq!((forwarded.whole, &forwarded.raw[..]), (true, sample.answer(true)));
    assert_eq!(caller.reply().await.body, packed);
    assert_eq!(
        (upstream.seen()[0].body.clone(), upstream.seen()[0].header("content-encoding")),
        (zstd.clone(), Some("zstd"))
    );
    // Edited, both go as they are.
    let caller = between.send(sample.line(true), &headers, &zstd).await;
    let mut call = between.next_call().await;
    let edited = LlmRequest { system: "Be bad.".into(), ..call.request.clone() };
    let shown = call.exchange.forward(Some(&edited), true, &Progress::channel().0).await.unwrap().response;
    call.exchange.release(Some(&LlmResponse { text: "Edited.".into(), ..shown })).await.unwrap();
    let reply = caller.reply().await;
    assert!(!reply.head.contains("content-encoding"), "{}", reply.head);
    assert_eq!(sample.read(&reply.body).text(), "Edited.");
    assert_eq!(upstream.seen()[1].header("content-encoding"), None);
    assert_eq!(upstream.seen()[1].json()["system"], "Be bad.");
}
