//! Moving about.

use crate::app::{Pane, State, panel, search};
use crate::model::SpanId;

/// Moves by most of a page.
pub(super) fn page(state: &mut State, direction: isize) {
    let lines = state.focus_height().saturating_sub(1).max(1);
    panel::step(state, direction * isize::try_from(lines).unwrap_or(1));
}

/// Scrolls the panel beside the tree, or the tree from elsewhere.
pub(super) fn scroll_other(state: &mut State, by: isize) {
    let beside = if state.layout().stacked { state.below() } else { state.side };
    let other = if state.focus == Pane::Tree { beside } else { Pane::Tree };
    panel::slide(state, other, by);
}

/// Gives the focus to the next panel, or to the one before.
pub(super) fn turn_pane(state: &mut State, forward: bool) {
    let panes = state.panes();
    let at = panes.iter().position(|pane| *pane == state.focus).unwrap_or(0);
    let by = if forward { 1 } else { panes.len() - 1 };
    state.show(panes[(at + by) % panes.len()]);
}

/// Selects a span, and gives the spans the focus.
pub(in crate::app) fn to_span(state: &mut State, target: Option<SpanId>) {
    match target.filter(|span| *span != SpanId::RUN) {
        Some(span) => {
            state.go_to(span);
            state.show(Pane::Tree);
        }
        None => state.refuse("this belongs to no span"),
    }
}

/// Takes the filter or the search back, or goes back to now, or to the tree.
pub(super) fn back(state: &mut State) {
    if !search::forget(state, state.focus) && !state.back_to_now() {
        state.show(Pane::Tree);
    }
}

pub(super) fn follow(state: &mut State) {
    state.tree.follow = !state.tree.follow;
    let newest = u32::try_from(state.run.trace.len().saturating_sub(1)).map(SpanId);
    if let (true, Ok(newest)) = (state.tree.follow, newest) {
        let height = state.height(Pane::Tree);
        let paused = state.run.trace.paused().last();
        state.tree.select(paused.unwrap_or(newest), height);
    }
}
