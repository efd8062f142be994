//! News of a model call while it is under way: text as it arrives, and waits.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};

/// Pieces of an answer that may wait to be shown; more are dropped, as the whole answer follows.
const PIECES: usize = 256;

/// A piece of an answer, to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerPiece {
    /// Text.
    Text(String),
    /// The model's reasoning.
    Reasoning(String),
}

/// The side of the one who makes the call.
#[derive(Debug, Clone)]
pub struct Progress {
    pieces: mpsc::Sender<AnswerPiece>,
    waits: watch::Sender<Option<String>>,
    raw: Raw,
}

/// The head and the body of the answer as they came.
type Raw = Arc<Mutex<Option<Vec<u8>>>>;

/// The side of the one who shows it.
#[derive(Debug)]
pub struct ProgressReader {
    /// The pieces, until the call is over.
    pub pieces: mpsc::Receiver<AnswerPiece>,
    /// The reason for a wait, while the call waits until it is sent again.
    pub waits: watch::Receiver<Option<String>>,
    /// The answer's head and body, once they came.
    pub raw: Raw,
}

impl Progress {
    /// Both sides of one call.
    #[must_use]
    pub fn channel() -> (Self, ProgressReader) {
        let ((pieces, pieces_out), (waits, waits_out)) = (mpsc::channel(PIECES), watch::channel(None));
        let raw = Raw::default();
        let reader = ProgressReader { pieces: pieces_out, waits: waits_out, raw: raw.clone() };
        (Self { pieces, waits, raw }, reader)
    }

    /// Text came. Full, or nobody listens: the response has the whole text.
    pub fn text(&self, text: String) {
        let _ = self.pieces.try_send(AnswerPiece::Text(text));
    }

    /// Reasoning came.
    pub fn reasoning(&self, text: String) {
        let _ = self.pieces.try_send(AnswerPiece::Reasoning(text));
    }

    /// The call waits, for this reason.
    pub fn waits(&self, why: String) {
        self.waits.send_replace(Some(why));
    }

    /// The call goes on.
    pub fn goes_on(&self) {
        self.waits.send_replace(None);
    }

    /// The head and the body of the answer, to be kept beside it.
    pub fn keep_raw(&self, raw: Vec<u8>) {
        *self.raw.lock().unwrap_or_else(PoisonError::into_inner) = Some(raw);
    }
}
