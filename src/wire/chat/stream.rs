//! An answer that is streamed, put together from its chunks.

use serde_json::Value as Json;

use super::parts::Parts;
use super::value::{items, text, word};
use super::{answer, error, usage};
use crate::wire::decoder::Assemble;
use crate::wire::{Answer, Fault, Piece, Usage};

/// Puts an answer together.
pub(in crate::wire) fn assemble() -> Box<dyn Assemble> {
    Box::<Stream>::default()
}

#[derive(Debug, Default)]
struct Stream {
    id: Option<String>,
    model: Option<String>,
    usage: Option<Usage>,
    fault: Option<Fault>,
    /// The index of the choice that counts.
    choice: Option<Json>,
    parts: Parts,
    /// The last choice with a word for why the model stopped.
    finish: Option<Json>,
    done: bool,
}

impl Assemble for Stream {
    fn event(&mut self, name: &str, json: Json, heard: &mut dyn FnMut(Piece<'_>)) {
        let named = name.eq_ignore_ascii_case("error");
        self.fault = self.fault.take().or_else(|| error::fault(&json, named));
        self.id = self.id.take().or_else(|| word(&json, "id"));
        self.model = self.model.take().or_else(|| word(&json, "model"));
        usage::take(&mut self.usage, usage::read(&json));
        let Some(choice) = self.pick(&json) else { return };
        let object = |name: &str| choice.get(name).filter(|message| message.is_object());
        match (object("delta"), object("message"), text(choice, "text")) {
            (Some(delta), ..) => self.parts.delta(delta, heard),
            (None, Some(message), _) => self.parts.message(message, heard),
            (None, None, Some(piece)) => self.parts.text(piece, None, heard),
            (None, None, None) => {}
        }
        self.fault = self.fault.take().or_else(|| error::of_choice(choice));
        if answer::finish_word(choice).is_some() {
            let mut choice = choice.as_object().cloned().unwrap_or_default();
            choice.shift_remove("delta");
            choice.shift_remove("message");
            self.finish = Some(Json::Object(choice));
        }
    }

    fn done(&mut self) {
        self.done = true;
    }

    fn answer(self: Box<Self>) -> Answer {
        let refusal = self.parts.refusal();
        let mut whole = Answer {
            id: self.id,
            model: self.model,
            parts: self.parts.finish(),
            usage: self.usage,
            whole: self.done,
            fault: self.fault,
            ..Answer::default()
        };
        let choice = self.finish.unwrap_or(Json::Null);
        answer::finish(&mut whole, answer::finish_word(&choice), refusal.as_deref(), &choice);
        whole
    }
}

impl Stream {
    /// The choice of a chunk that counts, if the chunk has it.
    fn pick<'a>(&mut self, json: &'a Json) -> Option<&'a Json> {
        let index = |choice: &Json| choice.get("index").filter(|index| !index.is_null()).cloned().unwrap_or(0.into());
        let counts = self.choice.get_or_insert(index(answer::first(json)?));
        items(json.get("choices")).iter().find(|choice| choice.is_object() && index(choice) == *counts)
    }
}
