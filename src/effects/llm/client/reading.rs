//! Reads the answer of a call as it arrives, and finds out if it is whole.

use std::time::Duration;

use reqwest::Response;
use tokio::time::timeout;

use super::call::{Again, Call, Failure};
use super::head::head;
use super::heard::{Exchange, Heard};
use super::hints::hint;
use super::refusal::{Refusal, words_of};
use super::retry::is_passing;
use super::transport::describe_cut;
use crate::wire::{Answer, Decoder, Fault, PartKind, Piece, parse};

/// Bytes of an answer that are kept.
const KEPT: usize = 8 << 20;
/// How long a connection may stay open after the last event of a stream.
const CLOSING: Duration = Duration::from_secs(2);

/// A body as it was read.
struct Body {
    answer: Answer,
    /// Its head and its body.
    raw: Vec<u8>,
    /// Bytes of the head.
    head: usize,
    /// Why it ended early.
    cut: Option<String>,
    /// True when a part of it has been shown.
    heard: bool,
}

impl Call<'_> {
    /// Reads an answer.
    pub(super) async fn read(
        &self,
        response: Response,
        heard: &mut (dyn FnMut(Heard) + Send),
    ) -> Result<Exchange, Failure> {
        let body = self.read_body(response, heard).await;
        match self.find_fault(&body) {
            None => Ok(Exchange { answer: body.answer, raw: body.raw }),
            Some(failure) => Err(Failure { raw: body.raw, ..failure }),
        }
    }

    async fn read_body(&self, mut response: Response, heard: &mut (dyn FnMut(Heard) + Send)) -> Body {
        let limits = self.client().limits().0;
        let mut decoder = Decoder::new(self.client().dialect());
        let mut raw = head(&response);
        let (head_length, mut spoke) = (raw.len(), false);
        let mut take = |piece: Piece<'_>| {
            spoke = true;
            heard(match piece {
                Piece::Text(text) => Heard::Text(text.to_owned()),
                Piece::Reasoning(text) => Heard::Reasoning(text.to_owned()),
            });
        };
        let mut limit = limits.first_byte;
        let cut = loop {
            match timeout(limit, response.chunk()).await {
                Ok(Ok(Some(bytes))) => {
                    raw.extend_from_slice(&bytes[..bytes.len().min(KEPT + head_length - raw.len())]);
                    decoder.push(&bytes, &mut take);
                    if decoder.is_over() {
                        break None;
                    }
                    limit = if is_last(&raw) { limits.idle.min(CLOSING) } else { limits.idle };
                }
                Ok(Ok(None)) => break None,
                Ok(Err(error)) => break Some(describe_cut(&error)),
                Err(_) => break Some(self.describe_silence("nothing came", limit)),
            }
        };
        let answer = decoder.finish(&mut take);
        Body { answer, raw, head: head_length, cut, heard: spoke }
    }

    /// Finds the reason why a body is no whole answer.
    fn find_fault(&self, body: &Body) -> Option<Failure> {
        let Body { answer, cut, heard, .. } = body;
        let raw = &body.raw[body.head..];
        let clean = |text: &str| self.client().redact(text);
        let unread = matches!(answer.fault, Some(Fault::NotAnAnswer(_)));
        let ends_early = |why: &str| unread && (cut.is_some() || why.contains("EOF while parsing"));
        let fault = answer.fault.as_ref().filter(|fault| !ends_early(&fault.to_string()));
        let has_parts = answer.parts.iter().any(|part| !is_empty(&part.kind));
        let refusal = match fault {
            Some(fault) => Refusal::from_fault(fault, raw, &clean),
            None if answer.whole => return None,
            None => match error_in(raw).filter(|()| !has_parts) {
                Some(()) => Refusal::from_body(self.client().dialect(), raw, &clean),
                None => return Some(self.broken_off(answer, cut.as_deref(), has_parts)),
            },
        };
        let hint = hint(self.client(), self.model(), &refusal);
        let is_untouched = !has_parts && !heard;
        let again = if is_untouched && is_passing(&refusal) { Again::Refused(refusal.asked) } else { Again::No };
        let words = match refusal.status {
            Some(status) => format!("the server reported an error ({status}): {}", refusal.words),
            None if matches!(fault, Some(Fault::Server { .. }) | None) => {
                format!("the server reported an error: {}", refusal.words)
            }
            None => refusal.words,
        };
        let why = if has_parts { describe_break(answer, &words) } else { words };
        Some(Failure { why, hint, so_far: has_parts.then(|| self.without_secrets(answer)), raw: Vec::new(), again })
    }

    /// An answer as far as it came; its parts as they are, the server's words without the key.
    fn without_secrets(&self, answer: &Answer) -> Answer {
        let mut answer = answer.clone();
        if let Some(Fault::Server { message, .. }) = &mut answer.fault {
            *message = self.client().redact(message);
        }
        answer
    }

    fn broken_off(&self, answer: &Answer, cut: Option<&str>, has_parts: bool) -> Failure {
        let why = describe_break(answer, &self.client().redact(cut.unwrap_or("the server closed the connection")));
        Failure { so_far: has_parts.then(|| self.without_secrets(answer)), ..Failure::last(why) }
    }
}

/// Describes an answer that stopped in the middle.
fn describe_break(answer: &Answer, why: &str) -> String {
    match answer.text().chars().count() {
        0 => format!("the answer broke off before any text: {why}"),
        count => format!("the answer broke off after {count} characters: {why}"),
    }
}

/// True when a body ends with the last event of a stream. Some servers leave the connection open after it.
fn is_last(raw: &[u8]) -> bool {
    let end = raw.trim_ascii_end();
    [&b"data: [DONE]"[..], b"data:[DONE]", b"\"message_stop\"}"].iter().any(|last| end.ends_with(last))
}

/// Looks for an error in a body of JSON that the dialect's codec found none in.
fn error_in(raw: &[u8]) -> Option<()> {
    let json = parse(raw).ok()?;
    let json = json.as_array().and_then(|list| list.first()).unwrap_or(&json);
    words_of(json).map(|_| ())
}

fn is_empty(kind: &PartKind) -> bool {
    matches!(kind, PartKind::Text(text) | PartKind::Reasoning(text) if text.is_empty())
}
