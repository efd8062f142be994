//! Bounds of the gateway.

use std::time::Duration;

/// Bounds of a gateway. Sizes are in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest body of a request, also after it was decompressed.
    pub request: usize,
    /// The largest head of a request: its line and its headers.
    pub head: usize,
    /// The largest answer that is held for a decision, or decompressed to be read.
    pub answer: usize,
    /// The largest part of an answer that is kept as it came.
    pub kept: usize,
    /// Connections at the same time.
    pub connections: usize,
    /// Calls at the same time that nobody has decided on yet; more are refused with 503.
    pub undecided: usize,
    /// How long a reply's head is held back while nobody has decided; then a streamed reply begins, so that the client
    /// goes on waiting.
    pub commit: Duration,
    /// The same for a reply in one body, which begins with white space then: an error of the provider can't be one by its
    /// status any more.
    pub commit_whole: Duration,
    /// The time between two signs of life in a reply that has begun.
    pub ping: Duration,
    /// The longest wait for a request's head, and for the next bytes of its body.
    pub client: Duration,
    /// The longest wait for the next bytes of an upstream's answer.
    pub upstream: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: 64 << 20,
            head: 256 << 10,
            answer: 64 << 20,
            kept: 8 << 20,
            connections: 512,
            undecided: 256,
            commit: Duration::from_secs(20),
            // Some clients give up after five minutes without a byte.
            commit_whole: Duration::from_secs(4 * 60),
            ping: Duration::from_secs(15),
            client: Duration::from_secs(60),
            // Models think for long, and the client has timers of its own.
            upstream: Duration::from_secs(30 * 60),
        }
    }
}
