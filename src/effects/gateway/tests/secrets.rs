//! Secrets: the gateway's own, and those of the programs that come through it.

use super::upstream::{Upstream, json, stream};
use super::*;

#[tokio::test]
async fn a_request_without_the_secret_is_nowhere() {
    let sample = &samples::samples()[0];
    let upstream = Upstream::start(vec![json(200, b"{}")]);
    let mut between = Between::to(&upstream).await;
    let (place, secret) = between.gateway.root().rsplit_once('/').unwrap();
    let wrong = format!("{}x", &secret[..secret.len() - 1]);
    let body = sample.request(true).to_string();
    for root in [place.to_owned(), format!("{place}/{wrong}"), format!("{place}/v1"), format!("{place}/{secret}0")] {
        let reply = Caller::send(&root, sample.line(true), &[], body.as_bytes()).await.reply().await;
        assert_eq!((reply.status, reply.body.len()), (404, 0), "{root}");
    }
    for count in 1..=4 {
        assert!(matches!(between.next().await, Arrived::Forged(forged) if forged == count));
    }
    let counts = between.gateway.counts();
    assert_eq!((counts.calls, counts.passed, counts.forged), (0, 0, 4));
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn nothing_secret_is_in_a_report() {
    for sample in samples::samples() {
        let upstream = Upstream::start(vec![stream(sample.answer(true))]);
        let mut between = Between::to(&upstream).await;
        let headers = [
            ("x-api-key", "s3cret-key"),
            ("x-goog-api-key", "s3cret-key"),
            ("authorization", "Bearer s3cret-token"),
            ("cookie", "c=s3cret-cookie"),
        ];
        let body = sample.request(true).to_string().replace("Be good.", "The key is value-of-a-key.");
        let caller = between.send(sample.line(true), &headers, body.as_bytes()).await;
        let mut call = between.next_call().await;
        assert_eq!(call.request.system, "The key is [masked MY_API_KEY].");
        let forwarded = forward(&mut call.exchange, true).await;
        let shown = format!("{call:?} {forwarded:?} {:?}", between.gateway);
        let secret = between.gateway.root().rsplit('/').next().unwrap();
        for hidden in ["s3cret", "value-of-a-key", secret] {
            assert!(!shown.contains(hidden), "{hidden}: {shown}");
        }
        call.exchange.release(None).await.unwrap();
        caller.reply().await;
        // What is sent is what came.
        assert_eq!(upstream.seen()[0].body, body.as_bytes());
        let passed = between.send("GET /v1beta/models?key=s3cret-key", &headers, b"").await;
        passed.reply().await;
        let Arrived::Passed(passed) = between.next().await else { panic!("nothing passed") };
        assert!(!format!("{passed:?}").contains("s3cret"), "{passed:?}");
    }
}

#[tokio::test]
async fn the_gateway_ends_with_its_handle() {
    let upstream = Upstream::start(vec![vec![]]);
    let mut between = Between::to(&upstream).await;
    let caller = between.call(&samples::samples()[0], true).await;
    let call = between.next_call().await;
    let place = between.gateway.root().strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    drop(between.gateway);
    state(&call.exchange, ClientState::Left).await;
    drop(caller);
    timeout(PATIENCE, async {
        while tokio::net::TcpStream::connect(&place).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}
