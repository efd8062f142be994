//! A past run: its state is here before its events are, and before its log is checked.

use super::events::{is_done_worker_of_many, is_topmost};
use crate::app::{Command, Log, Pane, State, Tree};
use crate::model::{self, RunState, Seq, Settler, SpanId, SpanKind, SpanStatus, TraceEvent};

/// Takes a state in the place of the one that is shown.
pub(in crate::app) fn take_state(state: &mut State, run: RunState) {
    if run.trace.len() < state.run.trace.len() {
        // What was shown is not what is stored.
        let follow = state.tree.follow;
        state.tree = Tree::default();
        state.tree.follow = follow;
    }
    state.now = state.now.max(run.last_at);
    let before = std::mem::replace(&mut state.run, run);
    state.settler = Settler::default();
    state.tree.sync(&state.run);
    let mut known = before.trace.spans().iter().map(|found| found.status);
    let (mut folded, mut active) = (Vec::new(), Vec::new());
    for (span, found) in (0..).map(SpanId).zip(state.run.trace.spans().iter()) {
        let is_call = matches!(found.kind, SpanKind::Llm | SpanKind::Tool);
        if is_call && matches!(found.status, SpanStatus::Running | SpanStatus::Waiting) {
            active.push(span);
        }
        // Folded as they would be while it runs; what the user opened since stays open.
        let is_news = known.next() != Some(found.status);
        let is_replaced = found.status == SpanStatus::Undone && is_topmost(state, &found);
        if is_news && (is_replaced || is_done_worker_of_many(state, span, &found)) {
            folded.push(span);
        }
    }
    state.active = active.into_iter().collect();
    for span in folded {
        state.tree.set_open(span, false);
    }
    state.rollback.list_anew();
    state.preview.want(state.selected());
}

/// Takes in an event that the state has already, for the panels that tell of events.
pub(in crate::app) fn tell(state: &mut State, event: &TraceEvent) {
    state.rollback.remember(&event.body);
    let height = state.height(Pane::Log);
    state.log.event(event, &state.run, height);
}

/// The run is opened anew: its events come once more, after its state.
pub(in crate::app) fn open_anew(state: &mut State) {
    state.foreign = None;
    state.abilities = None;
    state.heard = model::Seq(0);
    state.log = Log::default();
    state.hits.clear();
    state.by_hand.clear();
    state.fetching = None;
    state.panels.compare.give_up();
}

/// The check of the log is through.
pub(in crate::app) fn take_checked(state: &mut State, damage: &[String]) {
    state.checking = None;
    state.damaged = !damage.is_empty();
}

/// True for a command that the run carries out once its log is checked, and not before.
pub(in crate::app) fn waits_for_check(command: &Command) -> bool {
    use model::Command as C;
    let Command::Run(command) = command else { return false };
    !matches!(
        command,
        C::Inspect { .. }
            | C::Plan { .. }
            | C::Diff { .. }
            | C::Moment(_)
            | C::Compare { .. }
            | C::SetBreakpoints(_)
            | C::Quit
    )
}

/// Stops commands that change the run while a moment of the past is shown: they would act on the run as it is now.
pub(in crate::app) fn hold_back(state: &mut State, mut commands: Vec<Command>) -> Vec<Command> {
    let Some(seq) = state.timeline.seq() else { return commands };
    let all = commands.len();
    commands.retain(|command| !waits_for_check(command) || is_of_a_fork(command));
    if commands.len() < all {
        state.refuse(only_now(seq));
    }
    commands
}

/// True for a command to fork the run: that is a new one, and this one stays.
fn is_of_a_fork(command: &Command) -> bool {
    let Command::Run(command) = command else { return false };
    matches!(command, model::Command::PlanFork { .. } | model::Command::Fork { .. } | model::Command::EditPart { .. })
}

/// Says why the run can't be changed while a moment of the past is shown.
pub(in crate::app) fn only_now(seq: Seq) -> String {
    format!("{seq} is shown, not now: Esc goes back to now, where the run can be changed")
}
