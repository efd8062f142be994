//! Turns as messages.
//!
//! The dialect knows no ids in many versions. So an id that the server did not give is made when the turn is read, by
//! the call's place (`call_0`), and never written; results then have none either.

use serde_json::Value as Json;

use super::message;
use crate::wire::call_ids;
use crate::wire::fields::{field, text};
use crate::wire::pairs::pair;
use crate::wire::{Answer, Call, Part, PartKind, Role, ToolResult, Turn};

/// Writes the turn of an answer.
pub(in crate::wire) fn echo(answer: &Answer) -> Json {
    let mut parts = answer.parts.clone();
    call_ids::make_distinct(&mut parts);
    message::write("assistant", &parts.iter().collect::<Vec<_>>(), "", None)
}

/// Reads a turn of the model.
pub(in crate::wire) fn read_turn(message: &Json) -> Turn {
    let mut turn = read(message);
    turn.role = Role::Assistant;
    call_ids::fill(&mut turn.parts);
    turn
}

/// Reads a message, with the ids that it has.
pub(super) fn read(message: &Json) -> Turn {
    let role = match text(message, "role") {
        "system" | "developer" => Role::System,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => Role::User,
    };
    let mut parts = message::read(message);
    if role == Role::Tool {
        parts.retain(|part| part.kind == PartKind::Other);
        let name = if text(message, "tool_name").is_empty() { "name" } else { "tool_name" };
        let result = ToolResult {
            id: text(message, "tool_call_id").to_owned(),
            name: text(message, name).to_owned(),
            text: message::content(field(message, "content")),
            error: false,
        };
        parts.insert(0, Part::new(PartKind::Result(result)));
    }
    Turn { role, parts, source: Some(message.clone()) }
}

/// Writes turns as messages, results in the order of their calls.
pub(super) fn write(turns: &[Turn]) -> Vec<Json> {
    let mut messages = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for side in turns.chunk_by(|one, other| (one.role == Role::Tool) == (other.role == Role::Tool)) {
        if side[0].role == Role::Tool {
            messages.extend(results(side, &std::mem::take(&mut open)));
            continue;
        }
        for turn in side {
            // A result that is not in a turn of results is one all the same.
            messages.extend(of_turn(turn).into_iter().filter_map(|(result, _)| write_result(result, None, None)));
            let parts: Vec<&Part> =
                turn.parts.iter().filter(|part| !matches!(part.kind, PartKind::Result(_))).collect();
            let written = match turn.role {
                Role::System => message::write("system", &parts, "\n\n", turn.source.as_ref()),
                Role::Assistant => message::write("assistant", &parts, "", turn.source.as_ref()),
                Role::User | Role::Tool => message::write("user", &parts, "\n\n", turn.source.as_ref()),
            };
            if turn.role == Role::Assistant {
                open.extend(calls(&turn.parts, &written));
            }
            if !parts.is_empty() || turn.source.is_some() {
                messages.push(written);
            }
        }
    }
    messages
}

/// A call, and whether its id was written.
struct Open {
    call: Call,
    has_id: bool,
}

fn calls(parts: &[Part], written: &Json) -> Vec<Open> {
    let made = parts.iter().filter_map(|part| if let PartKind::Call(call) = &part.kind { Some(call) } else { None });
    let written = message::calls(written).iter().map(|call| !text(call, "id").is_empty());
    made.cloned().zip(written).map(|(call, has_id)| Open { call, has_id }).collect()
}

fn results(turns: &[Turn], open: &[Open]) -> Vec<Json> {
    let given: Vec<(&ToolResult, Option<&Turn>)> = turns.iter().flat_map(of_turn).collect();
    let calls: Vec<&Call> = open.iter().map(|open| &open.call).collect();
    let (answered, left) = pair(&calls, &given.iter().map(|(result, _)| *result).collect::<Vec<_>>());
    let found = open.iter().zip(answered).filter_map(|(open, at)| Some((Some(open), given[at?])));
    let lost = given.iter().zip(left).filter(|(_, left)| *left).map(|(given, _)| (None, *given));
    found.chain(lost).filter_map(|(open, (result, turn))| write_result(result, open, turn)).collect()
}

/// The results of a turn, with the turn where it is a message with one result.
fn of_turn(turn: &Turn) -> Vec<(&ToolResult, Option<&Turn>)> {
    let results = turn
        .parts
        .iter()
        .filter_map(|part| if let PartKind::Result(result) = &part.kind { Some(result) } else { None });
    let results: Vec<&ToolResult> = results.collect();
    let message = (results.len() == 1).then_some(turn);
    results.into_iter().map(|result| (result, message)).collect()
}

/// Writes a result, with the name of its call, and its id where the call has one.
fn write_result(result: &ToolResult, open: Option<&Open>, turn: Option<&Turn>) -> Option<Json> {
    let text = Part::new(PartKind::Text(result.text.clone()));
    let others = turn.into_iter().flat_map(|turn| &turn.parts).filter(|part| part.kind == PartKind::Other);
    let parts: Vec<&Part> = std::iter::once(&text).chain(others).collect();
    let mut message = message::write("tool", &parts, "", turn.and_then(|turn| turn.source.as_ref()));
    let name = open.map_or(&result.name, |open| &open.call.name);
    let id = open.map_or(&result.id, |open| &open.call.id);
    let fields = message.as_object_mut()?;
    if !name.is_empty() && !fields.contains_key("name") {
        fields.insert("tool_name".into(), name.as_str().into());
    }
    if open.is_none_or(|open| open.has_id) && !id.is_empty() {
        fields.insert("tool_call_id".into(), id.as_str().into());
    }
    Some(message)
}
