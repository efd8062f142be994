//! A call, and a failed try of it.

use std::time::Duration;

use reqwest::{RequestBuilder, Url};
use serde_json::Value as Json;

use super::setup::Client;
use crate::wire::Answer;

/// One call as it is sent, each try alike.
pub(super) struct Call<'a> {
    client: &'a Client,
    model: &'a str,
    url: Url,
    body: Vec<u8>,
    stream: bool,
}

/// A failed try.
#[derive(Debug)]
pub(super) struct Failure {
    /// The reason, short: for the wait.
    pub(super) why: String,
    /// Advice.
    pub(super) hint: Option<String>,
    pub(super) so_far: Option<Answer>,
    /// The answer's head and body as far as they came.
    pub(super) raw: Vec<u8>,
    pub(super) again: Again,
}

/// The possibility of another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// None.
    No,
    /// There is one, after the wait that the server asks for.
    Refused(Option<Duration>),
    /// There is one: the call was not sent.
    Unreached,
}

impl<'a> Call<'a> {
    /// A call of a model.
    pub(super) fn new(client: &'a Client, model: &'a str, body: &Json, stream: bool) -> Self {
        let url = client.address().call(model, stream);
        Self { client, model, url, body: body.to_string().into_bytes(), stream }
    }

    pub(super) fn client(&self) -> &'a Client {
        self.client
    }

    pub(super) fn model(&self) -> &'a str {
        self.model
    }

    /// The request of one try.
    pub(super) fn request(&self) -> RequestBuilder {
        self.client.post(self.url.clone(), self.body.clone(), self.stream)
    }

    /// Describes a time-out, with the setting to raise.
    pub(super) fn describe_silence(&self, what: &str, limit: Duration) -> String {
        let provider = self.client.provider();
        format!(
            "{what} for {} s; a slow model needs a larger timeout_seconds in [providers.{provider}]",
            limit.as_secs_f64()
        )
    }
}

impl Failure {
    /// A failure without another try.
    pub(super) fn last(why: String) -> Self {
        Self { why, hint: None, so_far: None, raw: Vec::new(), again: Again::No }
    }
}
