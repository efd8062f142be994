//! The lines of `run --json=events`, version 1: `docs/events.md` tells what is in them.

use serde_json::{Map, Value as Json, json};

use super::run_texts::RunTexts;
use crate::model::{
    ActionChange, EndCause, LlmResponse, RunState, SpanEnd, SpanId, SpanKind, SpanSpec, SpanStart, TextHash, TraceBody,
    TraceEvent,
};

/// The version of the lines. A new member, or a new kind of event, is no new version; anything else is.
const VERSION: u32 = 1;

/// The line of an event, after the state took it in; `None` for events that scripts don't get.
pub(super) fn line(state: &RunState, texts: &mut RunTexts, event: &TraceEvent) -> Option<Json> {
    let (name, span, more) = members(state, texts, &event.body)?;
    let mut line = head(name);
    line.insert("seq".into(), json!(event.seq));
    line.insert("at_ms".into(), json!(event.time()));
    if let Some(span) = span {
        line.insert("span".into(), json!(span.to_string()));
        line.insert("path".into(), json!(state.trace.path(span)));
    }
    line.extend(object(more));
    Some(line.into())
}

/// The last line: the result, with the members of `--json`.
pub(super) fn result(result: Json) -> Json {
    let mut line = head("result");
    line.extend(object(result));
    line.into()
}

fn head(name: &str) -> Map<String, Json> {
    object(json!({ "v": VERSION, "event": name }))
}

fn object(value: Json) -> Map<String, Json> {
    if let Json::Object(members) = value { members } else { Map::new() }
}

/// The kind of an event, its span, and its own members.
fn members(state: &RunState, texts: &mut RunTexts, body: &TraceBody) -> Option<(&'static str, Option<SpanId>, Json)> {
    Some(match body {
        TraceBody::RunStarted { run, name, entrypoint, task, workspace, .. } => {
            let task = text(texts, *task);
            let more =
                json!({ "run": run, "name": name, "entrypoint": entrypoint, "task": task, "workspace": workspace });
            ("run_started", None, more)
        }
        TraceBody::SpanStarted(start) => ("span_started", Some(start.span), started(texts, start)),
        TraceBody::SpanWaiting { span, on, why } => ("span_waiting", Some(*span), json!({ "on": on, "why": why })),
        TraceBody::SpanEnded(end) => ("span_ended", Some(end.span), ended(state, texts, end)),
        TraceBody::Paused { span, gate, .. } => ("paused", Some(*span), json!({ "at": gate.name() })),
        TraceBody::Released { span, how, .. } => ("released", Some(*span), json!({ "how": how })),
        TraceBody::CommandStarted(start) => {
            ("command_started", Some(start.span), json!({ "command": start.command, "gaps": start.gaps }))
        }
        TraceBody::CommandEnded { command, dropped } => {
            ("command_ended", None, json!({ "started": command, "discarded": dropped }))
        }
        TraceBody::Action(record) => {
            let more = json!({
                "tool": record.tool_name, "key": record.key, "op": record.op, "undo": record.undo,
            });
            ("action", Some(record.tool_span), more)
        }
        TraceBody::ActionEvent(event) => {
            let more = json!({ "action": event.action, "change": event.change.name(), "why": reason(&event.change) });
            ("action_changed", None, more)
        }
        TraceBody::ApprovalAsked(asked) => {
            let more = json!({ "why": asked.why, "rule": asked.rule, "line": asked.line });
            ("approval_asked", Some(asked.span), more)
        }
        TraceBody::ApprovalAnswered(answered) => {
            let more = json!({ "answer": answered.how.name(), "by": answered.by, "word": answered.word });
            ("approval_answered", Some(answered.span), more)
        }
        TraceBody::RunStatus { status, .. } => ("run_status", None, json!({ "status": status })),
        TraceBody::Note { span, error, text } => ("note", *span, json!({ "error": error, "text": text })),
        _ => return None,
    })
}

fn started(texts: &mut RunTexts, start: &SpanStart) -> Json {
    let mut more = object(json!({
        "kind": start.spec.kind(),
        "name": start.name,
        "try": start.attempt,
        "step": start.step,
        "fan": start.fan.map(|fan| json!({ "group": fan.group, "index": fan.index })),
    }));
    let own = match &start.spec {
        SpanSpec::Agent { pattern, input, .. } => json!({ "pattern": pattern, "input": text(texts, *input) }),
        SpanSpec::Llm(record) => json!({ "model": record.model.to_string() }),
        SpanSpec::Tool { args, effect, .. } => json!({ "args": parsed(texts, *args), "effect": effect }),
        SpanSpec::Human { question, channel, .. } => {
            json!({ "question": text(texts, *question), "channel": channel })
        }
    };
    more.extend(object(own));
    more.into()
}

fn ended(state: &RunState, texts: &mut RunTexts, end: &SpanEnd) -> Json {
    let kind = state.trace.get(end.span).map(|span| span.kind);
    let answer = end.output.filter(|_| kind == Some(SpanKind::Llm)).and_then(|hash| {
        let answer: LlmResponse = serde_json::from_str(&texts.read(hash).ok()?).ok()?;
        Some(json!({ "text": answer.text, "calls": answer.calls, "stop": answer.stop }))
    });
    let output = end.output.filter(|_| answer.is_none()).and_then(|hash| text(texts, hash));
    json!({
        "kind": kind,
        "status": end.status,
        "state": state.span_state(end.span).name(),
        "finish": end.finish.as_ref().map(|finish| json!({ "key": finish.key, "synthetic": finish.synthetic })),
        "output": output,
        "answer": answer,
        "tokens": end.usage,
        "cost_microusd": end.cost,
        "answered": end.answered,
        "exit": match end.cause { Some(EndCause::Exit { code }) => Some(code), _ => None },
        "limited": end.cause == Some(EndCause::Limit),
    })
}

/// A text of the run; `None` when it can't be read: the run goes on all the same.
fn text(texts: &mut RunTexts, hash: TextHash) -> Option<String> {
    texts.read(hash).ok()
}

/// A JSON text of the run; the text itself where it is no JSON.
fn parsed(texts: &mut RunTexts, hash: TextHash) -> Json {
    let Some(text) = text(texts, hash) else { return Json::Null };
    serde_json::from_str(&text).unwrap_or(Json::String(text))
}

fn reason(change: &ActionChange) -> Option<&str> {
    match change {
        ActionChange::Failed { error } => Some(error),
        ActionChange::Discarded { why } | ActionChange::Refused { why } => Some(why),
        _ => None,
    }
}
