//! Reads an answer as its bytes arrive.

use serde_json::Value as Json;

use super::answer::{Answer, Fault, Piece};
use super::body::{Body, Item};
use super::dialect::Dialect;

/// The largest answer, in bytes on the wire.
const LARGEST: usize = 512 << 20;

/// Puts an answer together from the events of its stream.
pub(super) trait Assemble: Send {
    /// Takes an event; `name` is its name on the wire (empty when it has none).
    fn event(&mut self, name: &str, json: Json, heard: &mut dyn FnMut(Piece<'_>));

    /// Takes `[DONE]`.
    fn done(&mut self) {}

    /// The answer, as far as it came.
    fn answer(self: Box<Self>) -> Answer;
}

/// Reads one answer, in whatever pieces its bytes arrive: streamed or whole.
pub struct Decoder {
    dialect: Dialect,
    body: Body,
    assembled: Box<dyn Assemble>,
    /// A body that was not streamed.
    whole: Option<Answer>,
    fault: Option<Fault>,
    bytes: usize,
}

impl Decoder {
    /// A decoder for one answer.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        let assembled = dialect.assemble();
        Self { dialect, body: Body::default(), assembled, whole: None, fault: None, bytes: 0 }
    }

    /// Takes bytes; `heard` gets the pieces of text that they complete.
    pub fn push(&mut self, bytes: &[u8], mut heard: impl FnMut(Piece<'_>)) {
        if self.fault.is_some() {
            return;
        }
        self.bytes += bytes.len();
        if self.bytes > LARGEST {
            self.fault = Some(Fault::TooLarge(LARGEST));
            return;
        }
        let mut items = Vec::new();
        let cut = self.body.push(bytes, &mut items);
        self.take(items, &mut heard);
        self.fault = cut.err();
    }

    /// True when it reads nothing more, because of a fault; [`finish`](Self::finish) names it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.fault.is_some()
    }

    /// Everything came; returns the answer, whole or as far as it came, with its fault if it has one.
    #[must_use]
    pub fn finish(mut self, mut heard: impl FnMut(Piece<'_>)) -> Answer {
        let mut items = Vec::new();
        let ended = std::mem::take(&mut self.body).end(&mut items);
        self.take(items, &mut heard);
        let mut answer = self.whole.unwrap_or_else(|| self.assembled.answer());
        answer.fault = answer.fault.or(self.fault).or(ended.err());
        answer.whole &= answer.fault.is_none();
        answer
    }

    fn take(&mut self, items: Vec<Item>, heard: &mut dyn FnMut(Piece<'_>)) {
        for item in items {
            match item {
                Item::Event { name, json } => self.assembled.event(&name, json, heard),
                Item::Done => self.assembled.done(),
                Item::Whole(json) => {
                    let answer = self.dialect.read_answer(&json);
                    let (reasoning, text) = (answer.reasoning(), answer.text());
                    for piece in [Piece::Reasoning(&reasoning), Piece::Text(&text)] {
                        if !matches!(piece, Piece::Reasoning("") | Piece::Text("")) {
                            heard(piece);
                        }
                    }
                    self.whole = Some(answer);
                }
            }
        }
    }
}
