//! Plans a retry: the actions it undoes and leaves, the spans it reruns. Pure.
//!
//! The set of rerun spans has the span, everything below it, and everything that ran because of its result: at its own
//! level and at that of each agent above it, the siblings that started after it ended. Branches of the same fan-out
//! don't see each other, whenever they started, so they stay.

use std::collections::BTreeSet;
use std::ops::Deref;

use super::plan_again::take_again;
use super::seen::Undone;
use crate::model::{
    ActionStatus, LedgerEntry, PlanLeave, RetryPlan, RunState, Seen, Seq, Span, SpanId, SpanKind, SpanStatus,
};

/// An error while planning a retry; phrased to follow "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No such span.
    #[error("plan the retry: there is no span {0}")]
    Unknown(SpanId),
    /// The run's own span.
    #[error("plan the retry: {0} is the run itself; retry its first agent instead")]
    WholeRun(SpanId),
    /// A later try took its place.
    #[error("plan the retry: {span} is try {attempt} of {path} and was replaced; retry {newest} instead")]
    Replaced {
        /// The span asked for.
        span: SpanId,
        /// Its try.
        attempt: u32,
        /// Its path.
        path: String,
        /// The newest try of that path, or `a newer try` while it has not started.
        newest: String,
    },
}

/// Plans the retry of a span. `with_readers`: concurrent spans that read what is undone, and what followed from
/// them, run again too.
///
/// # Errors
/// When the span is the run itself, was replaced, or does not exist.
pub fn plan_retry(state: &RunState, span: SpanId, with_readers: bool) -> Result<RetryPlan, PlanError> {
    check(state, span)?;
    let mut taken = BTreeSet::new();
    if let Some(agent) = state.wrapped_agent(span) {
        let again = take_again(state, span, agent, &mut taken);
        return Ok(RetryPlan {
            again,
            rerun_names: vec![state.trace.label(span)],
            ..describe(state, span, &taken, Vec::new())
        });
    }
    take(state, span, &mut taken);
    take_cut_off(state, &mut taken);
    let mut readers = BTreeSet::new();
    loop {
        let found = readers_of(state, &taken);
        readers.extend(found.iter().copied());
        if !with_readers || found.is_empty() {
            break;
        }
        for reader in found {
            take(state, reader, &mut taken);
        }
    }
    Ok(describe(state, span, &taken, readers.into_iter().collect()))
}

fn check(state: &RunState, span: SpanId) -> Result<(), PlanError> {
    let found = state.trace.get(span).ok_or(PlanError::Unknown(span))?;
    if found.kind == SpanKind::Run {
        return Err(PlanError::WholeRun(span));
    }
    if found.status == SpanStatus::Undone {
        let path = state.trace.path(span);
        let newest = state.trace.find(&path).filter(|newest| is_standing(state, *newest));
        let newest = newest.map_or_else(|| "a newer try".into(), |newest| newest.to_string());
        return Err(PlanError::Replaced { span, attempt: found.attempt.0, path, newest });
    }
    Ok(())
}

/// Adds a span, everything below it, and everything that ran because of its result.
fn take(state: &RunState, span: SpanId, taken: &mut BTreeSet<SpanId>) {
    take_below(state, span, taken);
    let above = state.trace.ancestors(span).filter(|at| *at != SpanId::RUN);
    for at in std::iter::once(span).chain(above) {
        for follower in followers(state, at) {
            take_below(state, follower, taken);
        }
    }
}

/// Adds the calls that a cancelled run, or one that a limit ended, never answered: it can't continue without them.
pub(super) fn take_cut_off(state: &RunState, taken: &mut BTreeSet<SpanId>) {
    let spans = state.trace.spans().iter().zip(0_u32..);
    for (_, at) in spans.filter(|(found, _)| was_cut_off(found) && is_call(found.kind)) {
        take_below(state, SpanId(at), taken);
    }
}

/// True when a span ended because the run did.
fn was_cut_off(found: &Span) -> bool {
    found.status == SpanStatus::Cancelled || found.is_halted()
}

/// Lists the agents outside the set that a cancelled run stopped: they continue.
fn cut_off_agents(state: &RunState) -> impl Iterator<Item = SpanId> {
    let agents = state.trace.spans().iter().zip(0_u32..);
    agents.filter(|(found, _)| was_cut_off(found) && found.kind == SpanKind::Agent).map(|(_, at)| SpanId(at))
}

fn take_below(state: &RunState, span: SpanId, taken: &mut BTreeSet<SpanId>) {
    let mut open = vec![span];
    while let Some(at) = open.pop() {
        if is_standing(state, at) && taken.insert(at) {
            open.extend(state.trace.children(at));
        }
    }
}

/// Lists the siblings that ran because of a span's result.
fn followers(state: &RunState, span: SpanId) -> Vec<SpanId> {
    let Some(found) = state.trace.get(span) else { return Vec::new() };
    let Some(ended) = found.ended else { return Vec::new() };
    let follows = |other: &Span| other.started > ended && !are_concurrent(found, other);
    // Those that followed began after it. Going over all spans unpacks none of them for good.
    let later = (span.0 + 1..).zip(state.trace.spans().iter_from(span.0 as usize + 1));
    later.filter(|(_, other)| other.parent == found.parent && follows(other)).map(|(at, _)| SpanId(at)).collect()
}

/// True when two siblings are branches of one fan-out. A bound on parallelism may start one after the other ended.
fn are_concurrent(one: &Span, other: &Span) -> bool {
    matches!((one.fan, other.fan), (Some(one), Some(other)) if one.group == other.group)
}

/// Lists the spans outside the set that read a value which is undone with it.
fn readers_of(state: &RunState, taken: &BTreeSet<SpanId>) -> Vec<SpanId> {
    let undone = Undone::of(state, actions_of(state, taken));
    let reads = state.ledger.reads().iter().filter(|read| !taken.contains(&read.0) && is_standing(state, read.0));
    reads.filter(|read| undone.was_seen(state, read.0, &read.1, read.2)).map(|read| read.0).collect()
}

/// The applied actions of the set, newest first.
fn actions_of<'a>(state: &'a RunState, taken: &'a BTreeSet<SpanId>) -> impl Iterator<Item = &'a LedgerEntry> {
    let heads = state.ledger.heads().rev().filter(|head| head.is_applied() && taken.contains(&head.tool_span));
    heads.filter_map(|head| state.ledger.get(head.seq))
}

pub(super) fn describe(state: &RunState, span: SpanId, taken: &BTreeSet<SpanId>, readers: Vec<SpanId>) -> RetryPlan {
    let trace = &state.trace;
    let of_set = |at: &&SpanId| trace.get(**at).is_some_and(|found| is_call(found.kind));
    let live = |at: &&SpanId| trace.get(**at).is_some_and(|found| found.status.is_live());
    let rerun = Spent::of(taken.iter().filter_map(|at| trace.get(*at)));
    let reused = Spent::of(answered(state, taken));
    let leaves = actions_of(state, taken)
        .filter_map(|entry| entry.check_undoable().err().map(|why| PlanLeave { action: entry.seq, why }));
    let above = taken.iter().flat_map(|at| trace.ancestors(*at));
    let above: BTreeSet<SpanId> = above.chain(cut_off_agents(state)).collect();
    RetryPlan {
        span,
        undoes: actions_of(state, taken)
            .filter(|entry| entry.check_undoable().is_ok())
            .map(|entry| entry.seq)
            .collect(),
        leaves: leaves.collect(),
        reruns: taken.iter().copied().collect(),
        rerun_names: names(state, span, taken),
        reopens: above.into_iter().filter(|at| *at != SpanId::RUN && !taken.contains(at)).collect(),
        readers,
        from_journal: answered(state, taken).count(),
        saved_tokens: reused.tokens,
        saved_cost: reused.cost,
        calls: rerun.calls,
        tokens: rerun.tokens,
        cost: rerun.cost,
        authority: Vec::new(),
        changed: Vec::new(),
        cancels: taken.iter().filter(of_set).filter(live).count(),
        undone_outside: undone_outside(state, taken),
        again: Vec::new(),
    }
}

/// Lists the undone actions of current spans outside the set.
fn undone_outside(state: &RunState, taken: &BTreeSet<SpanId>) -> Vec<Seq> {
    let outside = |span: SpanId| is_standing(state, span) && !taken.contains(&span);
    let undone = state.ledger.heads().filter(|head| head.status == ActionStatus::Undone);
    undone.filter(|head| outside(head.tool_span)).map(|head| head.seq).collect()
}

/// Returns the labels of the rerun agents, the topmost first; before them the span itself when it is no agent.
fn names(state: &RunState, span: SpanId, taken: &BTreeSet<SpanId>) -> Vec<String> {
    let is_agent = |at: &SpanId| state.trace.get(*at).is_some_and(|found| found.kind == SpanKind::Agent);
    let mut agents: Vec<SpanId> = taken.iter().copied().filter(is_agent).collect();
    agents.sort_by_key(|at| (state.trace.ancestors(*at).count(), *at));
    let own = (!is_agent(&span)).then_some(span);
    own.into_iter().chain(agents).map(|at| state.trace.label(at)).collect()
}

/// The model calls among some spans, with their tokens and cost.
#[derive(Default)]
struct Spent {
    calls: usize,
    tokens: u64,
    cost: u64,
}

impl Spent {
    fn of(spans: impl Iterator<Item: Deref<Target = Span>>) -> Self {
        let calls = spans.filter(|found| found.kind == SpanKind::Llm);
        calls.fold(Self::default(), |sum, found| Self {
            calls: sum.calls + 1,
            tokens: sum.tokens + found.counts.usage.input + found.counts.usage.output,
            cost: sum.cost + found.counts.cost,
        })
    }
}

/// Lists the calls outside the set that reuse their recorded outcome.
fn answered<'a>(state: &'a RunState, taken: &'a BTreeSet<SpanId>) -> impl Iterator<Item = Seen<'a, Span>> {
    let spans = state.trace.spans().iter().zip(0_u32..);
    spans
        .filter(|(found, _)| is_call(found.kind) && found.ended.is_some() && found.status != SpanStatus::Undone)
        .filter(|(_, at)| !taken.contains(&SpanId(*at)))
        .map(|(found, _)| found)
}

fn is_call(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Llm | SpanKind::Tool | SpanKind::Human)
}

/// True when no later try replaced the span.
fn is_standing(state: &RunState, span: SpanId) -> bool {
    state.trace.get(span).is_some_and(|found| found.status != SpanStatus::Undone)
}
