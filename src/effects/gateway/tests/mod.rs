//! The gateway between a program and a provider that do as a test says, all over sockets.

mod bounds;
mod caller;
mod edits;
mod faults;
mod held;
mod kept;
mod passing;
mod samples;
mod secrets;
mod upstream;
mod waiting;

use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::{Arrived, ClientState, Exchange, Forwarded, Gateway, Limits, ModelCall, Setup, Upstreams};
use crate::effects::Masker;
use crate::effects::llm::Progress;
use caller::{Caller, Reply};
use samples::Sample;
use upstream::{PATIENCE, Upstream};

/// A gateway and what comes through it.
struct Between {
    gateway: Gateway,
    arrived: Receiver<Arrived>,
}

impl Between {
    async fn start(upstream: &str, limits: Limits) -> Self {
        let env = |name: &str| match name {
            "ANTHROPIC_BASE_URL" | "GOOGLE_GEMINI_BASE_URL" => Some(upstream.to_owned()),
            "OPENAI_BASE_URL" => Some(format!("{upstream}/v1")),
            _ => None,
        };
        let upstreams = Upstreams::from_env(&env).unwrap();
        let secret = ("MY_API_KEY".to_owned(), "value-of-a-key".to_owned());
        let setup = Setup::new(upstreams, Masker::new([secret])).limits(limits);
        let (gateway, arrived) = Gateway::start(setup).await.unwrap();
        Self { gateway, arrived }
    }

    async fn to(upstream: &Upstream) -> Self {
        Self::start(&upstream.url(), Limits::default()).await
    }

    async fn send(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Caller {
        Caller::send(self.gateway.root(), line, headers, body).await
    }

    async fn call(&self, sample: &Sample, streamed: bool) -> Caller {
        let body = sample.request(streamed).to_string();
        self.send(sample.line(streamed), &[], body.as_bytes()).await
    }

    async fn next(&mut self) -> Arrived {
        timeout(PATIENCE, self.arrived.recv()).await.expect("nothing arrived").expect("the gateway has ended")
    }

    async fn next_call(&mut self) -> ModelCall {
        loop {
            if let Arrived::Call(call) = self.next().await {
                return *call;
            }
        }
    }
}

/// Sends a call on as it is.
async fn forward(exchange: &mut Exchange, hold: bool) -> Forwarded {
    exchange.forward(None, hold, &Progress::channel().0).await.unwrap()
}

/// Waits for a state of the client.
async fn state(exchange: &Exchange, wanted: ClientState) {
    let mut watch = exchange.watch();
    timeout(PATIENCE, watch.wait_for(|state| *state == wanted)).await.expect("the state did not come").unwrap();
}

/// A short patience.
const SOON: Duration = Duration::from_millis(20);

/// Bounds with short patience.
fn hasty() -> Limits {
    Limits { commit: SOON, commit_whole: SOON, ping: SOON, ..Limits::default() }
}

/// A reply without the signs of life before it.
fn without_pings(sample: &Sample, reply: &Reply) -> Vec<u8> {
    let shape = super::shape::Shape::new(sample.dialect, super::route::Streams::Events);
    let ping = shape.ping();
    let mut rest = &reply.body[..];
    while let Some(after) = rest.strip_prefix(&ping[..]) {
        rest = after;
    }
    rest.to_vec()
}
