//! Plans a resume: the calls that a dead process cut off run again, everything recorded is reused. Pure.
//!
//! A call that changed files or memory is undone before it is rerun. One that did something else is left as it is: an
//! undo command that runs unasked would do a thing twice.

use std::collections::BTreeSet;

use super::plan::{describe, take_cut_off};
use crate::model::{KeyKind, LedgerEntry, PlanLeave, RetryPlan, RunState, SpanId, SpanKind, SpanStatus};

/// Plans the resume of a run. The plan's span is the run's own. `again`: calls that run again over what they left.
#[must_use]
pub fn plan_resume(state: &RunState, again: &BTreeSet<SpanId>) -> RetryPlan {
    let mut taken = BTreeSet::new();
    take_cut_off(state, &mut taken);
    let mut plan = describe(state, SpanId::RUN, &taken, Vec::new());
    plan.rerun_names = taken.iter().map(|span| state.trace.path(*span)).collect();
    let (stays, undoes): (Vec<_>, Vec<_>) = plan.undoes.iter().copied().partition(|action| {
        state.ledger.get(*action).is_some_and(|entry| is_elsewhere(entry) || again.contains(&entry.record.tool_span))
    });
    let why = "it is left as it is, and its call is rerun";
    plan.undoes = undoes;
    plan.leaves.extend(stays.into_iter().map(|action| PlanLeave { action, why: why.to_owned() }));
    plan
}

/// The tool calls that were cut off, oldest first.
#[must_use]
pub fn cut_off_tools(state: &RunState) -> Vec<SpanId> {
    let mut taken = BTreeSet::new();
    take_cut_off(state, &mut taken);
    let is_tool = |span: &SpanId| {
        let found = state.trace.get(*span);
        found.is_some_and(|found| found.kind == SpanKind::Tool && found.status == SpanStatus::Cancelled)
    };
    taken.into_iter().filter(is_tool).collect()
}

/// The actions of one tool call, oldest first.
#[must_use]
pub fn actions_of_call(state: &RunState, span: SpanId) -> Vec<LedgerEntry> {
    let heads = state.ledger.heads().filter(|head| head.tool_span == span);
    heads.filter_map(|head| state.ledger.get(head.seq).cloned()).collect()
}

/// True for an action whose state nobody can read: a command's work outside, a request, a call with an undo command.
#[must_use]
pub fn is_elsewhere(entry: &LedgerEntry) -> bool {
    matches!(entry.record.key.kind, KeyKind::External | KeyKind::Compensation)
}
