//! The settings of one provider's client.

use std::time::Duration;

use super::wait::Waits;
use crate::wire::Dialect;

/// How long to wait for a first and for each further byte, unless the settings say otherwise.
const USUAL: Duration = Duration::from_secs(120);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// How long each stage of a call may take. A whole call has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOuts {
    /// Until there is a connection, encryption included.
    pub connect: Duration,
    /// From the request to the first byte of the answer.
    pub first_byte: Duration,
    /// From one byte of the answer to the next.
    pub idle: Duration,
}

/// The settings of one provider's client.
#[derive(Clone)]
pub struct Settings {
    provider: String,
    dialect: Dialect,
    base_url: Option<String>,
    key: Option<String>,
    time_outs: TimeOuts,
    waits: Waits,
}

impl Default for TimeOuts {
    fn default() -> Self {
        Self { connect: CONNECT, first_byte: USUAL, idle: USUAL }
    }
}

impl Settings {
    /// The usual settings of a provider that speaks a dialect; its name is for messages.
    #[must_use]
    pub fn new(provider: &str, dialect: Dialect) -> Self {
        let provider = provider.to_owned();
        Self { provider, dialect, base_url: None, key: None, time_outs: TimeOuts::default(), waits: Waits::default() }
    }

    /// With a server's address; `None` stands for the dialect's own server.
    #[must_use]
    pub fn base_url(mut self, base_url: Option<&str>) -> Self {
        self.base_url = base_url.map(str::to_owned);
        self
    }

    /// With an API key, as the environment has it.
    #[must_use]
    pub fn key(mut self, key: Option<&str>) -> Self {
        self.key = key.map(str::to_owned);
        self
    }

    /// With the provider's `timeout_seconds`: the longest wait for a first and for each further byte.
    #[must_use]
    pub fn timeout_seconds(self, seconds: u64) -> Self {
        let limit = Duration::from_secs(seconds);
        let time_outs = TimeOuts { first_byte: limit, idle: limit, ..self.time_outs };
        self.time_outs(time_outs)
    }

    /// With these time-outs.
    #[must_use]
    pub fn time_outs(mut self, time_outs: TimeOuts) -> Self {
        self.time_outs = time_outs;
        self
    }

    /// With these bounds on trying again.
    #[must_use]
    pub fn waits(mut self, waits: Waits) -> Self {
        self.waits = waits;
        self
    }

    pub(super) fn provider(&self) -> &str {
        &self.provider
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn written_url(&self) -> Option<&str> {
        self.base_url.as_deref()
    }

    pub(super) fn written_key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    pub(super) fn limits(&self) -> (TimeOuts, Waits) {
        (self.time_outs, self.waits)
    }
}
