//! Two spans compared with everything below them, also of two runs: spans are the same when their paths below them are.

use std::collections::BTreeMap;

use super::runs::{RunDifferences, SpanDifference, SpanFacts, compare_runs};
use super::world::{compare_worlds, footprint};
use crate::model::{RunState, SpanId, SpanStatus};

/// Compares two spans with everything below them. `differs` says if texts of two spans differ, which their states don't
/// have.
pub fn compare_spans(
    (left, left_top): (&RunState, SpanId),
    (right, right_top): (&RunState, SpanId),
    differs: impl Fn(SpanId, SpanId) -> bool,
) -> RunDifferences {
    if left_top == SpanId::RUN && right_top == SpanId::RUN {
        return compare_runs(left, right, differs);
    }
    let (ours, theirs) = (by_path(left, left_top), by_path(right, right_top));
    let facts = |run: &RunState, at: SpanId| SpanFacts::of(run, at, run.last_at);
    let mut spans = Vec::new();
    for (path, span) in in_order(&ours) {
        match theirs.get(path).copied() {
            None => spans.push(SpanDifference::Gone(span)),
            Some(other) if facts(left, span).differs(&facts(right, other)) || differs(span, other) => {
                spans.push(SpanDifference::Changed { left: span, right: other });
            }
            Some(_) => {}
        }
    }
    let added = in_order(&theirs).into_iter().filter(|(path, _)| !ours.contains_key(*path));
    spans.extend(added.map(|(_, span)| SpanDifference::Added(span)));
    RunDifferences { spans, world: compare_worlds(&footprint(left, left_top), &footprint(right, right_top)) }
}

fn in_order(paths: &BTreeMap<String, SpanId>) -> Vec<(&String, SpanId)> {
    let mut all: Vec<(&String, SpanId)> = paths.iter().map(|(path, span)| (path, *span)).collect();
    all.sort_by_key(|(_, span)| *span);
    all
}

/// The newest try of each path at and below a span, by what stands behind the span's own path. Below a try that was
/// replaced all are.
fn by_path(run: &RunState, top: SpanId) -> BTreeMap<String, SpanId> {
    let trace = &run.trace;
    let start = trace.path(top).len();
    let is_replaced = |span: SpanId| trace.get(span).is_none_or(|found| found.status == SpanStatus::Undone);
    let all = is_replaced(top);
    let mut spans = trace.subtree(top);
    spans.sort_unstable();
    spans.retain(|span| *span == top || all || !is_replaced(*span));
    spans.into_iter().map(|span| (trace.path(span).get(start..).unwrap_or_default().to_owned(), span)).collect()
}
