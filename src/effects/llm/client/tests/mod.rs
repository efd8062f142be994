//! Tests against a scripted server.

mod address;
mod bodies;
mod connection;
mod proxies;
mod secrets;
pub(in crate::effects) mod server;
mod statuses;

use std::time::{Duration, Instant};

use serde_json::json;

use self::server::Server;
use super::settings::TimeOuts;
use super::{Client, Exchange, ExchangeError, Heard, Settings, Waits};
use crate::wire::Dialect;

/// Settings for a test's server, with small limits.
fn settings(server: &Server) -> Settings {
    let time_outs = TimeOuts { connect: ms(2000), first_byte: ms(5000), idle: ms(5000) };
    let settings = Settings::new("lab", Dialect::Chat).base_url(Some(&format!("http://{}/v1", server.place())));
    settings.key(Some("sk-secret-0123456789")).time_outs(time_outs)
}

fn client(settings: &Settings) -> Client {
    Client::build(settings, &|_| None).unwrap()
}

/// Makes a call, and lists its progress.
async fn call(client: &Client) -> (Result<Exchange, ExchangeError>, Vec<Heard>) {
    let mut heard = Vec::new();
    let body = json!({"model": "m", "messages": [], "stream": true});
    let result = client.exchange("m", &body, true, &mut |piece| heard.push(piece)).await;
    (result, heard)
}

/// The message of a call that fails at a server with these settings.
async fn failure(client: &Client) -> String {
    let (result, _) = call(client).await;
    result.unwrap_err().to_string()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn quick(tries: u32) -> Waits {
    Waits { tries, total: Duration::from_secs(5) }
}

/// Panics when a call took longer than expected.
fn assert_quick(since: Instant) {
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
}

#[test]
fn exchanges_can_run_on_any_thread() {
    fn is_send<T: Send>(_: &T) {}
    fn is_shared<T: Send + Sync>(_: &T) {}
    let client = client(&Settings::new("lab", Dialect::Chat).base_url(Some("http://127.0.0.1:9")));
    is_shared(&client);
    let body = json!({});
    let mut heard = |_| {};
    is_send(&client.exchange("m", &body, true, &mut heard));
}
