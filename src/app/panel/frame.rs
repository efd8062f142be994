//! The frame of all panels: moving about, opening, copying and clicks, the same in each.

use super::{Opened, Pane};
use crate::app::act::{enter_terminal, show_diff, to_span};
use crate::app::{Command, State};

/// Moves the cursor of the panel with the focus.
pub(in crate::app) fn step(state: &mut State, by: isize) {
    let (model, scene) = state.panel(state.focus);
    model.step_lines(by, scene.height);
}

/// Scrolls a panel without taking its cursor along further than needed.
pub(in crate::app) fn slide(state: &mut State, pane: Pane, by: isize) {
    let (model, scene) = state.panel(pane);
    model.slide_lines(by, scene.height);
}

/// Opens what is under the cursor.
pub(in crate::app) fn open(state: &mut State) -> Vec<Command> {
    let (model, scene) = state.panel(state.focus);
    let opened = model.open(&scene);
    see_to(state, opened)
}

/// Goes into what is under the cursor.
pub(in crate::app) fn unfold(state: &mut State) -> Vec<Command> {
    let (model, scene) = state.panel(state.focus);
    let opened = model.unfold(&scene);
    see_to(state, opened)
}

/// Goes out of what is under the cursor.
pub(in crate::app) fn fold(state: &mut State) -> Vec<Command> {
    let (model, scene) = state.panel(state.focus);
    let opened = model.fold(&scene);
    see_to(state, opened)
}

/// A press of the mouse on a line in a panel's view.
pub(in crate::app) fn press(state: &mut State, pane: Pane, line: usize) -> Vec<Command> {
    let (model, scene) = state.panel(pane);
    let opened = model.press(line, &scene);
    see_to(state, opened)
}

/// Copies what the focus is on.
pub(in crate::app) fn copy(state: &mut State) -> Vec<Command> {
    let (model, scene) = state.panel(state.focus);
    let (what, text) = model.copied(&scene);
    let Some(text) = text else {
        state.refuse("nothing here to copy");
        return Vec::new();
    };
    state.say(format!("{what} copied"));
    vec![Command::Copy(text)]
}

fn see_to(state: &mut State, opened: Opened) -> Vec<Command> {
    match opened {
        Opened::Here => {}
        Opened::Nothing(why) => state.refuse(why),
        Opened::Span(span) => to_span(state, span),
        Opened::Pane(pane) => state.show(pane),
        Opened::Popup(popup) => state.popup = Some(*popup),
        Opened::Diff(action) => return show_diff(state, action),
        Opened::Terminal => enter_terminal(state),
    }
    Vec::new()
}
