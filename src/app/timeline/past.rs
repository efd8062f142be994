//! A moment in the place of the run, and the run as it is now beside it.

use crate::app::{Pane, Rollback, State, Tree};
use crate::model::{Millis, Moment, RunState, Seq, SpanId, TraceBody, TraceEvent};

/// The run as it is now, while a moment of it is shown.
#[derive(Debug, Clone)]
pub(in crate::app) struct Past {
    seq: Seq,
    event: Option<TraceEvent>,
    run: RunState,
    tree: Tree,
    rollback: Rollback,
    now: Millis,
}

impl Past {
    /// Shows a moment in the place of the run.
    pub(super) fn enter(state: &mut State, moment: Moment, goal: Option<SpanId>) -> Self {
        let mut past = Self {
            seq: Seq(0),
            event: None,
            run: state.run.clone(),
            tree: state.tree.clone(),
            rollback: state.rollback.clone(),
            now: state.now,
        };
        past.run.ledger.share_index(&state.run.ledger);
        state.tree.follow = false;
        past.go_on(state, moment, goal);
        past
    }

    /// Shows another moment; `goal` is selected, or else the span that the event is about.
    pub(super) fn go_on(&mut self, state: &mut State, moment: Moment, goal: Option<SpanId>) {
        self.seq = moment.run.last;
        self.event = moment.event;
        state.run = moment.run;
        // Each moment is another copy: the panels would make an index of all actions for each.
        state.run.ledger.share_index(&self.run.ledger);
        state.now = state.run.last_at;
        state.tree.show_until(state.run.trace.len(), &state.run);
        let about = self.event.as_ref().and_then(|event| span_of(&event.body, &state.run));
        let height = state.height(Pane::Tree);
        if let Some(span) = goal.or(about) {
            state.tree.select(span, height);
        }
        state.rollback.list_anew();
        state.detail.read_anew();
    }

    /// Puts the run back in its place; the selection stays.
    pub(super) fn leave(mut self, state: &mut State) {
        let selected = state.selected();
        self.swap(state);
        let height = state.height(Pane::Tree);
        state.tree.select(selected, height);
        state.rollback.list_anew();
        state.detail.read_anew();
        state.preview.want(state.selected());
    }

    /// Has what is kept and what is shown change places.
    pub(super) fn swap(&mut self, state: &mut State) {
        std::mem::swap(&mut self.run, &mut state.run);
        std::mem::swap(&mut self.tree, &mut state.tree);
        std::mem::swap(&mut self.rollback, &mut state.rollback);
        std::mem::swap(&mut self.now, &mut state.now);
    }

    /// The moment's last event.
    pub(super) fn seq(&self) -> Seq {
        self.seq
    }

    /// The event that had just happened.
    pub(super) fn event(&self) -> Option<&TraceEvent> {
        self.event.as_ref()
    }

    /// The run as it is now.
    pub(in crate::app) fn present(&self) -> &RunState {
        &self.run
    }
}

/// The span that an event is about; of a change, that of the tool.
fn span_of(body: &TraceBody, run: &RunState) -> Option<SpanId> {
    match body {
        TraceBody::Action(record) => Some(record.tool_span),
        TraceBody::ActionEvent(change) => run.ledger.get(change.action).map(|entry| entry.record.tool_span),
        body => body.span(),
    }
}
