//! Answers that are held: sent as they came, or edited.

use hyper::body::Bytes;
use hyper::http::{HeaderMap, StatusCode};
use serde_json::Value as Json;

use super::client::Opened;
use super::encoding::{is_plain, unpack};
use super::exchange::{Exchange, Stage};
use super::exchange_error::ExchangeError;
use super::headers::{to_client, without_body};
use super::held::{Held, is_stream, output};
use super::made::name_calls;
use crate::model::LlmResponse;
use crate::wire::{Answer, Dialect, change_answer};

/// Bytes that are sent at a time.
const PIECE: usize = 64 << 10;

impl Exchange {
    /// Sends the answer that is held: as it came, or with an edit of its texts and of the arguments of its calls.
    /// Reasoning and signatures stay as the model sent them.
    ///
    /// # Errors
    /// When none is held, or when the client has gone.
    pub async fn release(&mut self, edited: Option<&LlmResponse>) -> Result<(), ExchangeError> {
        if !matches!(self.stage, Stage::Held(_)) {
            return Err(ExchangeError::NotHeld);
        }
        let Some(held) = self.take_undecided()? else { return Err(ExchangeError::NotHeld) };
        match edited.filter(|edited| **edited != held.shown) {
            None => self.deliver(*held).await,
            Some(edited) if held.status.is_success() && held.answer.fault.is_none() => {
                let mut answer = change_answer(&held.answer, &held.shown, edited);
                answer.whole = true;
                name_calls(self.dialect(), &self.asked.own, &mut answer);
                let mut headers = to_client(&held.headers);
                without_body(&mut headers);
                self.send_made(&answer, headers, held.whole.as_ref()).await
            }
            Some(edited) => {
                let model = &self.asked.outline.request().model.model;
                let answer = super::made::made_answer(self.dialect(), model, &self.asked.own, edited);
                self.send_answer(&answer).await
            }
        }
    }

    /// Sends an answer that was made here.
    pub(super) async fn send_answer(&mut self, answer: &Answer) -> Result<(), ExchangeError> {
        let whole = self.asked.joined.as_ref().map_or(&self.asked.own, |joined| &joined.body).clone();
        let whole = (self.dialect() == Dialect::Responses).then_some(whole);
        self.send_made(answer, HeaderMap::new(), whole.as_ref()).await
    }

    /// Sends an answer in the client's form, under the headers of the provider's own.
    async fn send_made(
        &mut self,
        answer: &Answer,
        mut headers: HeaderMap,
        whole: Option<&Json>,
    ) -> Result<(), ExchangeError> {
        if let (Some(whole), Some(id)) = (whole, &answer.id) {
            // The provider doesn't know it, or knows it otherwise.
            self.shared.responses().keep(id, whole, output(self.dialect(), answer), false);
        }
        let (own, bytes) = self.shape.answer(answer);
        headers.extend(own);
        match self.client.open(StatusCode::OK, headers).await {
            Opened::Left => return Err(ExchangeError::Left),
            Opened::Sent | Opened::Before => self.send_all(bytes).await,
        }
        self.end().await
    }

    /// Sends an answer as it came.
    pub(super) async fn deliver(&mut self, held: Held) -> Result<(), ExchangeError> {
        let Held { status, headers, bytes, cut, answer, .. } = held;
        match self.client.open(status, to_client(&headers)).await {
            Opened::Left => return Err(ExchangeError::Left),
            Opened::Sent => self.send_all(bytes.into()).await,
            Opened::Before if !status.is_success() && !self.shape.is_streamed() => {
                // It can't be an error by its status any more: a client takes a broken connection for one, and tries again.
                self.client.break_off(&format!("the provider answered HTTP {}", status.as_u16())).await;
                return Ok(());
            }
            Opened::Before if !status.is_success() => {
                let body = unpack(&headers, &bytes, self.shared.limits.answer).unwrap_or_default();
                self.client.send(self.shape.upstream_event(status, &body)).await;
                return self.end().await;
            }
            Opened::Before if is_stream(&headers) == self.shape.is_streamed() && is_plain(&headers) => {
                self.send_all(bytes.into()).await;
            }
            Opened::Before if is_stream(&headers) == self.shape.is_streamed() => {
                let body = unpack(&headers, &bytes, self.shared.limits.answer).unwrap_or_default();
                self.send_all(body.into()).await;
            }
            // One body came where a stream was asked for.
            Opened::Before => self.send_all(self.shape.answer(&answer).1).await,
        }
        match cut {
            None => self.end().await,
            Some(why) => {
                self.client.break_off(&why).await;
                Ok(())
            }
        }
    }

    async fn send_all(&self, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            self.client.send(piece).await;
        }
    }
}
