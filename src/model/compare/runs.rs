//! Two runs compared span by span: spans are the same when their paths are; of each path the newest try counts.

use std::collections::BTreeMap;

use super::world::{WorldDifference, compare_worlds};
use crate::model::{Millis, RunState, SpanId, SpanState, SpanStatus, Usage};

/// The facts about a span that are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanFacts {
    /// Its state.
    pub state: SpanState,
    /// Its finish key.
    pub finish: Option<String>,
    /// Tokens of it and everything below it.
    pub usage: Usage,
    /// Cost of it and everything below it, in millionths of a US dollar.
    pub cost: u64,
    /// Milliseconds that it worked; they never count as a difference.
    pub work: u64,
}

impl SpanFacts {
    /// The facts about a span, as of some time.
    #[must_use]
    pub fn of(run: &RunState, span: SpanId, now: Millis) -> Self {
        let counts = run.trace.get(span).map(|found| found.counts).unwrap_or_default();
        Self {
            state: run.span_state(span),
            finish: run.trace.finish(span).map(ToOwned::to_owned),
            usage: counts.usage,
            cost: counts.cost,
            work: run.trace.work(span, now),
        }
    }

    /// True if something but the time differs.
    #[must_use]
    pub fn differs(&self, other: &Self) -> bool {
        let facts = |of: &Self| (of.state, of.usage, of.cost);
        facts(self) != facts(other) || self.finish != other.finish
    }
}

/// A span that is not alike in two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanDifference {
    /// Only the run on the right has it.
    Added(SpanId),
    /// Only the run on the left has it.
    Gone(SpanId),
    /// Both have it.
    Changed {
        /// The span on the left.
        left: SpanId,
        /// The span on the right.
        right: SpanId,
    },
}

/// Two runs compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunDifferences {
    /// Spans that are not alike, in the order of the run on the left, then those that it lacks.
    pub spans: Vec<SpanDifference>,
    /// Keys that are not left alike.
    pub world: Vec<WorldDifference>,
}

impl RunDifferences {
    /// True when the runs are alike.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.world.is_empty()
    }
}

/// Compares two runs. `differs` says if texts of two spans with one path differ, which their states don't have.
#[must_use]
pub fn compare_runs(left: &RunState, right: &RunState, differs: impl Fn(SpanId, SpanId) -> bool) -> RunDifferences {
    let (ours, theirs) = (by_path(left), by_path(right));
    let mut spans = Vec::new();
    let mut first: Vec<(&String, SpanId)> = ours.iter().map(|(path, span)| (path, *span)).collect();
    first.sort_by_key(|(_, span)| *span);
    for (path, span) in first {
        let Some(other) = theirs.get(path).copied() else {
            spans.push(SpanDifference::Gone(span));
            continue;
        };
        let facts = |run: &RunState, at: SpanId| SpanFacts::of(run, at, run.last_at);
        if facts(left, span).differs(&facts(right, other)) || differs(span, other) {
            spans.push(SpanDifference::Changed { left: span, right: other });
        }
    }
    let mut added: Vec<SpanId> =
        theirs.iter().filter(|(path, _)| !ours.contains_key(*path)).map(|(_, at)| *at).collect();
    added.sort_unstable();
    spans.extend(added.into_iter().map(SpanDifference::Added));
    RunDifferences { spans, world: compare_worlds(&left.ledger.net_world(), &right.ledger.net_world()) }
}

/// The newest try of each path that was not replaced.
fn by_path(run: &RunState) -> BTreeMap<String, SpanId> {
    let spans = (0..).map(SpanId).zip(run.trace.spans().iter()).skip(1);
    let stands = spans.filter(|(_, found)| found.status != SpanStatus::Undone);
    stands.map(|(span, _)| (run.trace.path(span), span)).collect()
}

/// The try of a span's path that it is best compared with: the one before it, or else the next one.
#[must_use]
pub fn other_try(run: &RunState, span: SpanId) -> Option<SpanId> {
    let trace = &run.trace;
    let found = trace.get(span)?;
    let (kind, visit, name, path) = (found.kind, found.visit, trace.name(span), trace.path(span));
    let is_same = |at: SpanId| trace.name(at) == name && trace.path(at) == path;
    let all = (0..).map(SpanId).zip(trace.spans().iter()).filter(|(at, other)| {
        *at != span && *at != SpanId::RUN && other.kind == kind && other.visit == visit && is_same(*at)
    });
    let all: Vec<SpanId> = all.map(|(at, _)| at).collect();
    all.iter().rev().find(|at| **at < span).or_else(|| all.first()).copied()
}
