//! The mouse: a press gives the focus and selects, a second one folds; the wheel scrolls what is under it.

use super::agent;
use crate::app::{Command, Mouse, Pane, State, panel};

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
                panel::slide(state, pane, by);
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
                return line.map(|line| panel::press(state, pane, line)).unwrap_or_default();
            }
        }
    }
    Vec::new()
}
