//! The span that a retry is made of.

use tama_tui::model::{KeyKind, LedgerEntry, RunState, Seq, SpanId, SpanKind, SpanStatus};

use super::rng::Rng;

/// A span that no retry replaced: of each kind about as often. While a call is held, one whose retry ends it.
/// `shares`: often one of whose writes a branch beside it read.
pub fn choose(rng: &mut Rng, state: &RunState, held: Option<SpanId>, shares: bool) -> SpanId {
    let trace = &state.trace;
    if let Some(held) = held {
        let above: Vec<SpanId> = trace.ancestors(held).filter(|at| *at != SpanId::RUN).collect();
        let beside = trace.children(above[0]).filter(|at| is_standing(state, *at));
        let all: Vec<SpanId> = std::iter::once(held).chain(above.clone()).chain(beside).collect();
        return *rng.pick(&all);
    }
    if shares && rng.chance(60) {
        let read = read_beside(state);
        if !read.is_empty() {
            let tool = *rng.pick(&read);
            let agent = trace.agent_of(tool);
            let before = |call: &SpanId| trace.get(*call).is_some_and(|found| found.kind == SpanKind::Llm);
            let call = trace.children(agent).take_while(|at| *at != tool).filter(before).last();
            return *rng.pick(&[tool, agent, call.unwrap_or(tool), call.unwrap_or(tool)]);
        }
    }
    let spans: Vec<SpanId> = all(state).filter(|span| is_standing(state, *span)).collect();
    let kind = *rng.pick(&[SpanKind::Agent, SpanKind::Llm, SpanKind::Llm, SpanKind::Tool, SpanKind::Tool]);
    let of_kind = |span: &SpanId| trace.get(*span).is_some_and(|found| found.kind == kind);
    let fit: Vec<SpanId> = spans.iter().copied().filter(of_kind).collect();
    *rng.pick(if fit.is_empty() { &spans } else { &fit })
}

/// The tools that changed something which a branch beside theirs read later.
fn read_beside(state: &RunState) -> Vec<SpanId> {
    let saw = |entry: &LedgerEntry| {
        let (tool, key) = (entry.record.tool_span, &entry.record.key);
        state.ledger.reads().iter().any(|known| {
            let (reader, read, seen) = &*known;
            let folder = key.name.rsplit_once('/').map(|(folder, _)| folder);
            let is_listed =
                read.kind == KeyKind::Directory && folder == Some(&read.name) && is_later(state, *reader, entry);
            let is_read = read.same_place(key) && seen.is_some_and(|seen| seen >= entry.seq);
            (is_listed || is_read) && is_standing(state, *reader) && are_beside(state, tool, *reader)
        })
    };
    let entries = state.ledger.entries().iter();
    let entries = entries.filter(|entry| entry.is_applied() && is_standing(state, entry.record.tool_span));
    let mut found: Vec<SpanId> = entries.filter(|entry| saw(entry)).map(|entry| entry.record.tool_span).collect();
    found.dedup();
    found
}

fn is_later(state: &RunState, reader: SpanId, entry: &LedgerEntry) -> bool {
    state.trace.get(reader).is_some_and(|found| found.ended.is_none_or(|ended: Seq| ended > entry.seq))
}

/// True for a span in a branch of a fan-out.
pub fn is_in_branch(state: &RunState, span: SpanId) -> bool {
    let trace = &state.trace;
    std::iter::once(span).chain(trace.ancestors(span)).any(|at| trace.get(at).is_some_and(|found| found.fan.is_some()))
}

/// True when two spans are in different branches of one fan-out.
fn are_beside(state: &RunState, one: SpanId, other: SpanId) -> bool {
    let trace = &state.trace;
    let above = |span: SpanId| std::iter::once(span).chain(trace.ancestors(span));
    above(one).any(|one| {
        above(other).any(|other| match (trace.get(one), trace.get(other)) {
            (Some(a), Some(b)) => a.parent == b.parent && a.fan.is_some() && b.fan.is_some() && one != other,
            _ => false,
        })
    })
}

fn all(state: &RunState) -> impl Iterator<Item = SpanId> {
    (1..u32::try_from(state.trace.len()).unwrap()).map(SpanId)
}

/// True when no retry replaced a span.
fn is_standing(state: &RunState, span: SpanId) -> bool {
    state.trace.get(span).is_some_and(|found| found.status != SpanStatus::Undone)
}
