//! A quick look at what a key can change on the screen: a key that changes nothing and says nothing is answered.

use std::collections::BTreeSet;

use super::search::Finds;
use super::{AgentPane, Key, Pane, Popup, Search, State, UiAction};
use crate::model::{Breakpoint, Seq, SpanId};

/// The parts of the state that keys change by themselves, without a command.
#[derive(Debug, PartialEq)]
pub(super) struct Glance {
    panes: [Pane; 3],
    agent: Option<AgentPane>,
    zoom: bool,
    moment: (Option<Seq>, i64),
    tree: (SpanId, usize, bool, String),
    panels: Vec<(usize, usize, usize)>,
    wrap: bool,
    rollback: (Option<Seq>, bool, usize),
    marked: BTreeSet<Seq>,
    popup: Option<String>,
    pending: Option<Key>,
    search: Option<Search>,
    finds: Finds,
    breakpoints: Vec<Breakpoint>,
}

impl Glance {
    /// Takes it of a state.
    pub(super) fn of(state: &State) -> Self {
        let (tree, rollback) = (&state.tree, &state.rollback);
        Self {
            panes: [state.focus, state.side, state.lower],
            agent: state.agent.clone(),
            zoom: state.zoom,
            moment: (state.timeline.seq(), state.timeline.queued()),
            tree: (tree.cursor(), tree.len(), tree.follow, tree.filter().to_owned()),
            panels: Pane::EVERY.iter().map(|pane| position(state, *pane)).collect(),
            wrap: state.detail.wrap,
            rollback: (rollback.selected(), rollback.is_narrow(), rollback.skipped().len()),
            marked: rollback.marked().clone(),
            popup: state.popup.as_ref().map(popup),
            pending: state.pending,
            search: state.search.clone(),
            finds: state.finds.clone(),
            breakpoints: state.breakpoints.clone(),
        }
    }
}

/// The cursor, the first line in view and the number of lines of a panel.
fn position(state: &State, pane: Pane) -> (usize, usize, usize) {
    let model = state.model(pane);
    (model.cursor_line(), model.top_line(state.height(pane)), model.line_count())
}

/// A popup as text; of large ones only what keys change.
fn popup(popup: &Popup) -> String {
    match popup {
        Popup::Diff(view) => format!("diff {} {} {}", view.action, view.top, view.wrap),
        Popup::Plan(plan) => format!("plan {} {}", plan.reading().above(), plan.with_readers),
        Popup::Ask(ask) => format!("ask {} {}", ask.title, ask.reading().above()),
        Popup::Entry(entry) => format!("entry {}", entry.top),
        Popup::Editor(editor) => format!("editor {} {} {:?}", editor.touched, editor.leaving, editor.scope()),
        Popup::TriesForm(form) => format!("tries {:?} {}", form.settings(), form.cursor()),
        small => format!("{small:?}"),
    }
}

/// Says that a verb of a panel changed nothing.
pub(super) fn no_change(action: UiAction) -> &'static str {
    use UiAction as A;
    match action {
        A::Down | A::PageDown | A::Bottom | A::OtherDown => "this is the end",
        A::Up | A::PageUp | A::Top | A::OtherUp => "this is the start",
        A::Zoom => "this panel has the whole screen already: _ shows the others",
        A::Unzoom => "no panel has the whole screen",
        A::Fold | A::OnlyPath => "nothing more to fold",
        A::Unfold | A::OpenAll | A::Open => "nothing more to open",
        A::Back => "nothing to close",
        _ => "nothing changes",
    }
}
