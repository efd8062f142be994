//! Jumps to spans of a kind.

use crate::app::State;
use crate::model::{RunState, SpanId, SpanState, Trace};

/// The target of a jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Approval,
    Error,
    Paused,
    Running,
    Try,
}

pub(super) fn jump(state: &mut State, target: Target, forward: bool) {
    let run = &state.run;
    let selected = state.selected();
    let accepts = |span: SpanId| match target {
        Target::Approval => matches!(run.span_state(span), SpanState::NeedsApproval | SpanState::NeedsAnswer),
        Target::Error => run.span_state(span) == SpanState::Failed,
        Target::Paused => run.span_state(span) == SpanState::Paused,
        Target::Running => is_at_work(run, span),
        Target::Try => span != selected && same_path(&run.trace, span, selected),
    };
    let found = state.tree.find_from(selected, forward, accepts);
    let none = match target {
        Target::Approval => "nothing needs an approval or an answer",
        Target::Error => "no span failed",
        Target::Paused => "nothing is paused",
        Target::Running => "nothing runs",
        Target::Try => "this span ran once",
    };
    go(state, found, none);
}

fn go(state: &mut State, found: Option<SpanId>, none: &str) {
    match found {
        Some(span) if span == state.selected() => state.say("this is the only one"),
        Some(span) => state.go_to(span),
        None => state.refuse(none),
    }
}

/// True when a span itself runs, not only something below it.
fn is_at_work(run: &RunState, span: SpanId) -> bool {
    let runs = matches!(run.span_state(span), SpanState::Running | SpanState::Waiting);
    let live = |at: SpanId| run.trace.get(at).is_some_and(|found| found.status.is_live());
    runs && !run.trace.children(span).any(live)
}

fn same_path(trace: &Trace, a: SpanId, b: SpanId) -> bool {
    let place = |span: SpanId| trace.get(span).map(|found| (found.kind, found.visit, trace.name(span)));
    place(a) == place(b) && trace.path(a) == trace.path(b)
}
