//! Sends a call to its provider, and passes the answer on as it comes while a copy is read.

use hyper::body::Bytes;
use hyper::http::{HeaderMap, StatusCode};
use reqwest::Response;
use tokio::time::timeout;

use super::client::{ClientState, Opened};
use super::encoding::{is_plain, unpack};
use super::exchange::{Exchange, Forwarded, Stage};
use super::exchange_error::ExchangeError;
use super::headers::to_client;
use super::prepare::{Prepared, prepare};
use super::release::Held;
use super::service::Service;
use super::shape::describe;
use crate::effects::llm::{Progress, describe_passing, neutral_response};
use crate::model::{LlmRequest, LlmResponse};
use crate::wire::{Answer, Decoder, Piece};

/// The copy of an answer, as far as it came.
struct Copy {
    status: StatusCode,
    headers: HeaderMap,
    /// Reads bytes as they come; `None`: they are packed, and read at the end.
    decoder: Option<Decoder>,
    /// The body: all of it when it is held or packed, else up to the bound.
    bytes: Vec<u8>,
    most: usize,
    /// Why it ended early.
    cut: Option<String>,
}

/// The end of reading an answer.
enum End {
    Over,
    Left,
    TooLarge,
}

impl Exchange {
    /// Sends the call on, byte for byte, or with an edit of the request laid over it. The answer goes to the client as it
    /// comes; held, nothing of it does until [`release`](Self::release), and it is read to its end even when the client
    /// goes. Without a hold, a client that goes ends the call at the provider too.
    ///
    /// # Errors
    /// When the edit can't be sent, when the provider is not reached, and when the client has gone before an answer came.
    pub async fn forward(
        &mut self,
        edited: Option<&LlmRequest>,
        hold: bool,
        progress: &Progress,
    ) -> Result<Forwarded, ExchangeError> {
        if !matches!(self.stage, Stage::Undecided) {
            return Err(ExchangeError::Over);
        }
        let mut prepared = prepare(&self.shared, self.dialect(), &self.asked, edited)?;
        let whole = prepared.whole.take();
        self.client.wait(!hold).await;
        let response = match self.send(prepared, hold).await {
            Ok(response) => response,
            Err(error) => {
                // Somebody may decide anew.
                self.client.wait(false).await;
                return Err(error);
            }
        };
        self.take_undecided()?;
        let mut copy = self.copy(&response, hold);
        let opened = if hold { None } else { Some(self.client.open(copy.status, to_client(&copy.headers)).await) };
        let passes = match opened {
            Some(Opened::Sent) => true,
            // Its own head was sent before: only a stream can follow.
            Some(Opened::Before) => copy.status.is_success() && copy.decoder.is_some() && is_stream(&copy.headers),
            Some(Opened::Left) | None => false,
        };
        if !passes {
            copy.most = self.shared.limits.answer;
        }
        let end = match opened {
            Some(Opened::Left) => End::Left,
            _ => self.read(response, &mut copy, passes, hold, progress).await,
        };
        if let End::TooLarge = end {
            let error = ExchangeError::TooLarge(copy.most);
            let words = format!("tama-tui failed to {error}");
            // That the client has gone changes nothing here.
            let _ = self.fail(StatusCode::BAD_GATEWAY.as_u16(), &words).await;
            return Err(error);
        }
        let (held, mut forwarded) = self.finish(copy, whole, progress).await;
        if hold {
            self.stage = Stage::Held(Box::new(held));
        } else if passes {
            match &held.cut {
                Some(why) => self.client.break_off(why).await,
                None => self.client.end().await,
            };
        } else if !matches!(end, End::Left) {
            // The client is told in its stream; that it has gone is seen below.
            let _ = self.deliver(held).await;
        }
        forwarded.client_left = matches!(end, End::Left) || self.client() == ClientState::Left;
        Ok(forwarded)
    }

    async fn send(&self, prepared: Prepared, hold: bool) -> Result<Response, ExchangeError> {
        let upstream = self.shared.upstreams.get(Service::of(self.dialect()));
        let unreached = |why: String| ExchangeError::Unreached { upstream: upstream.shown(), why };
        let Prepared { method, url, headers, body, .. } = prepared;
        let request = upstream.http().request(method, url).headers(headers).body(body);
        tokio::select! {
            () = self.client.left(), if !hold => Err(ExchangeError::Left),
            sent = timeout(self.shared.limits.upstream, request.send()) => match sent {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(error)) => Err(unreached(describe_passing(&error))),
                Err(_) => Err(unreached("no answer in time".to_owned())),
            }
        }
    }

    fn copy(&self, response: &Response, hold: bool) -> Copy {
        let headers = response.headers().clone();
        let plain = is_plain(&headers);
        let limits = &self.shared.limits;
        let most = if hold || !plain { limits.answer } else { limits.kept };
        let decoder = plain.then(|| Decoder::new(self.dialect()));
        Copy { status: response.status(), headers, decoder, bytes: Vec::new(), most, cut: None }
    }

    /// Reads an answer to its end, and passes it on if it `passes`.
    async fn read(
        &self,
        mut response: Response,
        copy: &mut Copy,
        passes: bool,
        hold: bool,
        progress: &Progress,
    ) -> End {
        loop {
            let chunk = tokio::select! {
                () = self.client.left(), if !hold => return End::Left,
                chunk = timeout(self.shared.limits.upstream, response.chunk()) => chunk,
            };
            let bytes = match chunk {
                Ok(Ok(Some(bytes))) => bytes,
                Ok(Ok(None)) => return End::Over,
                Ok(Err(error)) => {
                    copy.cut = Some(describe_passing(&error));
                    return End::Over;
                }
                Err(_) => {
                    copy.cut = Some("nothing came in time".to_owned());
                    return End::Over;
                }
            };
            if passes {
                self.client.send(bytes.clone()).await;
            }
            if !copy.take(&bytes, progress) && !passes {
                return End::TooLarge;
            }
        }
    }

    /// Puts the answer together, and keeps what a later request may refer to.
    async fn finish(&self, copy: Copy, whole: Option<serde_json::Value>, progress: &Progress) -> (Held, Forwarded) {
        let Copy { status, headers, decoder, bytes, cut, .. } = copy;
        let mut decoder = decoder;
        let mut unpacked = None;
        if decoder.is_none() {
            let (headers, packed, most) = (headers.clone(), bytes.clone(), self.shared.limits.answer);
            // It takes a while, and the reply goes on meanwhile.
            let read = tokio::task::spawn_blocking(move || unpack(&headers, &packed, most).ok()).await;
            unpacked = read.ok().flatten();
            let mut late = Decoder::new(self.dialect());
            late.push(unpacked.as_deref().unwrap_or_default(), |piece| report(progress, piece));
            decoder = Some(late);
        }
        let answer = decoder.map(|decoder| decoder.finish(|piece| report(progress, piece))).unwrap_or_default();
        if let (Some(whole), Some(id)) = (&whole, answer.id.as_deref().filter(|_| status.is_success())) {
            self.shared.responses().keep(id, whole, output(self.dialect(), &answer), true);
        }
        let response = self.neutral(&answer);
        let fault = cut.clone().map(|why| format!("the answer broke off: {why}"));
        let fault = answer.fault.as_ref().map(describe).or(fault);
        let raw = unpacked.unwrap_or_else(|| bytes[..bytes.len().min(self.shared.limits.kept)].to_vec());
        let forwarded = Forwarded {
            status: status.as_u16(),
            response: response.clone(),
            call_ids: answer.calls().map(|call| call.id.clone()).collect(),
            stop: answer.stop.as_ref().map(|stop| stop.kind),
            whole: answer.whole && cut.is_none(),
            fault: fault.map(|fault| self.shared.mask(&fault)),
            client_left: false,
            raw,
        };
        (Held { status, headers, bytes, cut, answer, shown: response, whole }, forwarded)
    }

    /// An answer in neutral form, without secrets.
    fn neutral(&self, answer: &Answer) -> LlmResponse {
        let mut response = neutral_response(self.dialect(), self.asked.outline.request(), answer).0;
        response.state = None;
        response.text = self.shared.mask(&response.text);
        response.reasoning = self.shared.mask(&response.reasoning);
        for call in &mut response.calls {
            call.args = self.shared.masker.mask_json(std::mem::take(&mut call.args));
        }
        response
    }
}

impl Copy {
    /// Takes bytes; returns false when there are more than may be kept.
    fn take(&mut self, bytes: &Bytes, progress: &Progress) -> bool {
        if let Some(decoder) = &mut self.decoder {
            decoder.push(bytes, |piece| report(progress, piece));
        }
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        bytes.len() <= room
    }
}

fn report(progress: &Progress, piece: Piece<'_>) {
    match piece {
        Piece::Text(text) => progress.text(text.to_owned()),
        Piece::Reasoning(text) => progress.reasoning(text.to_owned()),
    }
}

/// The items of a response, as a later request refers to them.
pub(super) fn output(dialect: crate::wire::Dialect, answer: &Answer) -> Vec<serde_json::Value> {
    match dialect.echo(answer) {
        serde_json::Value::Array(items) => items,
        item => vec![item],
    }
}

/// True if a body is a stream of events.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    super::headers::text(headers, "content-type").is_some_and(|kind| kind.starts_with("text/event-stream"))
}
