//! The messages of a request: each call has an id and its result directly after it.

use serde_json::{Map, Value as Json, json};

use super::tool_call;
use super::turn::read_turn;
use super::write::{assistant, write_message};
use crate::wire::{Call, Part, PartKind, Role, ToolResult, Turn, keep::lay_over};

/// The result of a call that has none.
const NOT_RUN: &str = "This call was not run.";

/// Writes turns as messages.
pub(super) fn messages(turns: &[Turn]) -> Vec<Json> {
    let mut messages = Messages::default();
    for turn in turns {
        messages.turn(turn);
    }
    messages.close();
    messages.written
}

#[derive(Default)]
struct Messages {
    written: Vec<Json>,
    /// Calls of the last message that have no result yet.
    open: Vec<Open>,
}

struct Open {
    /// The id that its result names.
    came: String,
    written: String,
    name: String,
}

impl Messages {
    fn turn(&mut self, turn: &Turn) {
        let is_result = |part: &&Part| matches!(part.kind, PartKind::Result(_));
        let results: Vec<&Part> = turn.parts.iter().filter(is_result).collect();
        let rest: Vec<Part> = turn.parts.iter().filter(|part| !is_result(part)).cloned().collect();
        if turn.role == Role::Assistant {
            self.assistant(turn, &rest);
        }
        for part in &results {
            let alone = turn.parts.len() == 1;
            let source = turn.source.as_ref().filter(|_| alone && turn.role == Role::Tool).or(part.source.as_ref());
            if let PartKind::Result(result) = &part.kind {
                self.result(result, source);
            }
        }
        if turn.role != Role::Assistant && (!rest.is_empty() || results.is_empty()) {
            self.other(turn, rest);
        }
    }

    fn assistant(&mut self, turn: &Turn, rest: &[Part]) {
        self.close();
        let is_call = |part: &&Part| matches!(part.kind, PartKind::Call(_));
        let calls: Vec<(&Call, bool)> = rest
            .iter()
            .filter(is_call)
            .filter_map(|part| match &part.kind {
                PartKind::Call(call) => Some((call, tool_call::is_function_call(part.source.as_ref()))),
                _ => None,
            })
            .collect();
        let same = source(turn);
        // The older form has no ids, and its result no more.
        if let Some(source) = same.filter(|_| calls.iter().any(|(_, older)| *older)) {
            self.written.push(source.clone());
            return;
        }
        let calls: Vec<&Call> = calls.into_iter().map(|(call, _)| call).collect();
        let ids = tool_call::ids(&calls);
        let good = calls.iter().zip(&ids).all(|(call, id)| call.id == *id);
        match same.filter(|_| good) {
            Some(source) => self.written.push(source.clone()),
            None if rest.is_empty() => {}
            None => self.written.push(lay_message_over(turn, assistant(rest, &ids))),
        }
        let open = |(call, id): (&&Call, String)| Open { came: call.id.clone(), written: id, name: call.name.clone() };
        self.open = calls.iter().zip(ids).map(open).collect();
    }

    fn result(&mut self, result: &ToolResult, source: Option<&Json>) {
        let source = source.filter(|source| read_turn(source).role == Role::Tool);
        let same = |source: &&Json| {
            read_turn(source).parts.first().is_some_and(|part| part.kind == PartKind::Result(result.clone()))
        };
        if let Some(source) = source.filter(same).filter(|source| source["role"] == "function") {
            self.written.push(source.clone());
            return;
        }
        let by_name = || self.open.iter().position(|open| !result.name.is_empty() && open.name == result.name);
        let found = match result.id.as_str() {
            "" => by_name().or((!self.open.is_empty()).then_some(0)),
            id => self.open.iter().position(|open| open.came == id),
        };
        let Some(found) = found else { return self.orphan(result) };
        let id = self.open.remove(found).written;
        self.written.push(match source.filter(same) {
            Some(source) if result.id == id => source.clone(),
            _ => write_result(source, &id, &result.text),
        });
    }

    /// A result whose call is not there: a server refuses it, so it is said as a text.
    fn orphan(&mut self, result: &ToolResult) {
        self.close();
        let name = if result.name.is_empty() { "a tool" } else { &result.name };
        let text = format!("Result of {name}:\n{}", result.text);
        self.written.push(json!({"role": "user", "content": text}));
    }

    fn other(&mut self, turn: &Turn, rest: Vec<Part>) {
        self.close();
        if let Some(source) = source(turn) {
            self.written.push(source.clone());
            return;
        }
        let role = if turn.role == Role::System { "system" } else { "user" };
        let says = |part: &Part| matches!(part.kind, PartKind::Text(_) | PartKind::Other);
        let rest: Vec<Part> = rest.into_iter().filter(says).collect();
        self.written.push(lay_message_over(turn, write_message(role, &rest, |_, _| Json::Null)));
    }

    /// Gives each call without a result one.
    fn close(&mut self) {
        for open in std::mem::take(&mut self.open) {
            self.written.push(write_result(None, &open.written, NOT_RUN));
        }
    }
}

fn write_result(source: Option<&Json>, id: &str, text: &str) -> Json {
    let known = json!({"role": "tool", "tool_call_id": id, "content": text});
    let below = source.and_then(Json::as_object).cloned().unwrap_or_default();
    Json::Object(lay_over(below, known.as_object().cloned().unwrap_or_default()))
}

/// A turn's message, while the turn says the same.
fn source(turn: &Turn) -> Option<&Json> {
    let kinds = |parts: &[Part]| parts.iter().map(|part| part.kind.clone()).collect::<Vec<_>>();
    let others = |parts: &[Part]| {
        let other = |part: &&Part| part.kind == PartKind::Other;
        parts.iter().filter(other).map(|part| part.source.clone()).collect::<Vec<_>>()
    };
    turn.source.as_ref().filter(|source| {
        let read = read_turn(source);
        read.role == turn.role && kinds(&read.parts) == kinds(&turn.parts) && others(&read.parts) == others(&turn.parts)
    })
}

/// A message over what is no part of its turn's source: the exact role, a name.
fn lay_message_over(turn: &Turn, mut message: Map<String, Json>) -> Json {
    let source = turn.source.as_ref().filter(|source| read_turn(source).role == turn.role);
    for name in ["role", "name"] {
        if let Some(value) = source.and_then(|source| source.get(name)) {
            message.insert(name.into(), value.clone());
        }
    }
    Json::Object(message)
}
