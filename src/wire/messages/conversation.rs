//! The list of messages, valid whatever the turns hold: roles alternate, the user begins, results follow their calls.

use serde_json::{Map, Value as Json, json};

use super::block::write_block;
use super::echo::drop_unanswered;
use super::fields::{fields, kind, text};
use super::pairs::pair;
use super::turn::read_message;
use crate::wire::{Part, PartKind, Role, Turn};

/// The user's words before a conversation that the model would begin.
const BEGIN: &str = "Begin.";

/// A message under construction.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) role: &'static str,
    pub(super) blocks: Vec<Json>,
    /// Fields besides the role and the content.
    more: Map<String, Json>,
    /// True when its content was a text.
    plain: bool,
    /// True when its blocks are in the order in which they came.
    as_it_came: bool,
}

impl Message {
    /// A message made here.
    pub(super) fn new(role: &'static str, blocks: Vec<Json>) -> Self {
        Self { role, blocks, more: Map::new(), plain: false, as_it_came: false }
    }

    fn write(self) -> Json {
        let text = match self.blocks.as_slice() {
            [Json::Object(block)] if self.plain && block.len() == 2 => block.get("text").cloned(),
            _ => None,
        };
        let mut message = self.more;
        message.insert("role".into(), self.role.into());
        message.insert("content".into(), text.unwrap_or(Json::Array(self.blocks)));
        Json::Object(message)
    }
}

/// Writes the messages of turns.
pub(super) fn write_messages(turns: &[&Turn]) -> Vec<Message> {
    let mut messages = join(pair(join(turns.iter().flat_map(|turn| split(turn)))).into_iter());
    let last = messages.iter().rposition(|message| message.role != "system").unwrap_or(0);
    for (at, message) in messages.iter_mut().enumerate().filter(|(_, message)| message.role == "assistant") {
        if !message.as_it_came {
            put_thinking_first(&mut message.blocks);
        }
        if at < last {
            drop_unanswered(&mut message.blocks);
        }
        while message.blocks.last().is_some_and(thinks) {
            message.blocks.pop();
        }
        if at == last {
            trim_end(&mut message.blocks);
        }
    }
    // What is empty by now is gone; its neighbours are one message.
    let mut messages = join(messages.into_iter());
    if messages.iter().find(|message| message.role != "system").is_none_or(|first| first.role != "user") {
        messages.insert(0, Message::new("user", vec![json!({"type": "text", "text": BEGIN})]));
    }
    messages
}

/// The JSON of messages.
pub(super) fn write_all(messages: Vec<Message>) -> Json {
    messages.into_iter().map(Message::write).collect()
}

/// Cuts a turn where the role changes that its parts can have: calls are the model's, results are the user's.
fn split(turn: &Turn) -> Vec<Message> {
    let source = turn.source.as_ref().filter(|source| source.get("role").is_some());
    let as_it_came = source.is_some_and(|source| same_parts(&read_message(source).parts, &turn.parts));
    let plain = source.is_some_and(|source| source["content"].is_string());
    let mut more = source.cloned().map(fields).unwrap_or_default();
    more.shift_remove("role");
    more.shift_remove("content");
    let mut messages: Vec<Message> = Vec::new();
    for part in &turn.parts {
        let role = role_of(part, turn.role);
        let Some(block) = write_block(part) else { continue };
        if let Some(message) = messages.last_mut().filter(|message| message.role == role) {
            message.blocks.push(block);
        } else {
            let more = std::mem::take(&mut more);
            messages.push(Message { role, blocks: vec![block], more, plain, as_it_came });
        }
    }
    messages
}

fn same_parts(some: &[Part], others: &[Part]) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(one, other)| one.kind == other.kind)
}

fn role_of(part: &Part, role: Role) -> &'static str {
    let own = match role {
        Role::Assistant => "assistant",
        Role::System => "system",
        Role::User | Role::Tool => "user",
    };
    match &part.kind {
        PartKind::Call(_) | PartKind::Reasoning(_) => "assistant",
        PartKind::Result(_) => "user",
        PartKind::Text(_) | PartKind::Other => own,
    }
}

/// Joins neighbours of the same role, without those that say nothing.
fn join(messages: impl Iterator<Item = Message>) -> Vec<Message> {
    let mut joined: Vec<Message> = Vec::new();
    for message in messages.filter(|message| !message.blocks.is_empty()) {
        match joined.last_mut().filter(|last| last.role == message.role && last.role != "system") {
            Some(last) => {
                last.blocks.extend(message.blocks);
                last.as_it_came = false;
            }
            None => joined.push(message),
        }
    }
    joined
}

/// A message may begin with thinking, and not end with it.
fn thinks(block: &Json) -> bool {
    matches!(kind(block), "thinking" | "redacted_thinking")
}

/// Moves the first thinking before the text and calls that it follows: a turn has to begin with it.
fn put_thinking_first(blocks: &mut [Json]) {
    let Some(from) = blocks.iter().position(thinks) else { return };
    if blocks[..from].iter().all(|block| matches!(kind(block), "text" | "tool_use")) {
        let length = blocks[from..].iter().take_while(|block| thinks(block)).count();
        blocks[..from + length].rotate_right(length);
    }
}

/// The last turn of the model, which it is to continue, may not end with white space.
fn trim_end(blocks: &mut [Json]) {
    if let Some(last) = blocks.last_mut().filter(|last| kind(last) == "text") {
        last["text"] = text(last, "text").unwrap_or_default().trim_end().into();
    }
}
