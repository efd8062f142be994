//! Finding: the filter of the tree, the search in Detail, and jumps.

use crate::app::{Key, Pane, Search, State};
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

/// Starts typing a search, with the last one to go on from.
pub(super) fn start(state: &mut State) {
    let pane = state.focus;
    let text = if pane == Pane::Detail { state.detail.find.clone() } else { state.tree.filter().to_owned() };
    state.search = Some(Search { pane, text });
}

/// A key while a search is typed: it searches as it is typed, Enter keeps it, Esc drops it.
pub(in crate::app) fn search_key(state: &mut State, key: Key) {
    let Some(search) = &mut state.search else { return };
    match key {
        Key::Char(letter) => search.text.push(letter),
        Key::Backspace => {
            search.text.pop();
        }
        Key::Ctrl('u') | Key::Esc => search.text.clear(),
        _ => {}
    }
    search_changed(state);
    if matches!(key, Key::Enter | Key::Esc) {
        state.search = None;
    }
}

/// Brings what is shown up to the search as it is typed.
pub(in crate::app) fn search_changed(state: &mut State) {
    let Some(Search { pane, text }) = state.search.clone() else { return };
    if pane == Pane::Detail {
        let changed = state.detail.find != text;
        let height = state.height(Pane::Detail);
        state.detail.find = text;
        if changed && !state.detail.find.is_empty() {
            state.detail.jump(true, height);
        }
    } else if state.tree.filter() != text.to_lowercase() {
        state.tree.set_filter(&text, &state.run.trace);
    }
}

pub(super) fn next_match(state: &mut State, forward: bool) {
    if state.focus == Pane::Detail {
        let height = state.height(Pane::Detail);
        if !state.detail.jump(forward, height) {
            state.say("not found");
        }
        return;
    }
    let (tree, trace) = (&state.tree, &state.run.trace);
    let found = tree.find_from(state.selected(), forward, |span| tree.is_match(span, trace));
    go(state, found, "no match");
}

pub(super) fn jump(state: &mut State, target: Target, forward: bool) {
    let run = &state.run;
    let selected = state.selected();
    let accepts = |span: SpanId| match target {
        Target::Approval => run.span_state(span) == SpanState::NeedsApproval,
        Target::Error => run.span_state(span) == SpanState::Failed,
        Target::Paused => run.span_state(span) == SpanState::Paused,
        Target::Running => is_at_work(run, span),
        Target::Try => span != selected && same_path(&run.trace, span, selected),
    };
    let found = state.tree.find_from(selected, forward, accepts);
    let none = match target {
        Target::Approval => "nothing needs approval",
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
        None => state.say(none),
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
