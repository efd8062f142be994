//! The section "you can" at something that failed: what the keys would do here, only those that work.

use crate::app::keys::{self, UiAction};
use crate::app::{State, safe};
use crate::model::{Gate, Section, SectionBody, SpanId, SpanKind, SpanState};

/// The title of the section.
const TITLE: &str = "you can";

/// Adds the section after the error, where the span failed and something can be done about it.
pub(in crate::app) fn add(state: &State, span: SpanId, sections: &mut Vec<Section>) {
    let failed = matches!(state.run.span_state(span), SpanState::Failed | SpanState::Denied);
    if span != state.selected() || !(failed || is_stopped_at_error(state, span)) {
        return;
    }
    let facts: Vec<(String, String)> = [UiAction::Retry, UiAction::Answer, UiAction::Continue, UiAction::Edit]
        .into_iter()
        .filter(|action| (keys::verb(*action).available)(state).is_ok())
        .filter_map(|action| Some((keys::verb(action).keys_text(), sentence(state, span, action)?)))
        .collect();
    if facts.is_empty() {
        return;
    }
    let error = sections.iter().position(|section| matches!(section.body, SectionBody::Error(_)));
    let section = Section { title: TITLE.into(), note: String::new(), body: SectionBody::Facts(facts), folded: false };
    sections.insert(error.map_or(0, |at| at + 1), section);
}

fn is_stopped_at_error(state: &State, span: SpanId) -> bool {
    matches!(state.run.trace.pause(span), Some((Gate::Error, _)))
}

/// The sentence about a verb at a failed span; `None` where it does nothing about the failure.
fn sentence(state: &State, span: SpanId, action: UiAction) -> Option<String> {
    let trace = &state.run.trace;
    let found = trace.get(span)?;
    // Only then do the keys that release a stop mean this one.
    let stopped = is_stopped_at_error(state, span);
    let agent = trace.agent_of(span);
    let name = safe::line(&trace.label(agent)).into_owned();
    match (action, found.kind) {
        (UiAction::Retry, SpanKind::Llm) => Some("retry: the call is sent again".into()),
        (UiAction::Retry, SpanKind::Tool) if state.run.span_state(span) == SpanState::Denied => {
            Some("retry: it is called again".into())
        }
        (UiAction::Retry, SpanKind::Tool) => Some("retry: what it changed is undone, then it is called again".into()),
        (UiAction::Retry, SpanKind::Human) => Some("retry: you are asked again".into()),
        (UiAction::Retry, SpanKind::Agent) => {
            Some(format!("retry: what {name} changed is undone, then it starts anew"))
        }
        (UiAction::Answer, SpanKind::Llm) if stopped => {
            Some("answer in its place: you write the response, nothing is sent".into())
        }
        (UiAction::Answer, SpanKind::Tool) if stopped => {
            Some("answer in its place: you write the result, nothing is run".into())
        }
        (UiAction::Continue, _) if stopped => Some(continued(state, span, &name)),
        (UiAction::Edit, SpanKind::Llm) if !stopped => {
            Some(format!("edit what was sent, or the prompt of {name}; a retry uses it"))
        }
        (UiAction::Edit, SpanKind::Tool) if !stopped => {
            Some(format!("edit its arguments, or the prompt of {name}; a retry uses them"))
        }
        (UiAction::Edit, SpanKind::Llm | SpanKind::Tool) => Some(format!("edit the prompt of {name}; a retry uses it")),
        (UiAction::Edit, SpanKind::Agent) if calls_a_model(state, span) => {
            Some("edit its prompt; a retry uses it".into())
        }
        _ => None,
    }
}

/// The outcome of a failure that is continued from.
fn continued(state: &State, span: SpanId, name: &str) -> String {
    let trace = &state.run.trace;
    let agent = trace.agent_of(span);
    let in_fan = trace.get(agent).is_some_and(|found| found.fan.is_some());
    let is_tool = trace.get(span).is_some_and(|found| found.kind == SpanKind::Tool);
    // A tool's own fault is a result; a call that broke off is none.
    if is_tool && trace.finish(span) == Some("fault") {
        "continue: the model gets this error as the result".into()
    } else if in_fan {
        format!("continue as failed: {name} ends, its result is this error as text")
    } else {
        format!("continue as failed: {name} ends with this error")
    }
}

/// True for an agent that has a prompt of its own to edit.
fn calls_a_model(state: &State, agent: SpanId) -> bool {
    let trace = &state.run.trace;
    trace.children(agent).any(|child| trace.get(child).is_some_and(|found| found.kind == SpanKind::Llm))
}
