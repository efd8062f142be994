//! Providers that are not there, and clients that are odd.

use super::upstream::{Upstream, stream};
use super::*;
use crate::effects::gateway::ExchangeError;
use crate::model::LlmResponse;

#[tokio::test]
async fn a_provider_that_is_not_there_leaves_the_call_to_be_decided() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for sample in samples::samples() {
        let mut between = Between::start(&gone, Limits::default()).await;
        let caller = between.call(&sample, true).await;
        let mut call = between.next_call().await;
        let error = call.exchange.forward(None, false, &Progress::channel().0).await.unwrap_err();
        let ExchangeError::Unreached { why, upstream } = &error else { panic!("{error}") };
        assert_eq!(why, "connection refused");
        assert!(upstream.starts_with(&gone) && !error.to_string().contains("s3cret"), "{error}");
        let by_hand = LlmResponse { text: "Later.".into(), ..LlmResponse::default() };
        call.exchange.answer(&by_hand).await.unwrap();
        assert_eq!(sample.read(&caller.reply().await.body).text(), "Later.");
    }
    let between = Between::start(&gone, Limits::default()).await;
    let reply = between.send("POST /v1/messages/count_tokens", &[], b"{}").await.reply().await;
    assert_eq!(reply.status, 502);
    assert!(reply.text().contains("connection refused"));
}

#[tokio::test]
async fn a_provider_that_says_nothing_is_not_waited_for_for_ever() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let limits = Limits { upstream: Duration::from_millis(50), ..Limits::default() };
    let mut between = Between::start(&url, limits).await;
    let caller = between.call(&samples::samples()[0], true).await;
    let mut call = between.next_call().await;
    let error = call.exchange.forward(None, false, &Progress::channel().0).await.unwrap_err();
    assert!(error.to_string().contains("no answer in time"), "{error}");
    call.exchange.refuse(504, "no answer").await.unwrap();
    assert_eq!(caller.reply().await.status, 504);
}

#[tokio::test]
async fn many_oddly_cut_requests_harm_nobody() {
    let sample = &samples::samples()[0];
    let upstream = Upstream::start(vec![stream(sample.answer(true))]);
    let mut between = Between::to(&upstream).await;
    let place = between.gateway.root().strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    for garbage in
        [&b"\0\0\0"[..], b"GET", b"POST / HTTP/1.1\r\ncontent-length: 9999\r\n\r\nx", b"\x16\x03\x01\x02\x00"]
    {
        let mut stream = tokio::net::TcpStream::connect(&place).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, garbage).await.unwrap();
    }
    let caller = between.call(sample, true).await;
    forward(&mut between.next_call().await.exchange, false).await;
    assert_eq!(caller.reply().await.body, sample.answer(true));
}
