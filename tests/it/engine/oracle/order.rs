//! The order in which the tools of a run did their work: one after another, as if each had been alone.

use std::collections::BTreeMap;

use tama_tui::model::{Seq, SpanId, SpanKind, TraceBody, TraceEvent};

use super::outcome::surviving;

/// The paths of the tools that no retry replaced, by the first thing that each did.
pub fn of_tools(events: &[TraceEvent]) -> Vec<String> {
    let mut first: BTreeMap<SpanId, Seq> = BTreeMap::new();
    for event in events {
        if let TraceBody::Action(_) | TraceBody::Read { .. } | TraceBody::CommandStarted(_) | TraceBody::SpanEnded(_) =
            &event.body
            && let Some(span) = event.body.span()
        {
            first.entry(span).or_insert(event.seq);
        }
    }
    let tools = surviving(events).into_iter().filter(|(_, told)| told.start.spec.kind() == SpanKind::Tool);
    let mut found: Vec<(Option<Seq>, String)> =
        tools.map(|(path, told)| (first.get(&told.start.span).copied(), path)).collect();
    found.sort_by_key(|(seq, _)| seq.unwrap_or(Seq(u64::MAX)));
    found.into_iter().map(|(_, path)| path).collect()
}
