//! Requests and answers that somebody edited.

use serde_json::json;

use super::upstream::{Upstream, stream};
use super::*;
use crate::model::{Conversation, LlmRequest, LlmResponse, Message, ToolCall};
use crate::wire::Dialect;

fn saying(request: &LlmRequest, text: &str) -> LlmRequest {
    let message = Message::User { text: text.into() };
    LlmRequest { messages: Conversation::from(vec![message]), ..request.clone() }
}

#[tokio::test]
async fn an_edited_request_differs_in_what_was_edited_only() {
    for sample in samples::samples() {
        let upstream = Upstream::start(vec![stream(sample.answer(true))]);
        let mut between = Between::to(&upstream).await;
        let caller = between.call(&sample, true).await;
        let mut call = between.next_call().await;
        let mut edited = saying(&call.request, "leave it untidy");
        edited.model.model = "m-2".into();
        call.exchange.forward(Some(&edited), false, &Progress::channel().0).await.unwrap();
        assert_eq!(caller.reply().await.body, sample.answer(true));
        let seen = &upstream.seen()[0];
        let expected = sample.request(true).to_string().replace("tidy the repo", "leave it untidy");
        assert_eq!(String::from_utf8_lossy(&seen.body), expected.replace("m-1", "m-2"), "{}", sample.dialect);
        assert_eq!(seen.header("content-length"), Some(seen.body.len().to_string().as_str()));
        if sample.dialect == Dialect::Gemini {
            assert!(seen.head.contains("/models/m-2:streamgeneratecontent?alt=sse&key=s3cret-key"), "{}", seen.head);
        }
    }
}

#[tokio::test]
async fn a_held_answer_reaches_nobody_until_it_is_released() {
    for sample in samples::samples() {
        let upstream = Upstream::start(vec![stream(sample.answer(true))]);
        let mut between = Between::to(&upstream).await;
        let caller = between.call(&sample, true).await;
        let mut call = between.next_call().await;
        let forwarded = forward(&mut call.exchange, true).await;
        assert!(forwarded.whole);
        assert_eq!(call.exchange.client(), ClientState::Waiting, "{}", sample.dialect);
        assert_eq!(caller.came(), b"");
        call.exchange.release(None).await.unwrap();
        let reply = caller.reply().await;
        assert_eq!((reply.body, reply.whole), (sample.answer(true).to_vec(), true), "{}", sample.dialect);
        assert!(reply.head.contains("request-id: req_1"));
    }
}

#[tokio::test]
async fn an_edited_answer_keeps_all_but_the_edit() {
    for sample in samples::samples() {
        for streamed in [true, false] {
            let script = if streamed { stream(sample.answer(true)) } else { upstream::json(200, sample.answer(false)) };
            let upstream = Upstream::start(vec![script]);
            let mut between = Between::to(&upstream).await;
            let caller = between.call(&sample, streamed).await;
            let mut call = between.next_call().await;
            let shown = forward(&mut call.exchange, true).await.response;
            let mut edited = LlmResponse { text: "Edited.".into(), ..shown.clone() };
            if let Some(call) = edited.calls.first_mut() {
                call.args = json!({"path": "other"});
            }
            call.exchange.release(Some(&edited)).await.unwrap();
            let reply = caller.reply().await;
            let (read, before) = (sample.read(&reply.body), sample.read(sample.answer(streamed)));
            assert_eq!((read.text().as_str(), read.whole, &read.fault), ("Edited.", true, &None), "{}", sample.dialect);
            assert_eq!(read.reasoning(), before.reasoning(), "{}", sample.dialect);
            let calls = |answer: &crate::wire::Answer| {
                answer.calls().map(|call| (call.id.clone(), call.name.clone())).collect::<Vec<_>>()
            };
            let (now, then) = (read.parts.clone(), before.parts.clone());
            let read_again = crate::wire::Answer { parts: now, ..Default::default() };
            let before = crate::wire::Answer { parts: then, ..Default::default() };
            assert_eq!(calls(&read_again), calls(&before), "{}", sample.dialect);
            if let Some(call) = read_again.calls().next().filter(|_| sample.dialect != Dialect::Responses) {
                assert_eq!(call.args, json!({"path": "other"}), "{}", sample.dialect);
            }
            let signed = |answer: &crate::wire::Answer| {
                let sources =
                    answer.parts.iter().filter(|part| matches!(part.kind, crate::wire::PartKind::Reasoning(_)));
                sources.map(|part| part.source.clone()).collect::<Vec<_>>()
            };
            assert_eq!(signed(&read_again), signed(&before), "{}", sample.dialect);
            let kind = if streamed { "text/event-stream" } else { "application/json" };
            assert!(reply.head.contains(&format!("content-type: {kind}")), "{}", reply.head);
        }
    }
}

#[tokio::test]
async fn an_answer_by_hand_comes_in_the_client_s_form() {
    let call = ToolCall { name: "bash".into(), args: json!({"command": "ls"}) };
    let said = LlmResponse { text: "By hand.".into(), calls: vec![call], ..LlmResponse::default() };
    for sample in samples::samples() {
        for streamed in [true, false] {
            let upstream = Upstream::start(vec![vec![]]);
            let mut between = Between::to(&upstream).await;
            let caller = between.call(&sample, streamed).await;
            let mut call = between.next_call().await;
            call.exchange.answer(&said).await.unwrap();
            let reply = caller.reply().await;
            let read = sample.read(&reply.body);
            assert_eq!((reply.status, read.text().as_str(), read.whole), (200, "By hand.", true), "{}", sample.dialect);
            assert_eq!(read.calls().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["bash"]);
            assert_eq!(read.model.as_deref(), Some("m-1"), "{}", sample.dialect);
            let is_stream = reply.head.contains("text/event-stream");
            assert_eq!(is_stream, streamed, "{}", sample.dialect);
            assert_eq!(upstream.seen().len(), 0);
            assert!(call.exchange.answer(&said).await.is_err(), "it was answered before");
        }
    }
}

#[tokio::test]
async fn an_edit_that_can_t_be_sent_leaves_the_call_as_it_was() {
    let sample = &samples::samples()[0];
    let upstream = Upstream::start(vec![stream(sample.answer(true))]);
    let mut between = Between::to(&upstream).await;
    let caller = between.call(sample, true).await;
    let mut call = between.next_call().await;
    let result = Message::Tool { call: 0, name: "t".into(), text: "no call".into() };
    let messages = call.request.messages.iter().cloned().chain([result]).collect::<Vec<_>>();
    let edited = LlmRequest { messages: Conversation::from(messages), ..call.request.clone() };
    let error = call.exchange.forward(Some(&edited), false, &Progress::channel().0).await.unwrap_err();
    assert!(error.to_string().starts_with("edit the request: the provider refuses a result without its tool call"));
    assert_eq!((upstream.seen().len(), call.exchange.client()), (0, ClientState::Waiting));
    forward(&mut call.exchange, false).await;
    assert_eq!(caller.reply().await.body, sample.answer(true));
}
