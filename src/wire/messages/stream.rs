//! An answer, put together from the events of its stream.

use serde_json::Value as Json;

use super::fault::read_fault;
use super::fields::{given, kind, text};
use super::stop::{explanation_of, stop_of};
use super::under_way::Blocks;
use super::usage::Tokens;
use crate::wire::decoder::Assemble;
use crate::wire::{Answer, Piece};

/// The answer so far.
#[derive(Debug, Default)]
pub(super) struct Stream {
    answer: Answer,
    blocks: Blocks,
    tokens: Tokens,
}

impl Assemble for Stream {
    fn event(&mut self, name: &str, json: Json, heard: &mut dyn FnMut(Piece<'_>)) {
        if let Some(fault) = read_fault(name, &json) {
            self.answer.fault.get_or_insert(fault);
            return;
        }
        if let Some(usage) = given(&json, "usage") {
            self.tokens.take(usage);
        }
        let index = || index_of(&json);
        match name_of(name, &json) {
            "message_start" => self.message(given(&json, "message").unwrap_or(&json), heard),
            // A whole answer, sent as one event.
            "message" => {
                self.message(&json, heard);
                self.answer.whole = true;
            }
            "content_block_start" => {
                self.blocks.start(index(), given(&json, "content_block").unwrap_or(&Json::Null), heard);
            }
            "content_block_delta" => self.blocks.delta(index(), given(&json, "delta").unwrap_or(&Json::Null), heard),
            "content_block_stop" => self.blocks.stop(index().as_deref(), given(&json, "content_block")),
            "message_delta" => {
                self.stop(&json);
                self.stop(given(&json, "delta").unwrap_or(&Json::Null));
                self.answer.whole |= self.answer.stop.is_some();
            }
            "message_stop" => self.answer.whole = true,
            _ => {}
        }
    }

    fn answer(self: Box<Self>) -> Answer {
        let mut answer = self.answer;
        answer.parts = self.blocks.parts();
        answer.usage = self.tokens.usage();
        answer.whole &= answer.fault.is_none();
        answer
    }
}

impl Stream {
    /// Takes a message: what it begins with, or all of it.
    fn message(&mut self, message: &Json, heard: &mut dyn FnMut(Piece<'_>)) {
        let own = |name: &str| text(message, name).map(str::to_owned);
        self.answer.id = own("id").or(self.answer.id.take());
        self.answer.model = own("model").or(self.answer.model.take());
        self.stop(message);
        if let Some(usage) = given(message, "usage") {
            self.tokens.take(usage);
        }
        // A proxy that sends all of it again at the end says nothing new.
        match message.get("content").filter(|_| self.blocks.is_empty()) {
            Some(Json::Array(blocks)) => {
                for (at, block) in blocks.iter().enumerate() {
                    self.blocks.start(Some(at.to_string()), block, heard);
                }
            }
            Some(text @ Json::String(said)) if !said.is_empty() => self.blocks.delta(None, text, heard),
            _ => {}
        }
    }

    fn stop(&mut self, message: &Json) {
        self.answer.stop = stop_of(message).or(self.answer.stop.take());
        self.answer.stop_message = explanation_of(message).or(self.answer.stop_message.take());
    }
}

/// The name of an event: in its data, on its `event:` line, or to be guessed.
fn name_of<'a>(name: &'a str, json: &'a Json) -> &'a str {
    let delta = given(json, "delta");
    match (kind(json), name) {
        ("", "" | "message") if given(json, "message").is_some() => "message_start",
        ("", "" | "message") if given(json, "content_block").is_some() => "content_block_start",
        ("", "" | "message") if delta.is_some_and(|delta| delta.get("stop_reason").is_some()) => "message_delta",
        ("", "" | "message") if delta.is_some() => "content_block_delta",
        ("", name) => name,
        (kind, _) => kind,
    }
}

fn index_of(json: &Json) -> Option<String> {
    match given(json, "index")? {
        Json::String(index) => Some(index.trim().to_owned()),
        index => Some(index.to_string()),
    }
}
