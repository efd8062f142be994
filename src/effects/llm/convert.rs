//! Converts calls between the neutral form of a run and that of the wire.

use serde_json::{Value as Json, json};

use crate::model::{LlmRequest, LlmResponse, Message, ToolCall, ToolDecl, Usage};
use crate::wire::{
    Answer, Call, Dialect, Part, PartKind, Request, Role, StopKind, Tool, ToolResult, Turn, written_arguments,
};

/// A request in the wire's form. Calls have the ids of their provider where its own turn goes back, else ids made of
/// their positions: the neutral form has none.
pub(super) fn wire_request(dialect: Dialect, asked: &LlmRequest) -> Request {
    let mut turns = Vec::new();
    if !asked.system.is_empty() {
        turns.push(Turn::new(Role::System, vec![text_part(&asked.system)]));
    }
    let mut ids: Vec<String> = Vec::new();
    for (at, message) in asked.messages.iter().enumerate() {
        turns.push(match message {
            Message::User { text } => Turn::new(Role::User, vec![text_part(text)]),
            Message::Assistant { text, calls, state } => {
                let own = state.as_ref().and_then(|state| own_turn(dialect, asked, state, text, calls));
                let turn = own.unwrap_or_else(|| made_turn(at, text, calls));
                let found: Vec<String> = calls_of(&turn).map(|call| call.id.clone()).collect();
                if !found.is_empty() {
                    ids = found;
                }
                turn
            }
            Message::Tool { call, name, text } => {
                let id = ids.get(*call).cloned().unwrap_or_else(|| call_id(at, *call));
                let result = ToolResult { id, name: name.clone(), text: text.clone(), error: is_fault(text) };
                Turn::new(Role::Tool, vec![Part::new(PartKind::Result(result))])
            }
        });
    }
    Request {
        model: asked.model.model.clone(),
        turns,
        tools: asked.tools.iter().map(tool).collect(),
        temperature: asked.options.temperature,
        max_tokens: asked.options.max_tokens.map(u64::from),
        stream: true,
        source: None,
    }
}

/// A response in the neutral form, and the meaning of its stop reason.
pub(in crate::effects) fn response(
    dialect: Dialect,
    asked: &LlmRequest,
    answer: &Answer,
) -> (LlmResponse, Option<StopKind>) {
    let usage = answer.usage.unwrap_or_default();
    let response = LlmResponse {
        text: answer.text(),
        reasoning: answer.reasoning(),
        calls: answer.calls().map(|call| ToolCall { name: call.name.clone(), args: call.args.clone() }).collect(),
        usage: answer.usage.map(|usage| Usage { input: usage.input, output: usage.output }),
        cached_tokens: usage.cached,
        reasoning_tokens: usage.reasoning,
        stop: answer.stop.as_ref().map(|stop| stop.word.clone()),
        state: state(dialect, asked, answer),
        raw: None,
    };
    (response, answer.stop.as_ref().map(|stop| stop.kind))
}

/// The provider's own form of the turn, where it says more than text and calls.
fn state(dialect: Dialect, asked: &LlmRequest, answer: &Answer) -> Option<Json> {
    let turn = dialect.echo(answer);
    let neutral = dialect.read_turn(&turn).parts.into_iter().filter_map(|part| match part.kind {
        kind @ (PartKind::Text(_) | PartKind::Call(_)) => Some(Part::new(kind)),
        _ => None,
    });
    let plain = dialect.echo(&Answer { parts: neutral.collect(), ..Answer::default() });
    (plain != turn).then(|| json!({ "dialect": dialect.name(), "model": asked.model.to_string(), "turn": turn }))
}

/// The turn in its provider's own form, when it is for the same model and still says the same.
fn own_turn(dialect: Dialect, asked: &LlmRequest, state: &Json, text: &str, calls: &[ToolCall]) -> Option<Turn> {
    let of = |field: &str| state.get(field).and_then(Json::as_str);
    if of("dialect") != Some(dialect.name()) || of("model") != Some(asked.model.to_string().as_str()) {
        return None;
    }
    let turn = dialect.read_turn(state.get("turn")?);
    let same_text = turn.parts.iter().filter_map(said).collect::<String>() == text;
    let sent = |name: &str, args: &Json| (name.to_owned(), written_arguments(args));
    let own_calls = calls_of(&turn).map(|call| sent(&call.name, &call.args));
    let same_calls = own_calls.eq(calls.iter().map(|call| sent(&call.name, &call.args)));
    (same_text && same_calls).then_some(turn)
}

fn made_turn(at: usize, text: &str, calls: &[ToolCall]) -> Turn {
    let said = (!text.is_empty()).then(|| text_part(text));
    let calls = calls.iter().enumerate().map(|(number, call)| {
        let id = call_id(at, number);
        Part::new(PartKind::Call(Call { id, name: call.name.clone(), args: call.args.clone() }))
    });
    Turn::new(Role::Assistant, said.into_iter().chain(calls).collect())
}

fn call_id(turn: usize, call: usize) -> String {
    format!("call_{turn}_{call}")
}

fn text_part(text: &str) -> Part {
    Part::new(PartKind::Text(text.to_owned()))
}

fn said(part: &Part) -> Option<&str> {
    if let PartKind::Text(text) = &part.kind { Some(text) } else { None }
}

fn calls_of(turn: &Turn) -> impl Iterator<Item = &Call> {
    turn.parts.iter().filter_map(|part| if let PartKind::Call(call) = &part.kind { Some(call) } else { None })
}

/// True for a tool's fault, as the model sees it.
fn is_fault(text: &str) -> bool {
    text.starts_with("[error: ")
}

fn tool(decl: &ToolDecl) -> Tool {
    let (name, description) = (decl.name.clone(), decl.description.clone());
    Tool { name, description, schema: decl.schema.clone(), source: None }
}
