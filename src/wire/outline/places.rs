//! Where the neutral parts of a request stand in its body.

use serde_json::Value as Json;

use super::conversation::Reader;
use super::distribute::joined;
use super::tools::read_tools;
use crate::model::{Conversation, LlmRequest, Message, ModelName, ModelOptions};
use crate::wire::{Dialect, Unreadable};

/// A request of another program: its neutral form, and where each part of it stands in the body.
#[derive(Debug)]
pub struct Outline {
    dialect: Dialect,
    system: Vec<Spot>,
    entries: Vec<Entry>,
    request: LlmRequest,
}

/// One message of the neutral form.
#[derive(Debug)]
pub(super) struct Entry {
    /// The message.
    pub(super) message: Message,
    /// Its parts, in order.
    pub(super) spots: Vec<Spot>,
    /// Pointers to what belongs to it and has no neutral form: reasoning, a server's own tools.
    pub(super) others: Vec<String>,
}

/// A part with a neutral form. Its places are JSON pointers.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) kind: SpotKind,
    /// The element of a list that goes when the part is removed.
    pub(super) item: String,
    /// The text, the arguments or the result.
    pub(super) value: String,
    /// The text as it is shown.
    pub(super) shown: String,
    /// The id of the call, or that of the call whose result it is; empty for a text.
    pub(super) id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpotKind {
    Text,
    Call,
    Result,
    /// Something that is shown by its kind only.
    Fixed,
}

impl Outline {
    /// Reads a request. `model` is the model where the body does not name it; `mask` takes secrets out of what is shown.
    ///
    /// # Errors
    /// When the body is no request of the dialect.
    pub fn read(
        dialect: Dialect,
        provider: &str,
        model: Option<&str>,
        body: &Json,
        mask: &dyn Fn(&str) -> String,
    ) -> Result<Self, Unreadable> {
        let wire = dialect.read_request(body)?;
        let mut reader = Reader::new(dialect, mask);
        reader.read(body);
        let (system, entries) = reader.finish();
        let named = model.map_or(wire.model, str::to_owned);
        let request = LlmRequest {
            model: ModelName { provider: provider.to_owned(), model: named },
            options: ModelOptions {
                temperature: wire.temperature,
                max_tokens: wire.max_tokens.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
                accept_cut: false,
            },
            tools: read_tools(wire.tools, mask),
            system: joined(system.iter().map(|spot| spot.shown.as_str())),
            messages: entries.iter().map(|entry| entry.message.clone()).collect::<Conversation>(),
        };
        Ok(Self { dialect, system, entries, request })
    }

    /// The neutral form.
    #[must_use]
    pub fn request(&self) -> &LlmRequest {
        &self.request
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn system(&self) -> &[Spot] {
        &self.system
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl Entry {
    /// Pointers to all that goes when the message is removed.
    pub(super) fn items(&self) -> impl Iterator<Item = &str> {
        self.spots.iter().map(|spot| spot.item.as_str()).chain(self.others.iter().map(String::as_str))
    }
}

/// The list of a body that holds its conversation.
pub(super) fn list_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Messages | Dialect::Chat | Dialect::Ollama => "messages",
        Dialect::Responses => "input",
        Dialect::Gemini => "contents",
    }
}

/// The index in that list at which a pointer is; `None`: it points to something else.
pub(super) fn index_of(dialect: Dialect, pointer: &str) -> Option<usize> {
    let rest = pointer.strip_prefix('/')?.strip_prefix(list_of(dialect))?.strip_prefix('/')?;
    rest.split('/').next()?.parse().ok()
}
