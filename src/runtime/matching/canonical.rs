//! The forms of a request that are compared.

use serde_json::Value as Json;

use super::volatile::{Folders, split_reminders, without_attribution};
use crate::model::{LlmRequest, Message};

/// The hash of a request's meaning: without the order of fields, the order of tools, and the block that names the
/// program's version. Two requests with the same one ask for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Canonical([u8; 32]);

/// Hashes texts so that no two lists of them are one.
#[derive(Default)]
struct Hash(blake3::Hasher);

impl Hash {
    fn text(&mut self, text: &str) {
        self.0.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    fn end(&self) -> Canonical {
        Canonical(*self.0.finalize().as_bytes())
    }
}

/// The hash of a request's meaning.
#[must_use]
pub fn canonical(request: &LlmRequest) -> Canonical {
    let mut hash = Hash::default();
    hash.text(&request.model.model);
    hash.text(&format!("{:?} {:?}", request.options.temperature, request.options.max_tokens));
    let tools =
        request.tools.iter().map(|tool| [&tool.name, &tool.description, &sorted(&tool.schema)].map(String::clone));
    let mut tools: Vec<[String; 3]> = tools.collect();
    tools.sort();
    for text in tools.iter().flatten() {
        hash.text(text);
    }
    hash.text(&without_attribution(&request.system));
    for message in request.messages.iter() {
        let (kind, texts) = parts(message);
        hash.text(&kind);
        for text in &texts {
            hash.text(text);
        }
    }
    hash.end()
}

/// The hash of a request's conversation without volatile parts: its model, the names of its tools, its messages. Texts
/// that a program writes anew each time are not in it: instructions, descriptions of tools, reminders.
pub(super) fn conversation(request: &LlmRequest, folders: &Folders) -> Canonical {
    let mut hash = Hash::default();
    hash.text(&request.model.model);
    let mut tools: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    tools.sort_unstable();
    for name in tools {
        hash.text(name);
    }
    for message in request.messages.iter() {
        let (kind, texts) = spoken(message);
        // A message that holds reminders only is one of the program.
        if texts.iter().all(|text| text.trim().is_empty()) {
            continue;
        }
        hash.text(&kind);
        for text in &texts {
            hash.text(folders.normalise(text).trim());
        }
    }
    hash.end()
}

/// A message's kind with all that names something, and its texts.
pub(super) fn parts(message: &Message) -> (String, Vec<String>) {
    match message {
        Message::User { text } => ("user".to_owned(), vec![text.clone()]),
        Message::Assistant { text, calls, .. } => {
            let names = calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>().join(" ");
            let args = calls.iter().map(|call| sorted(&call.args));
            (format!("model {names}"), Some(text.clone()).into_iter().chain(args).collect())
        }
        Message::Tool { call, name, text } => (format!("result {call} {name}"), vec![text.clone()]),
    }
}

/// The same without the reminders in it.
pub(super) fn spoken(message: &Message) -> (String, Vec<String>) {
    let (kind, texts) = parts(message);
    (kind, texts.iter().map(|text| split_reminders(text).0).collect())
}

/// JSON with the fields of every object in order.
pub(super) fn sorted(value: &Json) -> String {
    match value {
        Json::Object(fields) => {
            let mut fields: Vec<(&String, &Json)> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields =
                fields.into_iter().map(|(name, value)| format!("{}:{}", Json::from(name.as_str()), sorted(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
