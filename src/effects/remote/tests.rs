//! Requests against a server on loopback.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::content::LARGEST;
use super::http::{client, send};
use super::*;
use crate::effects::confine::Shell;
use crate::effects::llm::test_server::{Server, Step, reply};
use crate::effects::mask::Masker;

fn get(url: String) -> HttpCall {
    HttpCall { method: HttpMethod::Get, url, headers: Vec::new(), body: None }
}

fn env(name: &str) -> Option<String> {
    (name == "TOKEN").then(|| "very-secret-value".to_owned())
}

async fn sent(call: &HttpCall) -> RemoteAnswer {
    send(&client().unwrap(), call, &Masker::default(), &env).await
}

fn url(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.place())
}

#[tokio::test]
async fn variables_are_filled_in_when_sent_and_masked_in_the_answer() {
    let server = Server::start(vec![reply(200, "Content-Type: text/plain\r\n", "you are very-secret-value")]);
    let headers = vec![("Authorization".to_owned(), "Bearer ${TOKEN}".to_owned())];
    let call = HttpCall { headers, ..get(url(&server, "/a?key=${TOKEN}&cost=$$5&${OTHER}")) };
    let answer = sent(&call).await;
    assert_eq!(answer, RemoteAnswer::good("you are [masked TOKEN]"));
    let head = server.seen()[0].head.clone();
    assert!(head.starts_with("GET /a?key=very-secret-value&cost=$5&${OTHER} HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("authorization: bearer very-secret-value\r\n"), "{head}");
    assert!(
        !RemoteCall { target: RemoteTarget::Http(call), timeout_seconds: 1, compensation: None }
            .line()
            .contains("very-secret")
    );
}

#[tokio::test]
async fn an_error_of_the_server_is_told_with_its_body() {
    let server = Server::start(vec![reply(404, "", "no such page")]);
    assert_eq!(sent(&get(url(&server, "/"))).await, RemoteAnswer::failed("[HTTP 404 Not Found]\nno such page"));
    let empty = Server::start(vec![reply(204, "", "")]);
    assert_eq!(sent(&get(url(&empty, "/"))).await, RemoteAnswer::good("[HTTP 204 No Content]"));
}

#[tokio::test]
async fn nobody_there_means_that_nothing_was_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    drop(listener);
    let answer = sent(&get(format!("http://{place}/?k=${{TOKEN}}"))).await;
    assert!(!answer.reached && answer.fault, "{answer:?}");
    assert!(answer.text.contains("check the address") && !answer.text.contains("very-secret"), "{answer:?}");
}

#[tokio::test]
async fn another_server_is_not_followed_to() {
    let other = Server::start(vec![reply(200, "", "stolen")]);
    let server = Server::start(vec![
        reply(302, "Location: /b\r\n", ""),
        reply(302, &format!("Location: {}\r\n", url(&other, "/c")), ""),
    ]);
    let answer = sent(&get(url(&server, "/a"))).await;
    assert_eq!(answer.text, format!("[HTTP 302 Found; it leads to {}]", url(&other, "/c")));
    assert_eq!((server.count(), other.count()), (2, 0), "within one server it is passed on");
}

#[tokio::test]
async fn a_long_answer_is_cut_and_a_slow_one_given_up() {
    let long = Server::start(vec![reply(200, "Content-Type: text/plain\r\n", &"x".repeat(LARGEST + 1))]);
    let answer = sent(&get(url(&long, "/"))).await;
    assert!(answer.text.ends_with("x\n[cut: the answer is longer than 1000000 bytes]") && !answer.fault);
    let silent = Server::start(vec![vec![Step::Pause(Duration::from_secs(600))]]);
    let remotes = Remotes::new(Shell::unconfined("/"), Arc::default());
    let call =
        RemoteCall { target: RemoteTarget::Http(get(url(&silent, "/"))), timeout_seconds: 1, compensation: None };
    let answer = remotes.run(&call, &ServerHost::default(), &CancellationToken::new()).await;
    assert!(answer.fault && answer.reached && answer.text.starts_with("no answer within 1 s"), "{answer:?}");
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(remotes.run(&call, &ServerHost::default(), &stop).await.text.starts_with("stopped"));
}
