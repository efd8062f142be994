//! The mouse: a press gives the focus and selects, a second one folds; the wheel scrolls what is under it.

use super::{agent, moves};
use crate::app::{Command, Mouse, Pane, State};

const WHEEL: isize = 3;

pub(in crate::app) fn mouse(state: &mut State, mouse: Mouse) -> Vec<Command> {
    // A popup takes keys only: a stray click confirms nothing.
    if state.popup.is_some() {
        return Vec::new();
    }
    let layout = state.layout();
    match mouse {
        Mouse::WheelDown { x, y } | Mouse::WheelUp { x, y } => {
            let by = if matches!(mouse, Mouse::WheelDown { .. }) { WHEEL } else { -WHEEL };
            if layout.pane_at(x, y) == Some(Pane::Agent) {
                return agent::wheel(state, by);
            }
            if let Some(pane) = layout.pane_at(x, y) {
                moves::slide(state, pane, by);
            }
        }
        Mouse::Press { x, y } => {
            state.pending = None;
            if let Some(pane) = layout.pane_at(x, y) {
                let line = layout.area(pane).inner().line(x, y);
                if pane == Pane::Agent {
                    agent::enter(state);
                    return Vec::new();
                }
                state.show(pane);
                if let Some(line) = line {
                    press(state, pane, line);
                }
            }
        }
    }
    Vec::new()
}

fn press(state: &mut State, pane: Pane, line: usize) {
    let height = state.height(pane);
    match pane {
        Pane::Tree => {
            let Some(span) = state.tree.at(state.tree.top(height) + line) else { return };
            if span == state.selected() {
                let open = state.tree.is_open(span);
                state.tree.set_open(span, !open);
            }
            state.go_to(span);
        }
        Pane::Detail => {
            let len = state.detail.lines().len();
            let at = state.detail.scroll.top + line;
            if at < len {
                state.detail.scroll.go(at, len, height);
                if matches!(state.detail.lines()[at].kind, crate::app::LineKind::Title { .. }) {
                    state.detail.toggle_fold(height);
                }
            }
        }
        Pane::Log => {
            let len = state.log.lines().len();
            state.log.scroll.go(state.log.scroll.top + line, len, height);
        }
        Pane::Rollback => state.rollback.click(line, height),
        // A press gives it the keys.
        Pane::Agent => {}
    }
}
