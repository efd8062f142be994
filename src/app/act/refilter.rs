//! Brings the filter of Spans up to what the rows say, while the run goes on.

use crate::app::State;
use crate::model::{SpanId, SpanKind, SpanSubject, TraceBody, TraceEvent};

/// Events came, and are folded in: looks at the rows that they change.
pub(super) fn follow(state: &mut State, events: &[TraceEvent]) {
    if state.tree.filter().is_empty() {
        return;
    }
    if events.iter().any(|event| matches!(event.body, TraceBody::RunStatus { .. })) {
        let filter = state.tree.filter().to_owned();
        state.tree.set_filter(&filter, &state.run);
        return;
    }
    for span in events.iter().flat_map(|event| changed(state, &event.body)).collect::<Vec<_>>() {
        state.tree.reconsider(span, &state.run);
    }
}

/// The subjects of rows came.
pub(super) fn follow_subjects(state: &mut State, subjects: Vec<SpanSubject>) {
    let spans: Vec<SpanId> = subjects.iter().map(|subject| subject.span).collect();
    state.run.labels.keep_asked(subjects);
    for span in spans {
        state.tree.reconsider(span, &state.run);
    }
}

/// The spans whose rows an event changes; those above them are looked at too.
fn changed(state: &State, body: &TraceBody) -> Vec<SpanId> {
    let trace = &state.run.trace;
    match body {
        TraceBody::Invalidated { spans, .. } => spans.clone(),
        TraceBody::Restored(restored) => restored.replaced.iter().chain(&restored.spans).copied().collect(),
        TraceBody::ActionEvent(event) => {
            state.run.ledger.get(event.action).map(|entry| entry.record.tool_span).into_iter().collect()
        }
        // The answer that called a tool names it.
        TraceBody::SpanStarted(start) => {
            let is_llm = |span: &SpanId| trace.get(*span).is_some_and(|found| found.kind == SpanKind::Llm);
            let asked = trace.children(start.parent).take_while(|span| *span != start.span).filter(is_llm).last();
            asked.into_iter().chain([start.span]).collect()
        }
        body => body.span().into_iter().collect(),
    }
}
