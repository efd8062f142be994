//! Held answers that are odd: errors, halves, one body for a stream.

use super::upstream::{Upstream, chunk, json, stream, stream_head};
use super::*;

#[tokio::test]
async fn a_held_error_is_released_as_it_came() {
    for sample in samples::samples() {
        let body = br#"{"error":{"message":"no","type":"x"}}"#;
        let upstream = Upstream::start(vec![json(400, body)]);
        let mut between = Between::to(&upstream).await;
        let caller = between.call(&sample, true).await;
        let mut call = between.next_call().await;
        let forwarded = forward(&mut call.exchange, true).await;
        assert_eq!((forwarded.status, forwarded.fault.is_some()), (400, true));
        call.exchange.release(None).await.unwrap();
        let reply = caller.reply().await;
        assert_eq!((reply.status, &reply.body[..]), (400, &body[..]));
    }
}

#[tokio::test]
async fn half_an_answer_is_half_an_answer_for_the_client_too() {
    for sample in samples::samples() {
        for hold in [true, false] {
            let half = &sample.answer(true)[..sample.answer(true).len() / 2];
            let upstream = Upstream::start(vec![vec![stream_head(), chunk(half)]]);
            let mut between = Between::to(&upstream).await;
            let caller = between.call(&sample, true).await;
            let mut call = between.next_call().await;
            let forwarded = forward(&mut call.exchange, hold).await;
            assert!(!forwarded.whole && forwarded.fault.unwrap().starts_with("the answer broke off"));
            if hold {
                call.exchange.release(None).await.unwrap();
            }
            let reply = caller.reply().await;
            assert_eq!((reply.whole, &reply.body[..]), (false, half), "{}", sample.dialect);
        }
    }
}

#[tokio::test]
async fn an_answer_to_a_begun_stream_is_part_of_it() {
    for sample in samples::samples() {
        let scripts = vec![
            stream(sample.answer(true)),
            json(200, sample.answer(false)),
            json(429, br#"{"error":{"message":"slow down","type":"rate","status":"X","code":429}}"#),
        ];
        let upstream = Upstream::start(scripts);
        let mut between = Between::start(&upstream.url(), hasty()).await;
        for (at, hold) in [(0, true), (1, true), (2, true)] {
            let mut caller = between.call(&sample, true).await;
            let mut call = between.next_call().await;
            // Nobody decides: the reply begins by itself.
            state(&call.exchange, ClientState::Begun).await;
            caller.until("200 OK").await;
            forward(&mut call.exchange, hold).await;
            call.exchange.release(None).await.unwrap();
            let reply = caller.reply().await;
            assert_eq!((reply.status, reply.whole), (200, true));
            let read = sample.read(&reply.body);
            match at {
                0 => assert_eq!(without_pings(&sample, &reply), sample.answer(true), "{}", sample.dialect),
                1 => assert_eq!(read.text(), sample.read(sample.answer(false)).text(), "{}", sample.dialect),
                _ => assert!(read.fault.unwrap().to_string().contains("slow down"), "{}", sample.dialect),
            }
        }
    }
}
