//! The dialects, by name.

use std::fmt;
use std::str::FromStr;

use serde_json::Value as Json;

use super::decoder::Assemble;
use super::{Answer, Request, Turn, Unreadable, chat, gemini, messages, ollama, responses};

/// A way in which models are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// `OpenAI` Chat Completions, and all that imitates it.
    Chat,
    /// `OpenAI` Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// Google Gemini, generateContent and streamGenerateContent.
    Gemini,
    /// Ollama's own, `/api/chat`.
    Ollama,
}

/// No dialect has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no dialect is named {0:?}; there are chat, responses, messages, gemini, ollama")]
pub struct UnknownDialect(String);

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Responses, Self::Messages, Self::Gemini, Self::Ollama];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// When it is none of this dialect.
    pub fn read_request(self, body: &Json) -> Result<Request, Unreadable> {
        match self {
            Self::Chat => chat::read_request(body),
            Self::Responses => responses::read_request(body),
            Self::Messages => messages::read_request(body),
            Self::Gemini => gemini::read_request(body),
            Self::Ollama => ollama::read_request(body),
        }
    }

    /// Writes a request: well-formed in this dialect, whatever its turns hold.
    #[must_use]
    pub fn write_request(self, request: &Request) -> Json {
        match self {
            Self::Chat => chat::write_request(request),
            Self::Responses => responses::write_request(request),
            Self::Messages => messages::write_request(request),
            Self::Gemini => gemini::write_request(request),
            Self::Ollama => ollama::write_request(request),
        }
    }

    /// Reads an answer that was not streamed. An error body is an answer with a fault.
    #[must_use]
    pub fn read_answer(self, body: &Json) -> Answer {
        match self {
            Self::Chat => chat::read_answer(body),
            Self::Responses => responses::read_answer(body),
            Self::Messages => messages::read_answer(body),
            Self::Gemini => gemini::read_answer(body),
            Self::Ollama => ollama::read_answer(body),
        }
    }

    /// Writes an answer that is not streamed.
    #[must_use]
    pub fn write_answer(self, answer: &Answer) -> Json {
        match self {
            Self::Chat => chat::write_answer(answer),
            Self::Responses => responses::write_answer(answer),
            Self::Messages => messages::write_answer(answer),
            Self::Gemini => gemini::write_answer(answer),
            Self::Ollama => ollama::write_answer(answer),
        }
    }

    /// Writes an answer as the stream of bytes that a server of this dialect sends.
    #[must_use]
    pub fn write_stream(self, answer: &Answer) -> Vec<u8> {
        match self {
            Self::Chat => chat::write_stream(answer),
            Self::Responses => responses::write_stream(answer),
            Self::Messages => messages::write_stream(answer),
            Self::Gemini => gemini::write_stream(answer),
            Self::Ollama => ollama::write_stream(answer),
        }
    }

    /// The turn that goes back with the next request, as JSON: well-formed (arguments are objects, ids are there and
    /// differ), with everything in it that has to go back unmodified.
    #[must_use]
    pub fn echo(self, answer: &Answer) -> Json {
        match self {
            Self::Chat => chat::echo(answer),
            Self::Responses => responses::echo(answer),
            Self::Messages => messages::echo(answer),
            Self::Gemini => gemini::echo(answer),
            Self::Ollama => ollama::echo(answer),
        }
    }

    /// Reads a turn of the model as [`Dialect::echo`] wrote it.
    #[must_use]
    pub fn read_turn(self, turn: &Json) -> Turn {
        match self {
            Self::Chat => chat::read_turn(turn),
            Self::Responses => responses::read_turn(turn),
            Self::Messages => messages::read_turn(turn),
            Self::Gemini => gemini::read_turn(turn),
            Self::Ollama => ollama::read_turn(turn),
        }
    }

    /// Puts an answer together from its stream.
    pub(super) fn assemble(self) -> Box<dyn Assemble> {
        match self {
            Self::Chat => chat::assemble(),
            Self::Responses => responses::assemble(),
            Self::Messages => messages::assemble(),
            Self::Gemini => gemini::assemble(),
            Self::Ollama => ollama::assemble(),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name).ok_or_else(|| UnknownDialect(name.to_owned()))
    }
}
