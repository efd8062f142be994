//! The handle of one model call: decides what becomes of it.

use std::fmt;
use std::sync::Arc;

use hyper::http::StatusCode;
use serde_json::Value as Json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::arrival::Came;
use super::client::{Client, ClientState, Opened};
use super::exchange_error::ExchangeError;
use super::history::Joined;
use super::made::made_answer;
use super::release::Held;
use super::shape::Shape;
use super::shared::Shared;
use crate::model::LlmResponse;
use crate::wire::{Dialect, Outline, StopKind};

/// One model call, to be sent on, answered or refused. Left without a decision, it is answered with an error.
pub struct Exchange {
    pub(super) shared: Arc<Shared>,
    pub(super) client: Client,
    pub(super) shape: Shape,
    pub(super) asked: Asked,
    pub(super) stage: Stage,
    /// Counts it among the undecided.
    permit: Option<OwnedSemaphorePermit>,
}

/// The request of a call.
pub(super) struct Asked {
    pub(super) came: Came,
    /// Its body as it came.
    pub(super) own: Json,
    /// Its body with the conversation before it, where that is at the provider.
    pub(super) joined: Option<Joined>,
    pub(super) outline: Outline,
}

/// How far a call is.
pub(super) enum Stage {
    Undecided,
    /// Its answer came, and the client has not got it.
    Held(Box<Held>),
    Over,
}

/// The answer of a call that was sent on.
#[derive(Clone)]
pub struct Forwarded {
    /// The status of the provider's answer.
    pub status: u16,
    /// The answer in neutral form, without secrets; as far as it came.
    pub response: LlmResponse,
    /// The provider's own ids of its calls, in order; an empty one where it gave none.
    pub call_ids: Vec<String>,
    /// Why the model stopped; `None`: nothing said so.
    pub stop: Option<StopKind>,
    /// True if it came to its end by the dialect's rule.
    pub whole: bool,
    /// The error that the provider reported, or the reason why the answer broke off, without secrets.
    pub fault: Option<String>,
    /// True if the client had gone before it had all of the answer.
    pub client_left: bool,
    /// The body as it came, up to a bound, with all its secrets: it must be masked before it is stored or shown.
    pub raw: Vec<u8>,
}

impl Exchange {
    pub(super) fn new(
        shared: Arc<Shared>,
        client: Client,
        shape: Shape,
        asked: Asked,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self { shared, client, shape, asked, stage: Stage::Undecided, permit: Some(permit) }
    }

    /// The state of the client.
    #[must_use]
    pub fn client(&self) -> ClientState {
        self.client.state()
    }

    /// The state of the client, as it changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<ClientState> {
        self.client.watch()
    }

    /// Answers the call by hand, in the client's dialect and form; also in place of an answer that is held.
    ///
    /// # Errors
    /// When the client has gone, or has its answer.
    pub async fn answer(&mut self, answer: &LlmResponse) -> Result<(), ExchangeError> {
        self.take_undecided()?;
        let model = &self.asked.outline.request().model.model;
        let answer = made_answer(self.dialect(), model, &self.asked.own, answer);
        self.send_answer(&answer).await
    }

    /// Refuses the call with an error of the client's dialect: by its status, or in the stream where that has begun.
    ///
    /// # Errors
    /// When the client has gone, or has its answer.
    pub async fn refuse(&mut self, status: u16, text: &str) -> Result<(), ExchangeError> {
        self.take_undecided()?;
        self.fail(status, text).await
    }

    /// Sends an error.
    pub(super) async fn fail(&mut self, status: u16, text: &str) -> Result<(), ExchangeError> {
        let status = StatusCode::from_u16(status).ok().filter(|status| !status.is_success() && status.as_u16() >= 200);
        let status = status.unwrap_or(StatusCode::BAD_REQUEST);
        let (status, headers, bytes) = self.shape.error(status, text);
        match self.client.open(status, headers).await {
            Opened::Left => return Err(ExchangeError::Left),
            Opened::Sent => self.client.send(bytes).await,
            Opened::Before => self.client.send(self.shape.error_event(status, text)).await,
        }
        self.end().await
    }

    /// Ends the reply.
    pub(super) async fn end(&mut self) -> Result<(), ExchangeError> {
        match self.client.end().await {
            ClientState::Left => Err(ExchangeError::Left),
            _ => Ok(()),
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.shape.dialect()
    }

    /// Takes the call out of the undecided ones.
    pub(super) fn take_undecided(&mut self) -> Result<Option<Box<Held>>, ExchangeError> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => Err(ExchangeError::Over),
            Stage::Undecided => {
                self.permit = None;
                Ok(None)
            }
            Stage::Held(held) => {
                self.permit = None;
                Ok(Some(held))
            }
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Undecided => "undecided",
            Stage::Held(_) => "held",
            Stage::Over => "over",
        };
        f.debug_struct("Exchange").field("stage", &stage).field("client", &self.client()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, response, call_ids, stop, whole, fault, client_left, .. } = self;
        f.debug_tuple("Forwarded").field(&(status, response, call_ids, stop, whole, fault, client_left)).finish()
    }
}
