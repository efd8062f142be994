//! Moving about.

use super::agent;
use crate::app::{Entry, Pane, Popup, State, search};
use crate::model::SpanId;

/// Moves the cursor of the panel with the focus.
pub(super) fn step(state: &mut State, by: isize) {
    step_in(state, state.focus, by);
}

/// Moves the cursor of a panel.
pub(super) fn step_in(state: &mut State, pane: Pane, by: isize) {
    let height = state.height(pane);
    match pane {
        Pane::Tree => {
            state.tree.follow = false;
            state.tree.step(by, height);
        }
        Pane::Detail => {
            let len = state.detail.lines().len();
            state.detail.scroll.step(by, len, height);
        }
        Pane::Log => {
            let len = state.log.lines().len();
            state.log.scroll.step(by, len, height);
        }
        Pane::Rollback => state.rollback.step(by, height),
        Pane::Agent => agent::scroll(state, by),
    }
}

/// Moves by most of a page.
pub(super) fn page(state: &mut State, direction: isize) {
    let lines = state.focus_height().saturating_sub(1).max(1);
    step(state, direction * isize::try_from(lines).unwrap_or(1));
}

/// Scrolls a panel without taking its cursor along further than needed.
pub(super) fn slide(state: &mut State, pane: Pane, by: isize) {
    let height = state.height(pane);
    match pane {
        Pane::Tree => step_in(state, pane, by),
        Pane::Detail => {
            let len = state.detail.lines().len();
            state.detail.scroll.slide(by, len, height);
        }
        Pane::Log => {
            let len = state.log.lines().len();
            state.log.scroll.slide(by, len, height);
        }
        Pane::Rollback => state.rollback.slide(by, height),
        Pane::Agent => agent::scroll(state, by),
    }
}

/// Scrolls the panel beside the tree, or the tree from elsewhere.
pub(super) fn scroll_other(state: &mut State, by: isize) {
    let beside = if state.layout().stacked { state.below() } else { state.side };
    let other = if state.focus == Pane::Tree { beside } else { Pane::Tree };
    slide(state, other, by);
}

/// Gives the focus to the next panel, or to the one before.
pub(super) fn turn_pane(state: &mut State, forward: bool) {
    let panes = state.panes();
    let at = panes.iter().position(|pane| *pane == state.focus).unwrap_or(0);
    let by = if forward { 1 } else { panes.len() - 1 };
    state.show(panes[(at + by) % panes.len()]);
}

pub(super) fn fold(state: &mut State) {
    let span = state.selected();
    match state.focus {
        Pane::Tree if state.tree.is_open(span) && state.tree.first_child(span).is_some() => {
            state.tree.follow = false;
            state.tree.set_open(span, false);
        }
        Pane::Tree => {
            if let Some(parent) = state.tree.parent(span) {
                state.go_to(parent);
            }
        }
        Pane::Detail => state.detail.set_fold(true, state.focus_height()),
        Pane::Log | Pane::Rollback | Pane::Agent => state.show(Pane::Tree),
    }
}

pub(super) fn unfold(state: &mut State) {
    let span = state.selected();
    match state.focus {
        Pane::Tree if !state.tree.is_open(span) => state.tree.set_open(span, true),
        Pane::Tree => {
            if let Some(child) = state.tree.first_child(span) {
                state.go_to(child);
            }
        }
        Pane::Detail => state.detail.set_fold(false, state.focus_height()),
        Pane::Log => {
            let span = state.log.selected().and_then(|line| line.span);
            to_span(state, span);
        }
        Pane::Rollback => {
            let entry = state.rollback.selected().and_then(|seq| state.run.ledger.get(seq));
            let span = entry.map(|entry| entry.record.tool_span);
            to_span(state, span);
        }
        Pane::Agent => agent::enter(state),
    }
}

/// Opens what is selected: a span's texts, a section, a line in full.
pub(super) fn open(state: &mut State) {
    match state.focus {
        Pane::Tree => state.show(Pane::Detail),
        Pane::Detail => {
            let height = state.focus_height();
            state.detail.toggle_fold(height);
        }
        Pane::Log => {
            let Some(line) = state.log.selected() else { return state.refuse("no line yet") };
            let path = line.span.filter(|span| *span != SpanId::RUN).map(|span| state.run.trace.path(span));
            let entry = Entry::new(line, &path.unwrap_or_default());
            state.popup = Some(Popup::Entry(entry));
        }
        Pane::Agent => agent::enter(state),
        // Opened as a diff.
        Pane::Rollback => {}
    }
}

pub(super) fn to_span(state: &mut State, target: Option<SpanId>) {
    match target.filter(|span| *span != SpanId::RUN) {
        Some(span) => {
            state.go_to(span);
            state.show(Pane::Tree);
        }
        None => state.refuse("this belongs to no span"),
    }
}

/// Takes the filter or the search back, or goes back to the tree.
pub(super) fn back(state: &mut State) {
    if !search::forget(state, state.focus) {
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
