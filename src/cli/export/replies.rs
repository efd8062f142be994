//! The recorded answers of the models as a script.

use std::collections::HashMap;

use color_eyre::eyre::eyre;
use serde_json::Value as Json;
use toml::{Table, Value};

use super::Gaps;
use crate::model::{LlmResponse, RunState, SpanEnd, SpanKind, SpanStatus, TraceBody, TraceEvent};
use crate::store::RunLog;

/// Writes the script: a reply for each call that no retry took back.
pub(super) fn replies(log: &RunLog, events: &[TraceEvent], gaps: &mut Gaps) -> color_eyre::Result<String> {
    let state = log.with(RunState::clone);
    let mut ends: HashMap<_, &SpanEnd> = HashMap::new();
    for event in events {
        if let TraceBody::SpanEnded(end) = &event.body {
            ends.insert(end.span, end);
        }
    }
    let mut replies = Vec::new();
    for event in events {
        let TraceBody::SpanStarted(start) = &event.body else { continue };
        let is_call = start.spec.kind() == SpanKind::Llm;
        let counts = state.trace.get(start.span).is_some_and(|span| span.status != SpanStatus::Undone);
        if !is_call || !counts {
            continue;
        }
        let Some(end) = ends.get(&start.span).filter(|end| end.is_own()) else {
            gaps.push(format!("the answer to {}: there is none", start.path));
            continue;
        };
        let text = end.output.map(|hash| log.recorder().text(hash)).transpose();
        let text = text.map_err(|error| eyre!("failed to {error}"))?.unwrap_or_default();
        let mut reply = Table::new();
        reply.insert("agent".into(), state.trace.path(start.parent).into());
        reply.insert("call".into(), i64::from(start.visit).into());
        match end.status {
            SpanStatus::Error => {
                gaps.push(format!("the words of the failure of {}: they name the scripted model", start.path));
                reply.insert("error".into(), error_text(&text).into());
            }
            _ => answer(&mut reply, &start.path, &text, gaps)?,
        }
        replies.push(Value::from(reply));
    }
    let document = Table::from_iter([("reply".to_owned(), Value::from(replies))]);
    toml::to_string_pretty(&document).map_err(|error| eyre!("failed to write the script: {error}"))
}

/// The error without the sentence that the program adds to it.
fn error_text(text: &str) -> &str {
    let rest = text.strip_prefix("failed to get an answer from ").and_then(|rest| rest.split_once(": "));
    rest.map_or(text, |(_, why)| why)
}

fn answer(reply: &mut Table, path: &str, text: &str, gaps: &mut Gaps) -> color_eyre::Result<()> {
    let answer: LlmResponse =
        serde_json::from_str(text).map_err(|error| eyre!("failed to read the answer of {path}: {error}"))?;
    if !answer.text.is_empty() {
        reply.insert("text".into(), answer.text.into());
    }
    let mut calls = Vec::new();
    for call in answer.calls {
        let args = if let Some(Value::Table(args)) = to_toml(&call.args) {
            args
        } else {
            gaps.push(format!("the arguments of a call of {} at {path}: TOML has no word for them", call.name));
            Table::new()
        };
        calls.push(Value::from(Table::from_iter([
            ("name".to_owned(), Value::from(call.name)),
            ("args".to_owned(), args.into()),
        ])));
    }
    if !calls.is_empty() {
        reply.insert("calls".into(), calls.into());
    }
    if let Some(usage) = answer.usage {
        let tokens = [("input", usage.input), ("output", usage.output)];
        let tokens = tokens.map(|(key, count)| (key.to_owned(), i64::try_from(count).unwrap_or(i64::MAX).into()));
        reply.insert("tokens".into(), Table::from_iter(tokens).into());
    }
    Ok(())
}

/// A JSON value as TOML; `None` for what TOML can't say: null, and whole numbers beyond 64 bits.
fn to_toml(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(flag) => (*flag).into(),
        Json::Number(number) => match (number.as_i64(), number.is_f64()) {
            (Some(whole), _) => whole.into(),
            (None, true) => number.as_f64()?.into(),
            (None, false) => return None,
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => items.iter().map(to_toml).collect::<Option<Vec<_>>>()?.into(),
        Json::Object(members) => {
            let members = members.iter().map(|(key, value)| Some((key.clone(), to_toml(value)?)));
            members.collect::<Option<Table>>()?.into()
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_the_same_in_toml_or_told() {
        let args = json!({ "a": [1, 2.5, true, "x\ny"], "b": { "c": -7 } });
        let toml = to_toml(&args).unwrap();
        assert_eq!(serde_json::to_value(toml).unwrap(), args);
        for wrong in [json!(null), json!({ "a": null }), json!(u64::MAX), json!([[null]])] {
            assert_eq!(to_toml(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_error_loses_only_the_sentence_around_it() {
        assert_eq!(error_text("failed to get an answer from openai:x: HTTP 529: busy"), "HTTP 529: busy");
        assert_eq!(error_text("anything else"), "anything else");
    }
}
