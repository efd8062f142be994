//! Jumps to spans of a kind.

use crate::app::State;
use crate::model::{SpanId, SpanStatus, Trace};

/// The target of a jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Error,
    Paused,
    Running,
    Try,
}

pub(super) fn jump(state: &mut State, target: Target, forward: bool) {
    let trace = &state.run.trace;
    let selected = state.selected();
    let status = |span: SpanId| trace.get(span).map(|found| found.status);
    let accepts = |span: SpanId| match target {
        Target::Error => status(span) == Some(SpanStatus::Error),
        Target::Paused => trace.pause(span).is_some(),
        Target::Running => is_at_work(trace, span),
        Target::Try => span != selected && same_path(trace, span, selected),
    };
    let found = state.tree.find_from(selected, forward, accepts);
    let none = match target {
        Target::Error => "no span failed",
        Target::Paused => "nothing is paused",
        Target::Running => "nothing runs",
        Target::Try => "this span ran once",
    };
    go(state, found, none);
}

fn go(state: &mut State, found: Option<SpanId>, none: &str) {
    match found {
        Some(span) => state.go_to(span),
        None => state.refuse(none),
    }
}

/// True when a span itself runs, not only something below it.
fn is_at_work(trace: &Trace, span: SpanId) -> bool {
    let runs = |at: SpanId| {
        trace.get(at).is_some_and(|found| matches!(found.status, SpanStatus::Running | SpanStatus::Waiting))
    };
    let live = |at: SpanId| trace.get(at).is_some_and(|found| found.status.is_live());
    runs(span) && !trace.children(span).any(live)
}

fn same_path(trace: &Trace, a: SpanId, b: SpanId) -> bool {
    let place = |span: SpanId| trace.get(span).map(|found| (found.kind, found.visit, trace.name(span)));
    place(a) == place(b) && trace.path(a) == trace.path(b)
}
