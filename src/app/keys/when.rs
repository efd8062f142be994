//! When a verb can be done; else why not, in a line for the footer.

use crate::app::{Pane, Place, State, only_now, safe};
use crate::model::{Abilities, ActionStatus, EditPart, RunState, RunStatus, Span, SpanId, SpanKind, SpanStatus};

type Answer = Result<(), String>;

#[expect(clippy::unnecessary_wraps, reason = "one signature for all")]
pub(in crate::app) fn always(_: &State) -> Answer {
    Ok(())
}

pub(super) fn any_span(state: &State) -> Answer {
    so(!state.tree.is_empty(), "no span yet")
}

/// A jump has left some place.
pub(super) fn has_trail(state: &State) -> Answer {
    so(!state.trail.is_empty(), "nowhere to go back to")
}

/// A span of the run is selected.
pub(super) fn span_selected(state: &State) -> Answer {
    so(state.selected() != SpanId::RUN, "no span yet")
}

/// Rollback has something to show, of the selected span or of those below it.
pub(in crate::app) fn listed(state: &State) -> Answer {
    let selected = state.run.trace.get(state.selected());
    let ahead = selected.is_some_and(Span::will_be_permanent);
    let none = if ahead { "no changes yet; the next one has no undo" } else { "no changes here" };
    so(!state.rollback.seqs().is_empty() || state.rollback.is_narrow(), none)
}

/// The run watches an agent whose terminal is on this screen.
pub(in crate::app) fn has_agent(state: &State) -> Answer {
    so(state.agent.is_some(), "no agent of another program runs here")
}

/// The panel has lines to look through.
pub(super) fn searchable(state: &State) -> Answer {
    so(state.focus != Pane::Agent, "the agent's terminal can't be searched; Tab goes to a panel that can")
}

pub(super) fn has_search(state: &State) -> Answer {
    so(!state.find(Place::Pane(state.focus)).is_empty(), "nothing to look for: / first")
}

pub(super) fn live(state: &State) -> Answer {
    under_way(state)?;
    so(state.is_live(), "the run is not live")
}

/// A run, or an undo command, can be cancelled.
pub(super) fn cancellable(state: &State) -> Answer {
    now(state)?;
    let is_trying = state.tries.as_ref().is_some_and(|report| report.is_busy());
    if is_trying || state.rollback.under_way().undo_command().is_some() { Ok(()) } else { live(state) }
}

/// The run can be driven: what stands in it can be let go.
pub(in crate::app) fn drivable(state: &State) -> Answer {
    under_way(state)?;
    able(state, |abilities| &abilities.pause)
}

pub(super) fn any_paused(state: &State) -> Answer {
    drivable(state)?;
    so(state.run.trace.paused().next().is_some(), "nothing is paused")
}

pub(super) fn paused(state: &State) -> Answer {
    any_paused(state)?;
    if let Some(failed) = state.failed_near() {
        let label = state.run.trace.path(failed);
        return Err(format!("select {} first, which failed (]e)", safe::line(&label)));
    }
    so(state.paused_here().is_some(), "nothing is paused here: ]p goes to what is, C continues all")
}

/// Something is paused here, or asks a person.
pub(super) fn continuable(state: &State) -> Answer {
    if is_resumable(state) {
        return able(state, |abilities| &abilities.retry);
    }
    let paused = paused(state);
    match (paused, state.asking_here(), state.reviewed_here()) {
        (Err(_), Some(_), _) => drivable(state),
        (Err(_), None, Some(_)) => able(state, |abilities| &abilities.undo),
        (paused, ..) => paused,
    }
}

pub(super) fn pausable(state: &State) -> Answer {
    no_tries(state)?;
    under_way(state)?;
    able(state, |abilities| &abilities.pause)?;
    live(state)?;
    so(!state.pausing, "pausing… already asked")?;
    so(has_something_to_pause(state), "nothing works: all of it is stopped")
}

/// True while something works or waits for something else than the user, or the run is between two calls.
fn has_something_to_pause(state: &State) -> bool {
    let trace = &state.run.trace;
    let tally = trace.get(SpanId::RUN).map(|run| run.tally).unwrap_or_default();
    let stands = trace.paused().count() + trace.asking().count();
    tally.working > 0 || stands == 0 || tally.stopped as usize > stands
}

pub(super) fn edited(state: &State) -> Answer {
    now(state)?;
    so(!state.edits.is_empty(), "every edit is in its file")?;
    let names: Vec<&str> = state.edits.iter().map(|edit| &edit.agent[..]).collect();
    let in_file = state.edits.iter().any(|edit| edit.file.is_some());
    let whose = safe::line(&names.join(", ")).into_owned();
    so(in_file, &format!("the prompt of {whose} stands in the pipeline's own file: copy it there (y in Detail)"))
}

pub(super) fn editable(state: &State) -> Answer {
    able(state, |abilities| &abilities.retry)?;
    any_span(state)
}

pub(super) fn answerable(state: &State) -> Answer {
    if state.asking_here().is_some() {
        return drivable(state);
    }
    let stands = state.paused_here().is_some() || state.failed_near().is_some();
    if !stands && retryable(state).is_ok() && is_answerable_by_hand(state) {
        return Ok(());
    }
    paused(state)?;
    let trace = &state.run.trace;
    let span = state.paused_here().map(|(_, paused)| paused);
    if span.is_some_and(|span| state.run.held.contains_key(&span)) {
        return Err("it has run, and its changes are held: c applies, D discards".into());
    }
    let kind = span.and_then(|span| trace.get(span)).map(|found| found.kind);
    let takes_answer = matches!(kind, Some(SpanKind::Llm | SpanKind::Tool));
    so(takes_answer, "only a paused call can be answered")
}

/// The selected span has ended, so that a retry or fork can take another answer in its place.
fn is_answerable_by_hand(state: &State) -> bool {
    let found = state.run.trace.get(state.selected());
    found.is_some_and(|found| !found.status.is_live() && !EditPart::of(found.kind).is_empty())
}

pub(super) fn retryable(state: &State) -> Answer {
    no_tries(state)?;
    able(state, |abilities| &abilities.retry)?;
    any_span(state)?;
    not_replaced(&state.run, state.selected())
}

/// Tries can begin, or are under way and can be shown.
pub(super) fn triable(state: &State) -> Answer {
    now(state)?;
    if state.tries.is_some() {
        return Ok(());
    }
    retryable(state)?;
    so(state.run.status != RunStatus::Running, "the run is under way: wait until it has ended, or cancel it (X)")
}

/// The run has ended, and another one can go on from the span; also while a moment of the past is shown.
pub(super) fn forkable(state: &State) -> Answer {
    no_tries(state)?;
    state.abilities.as_ref().map_or(Ok(()), |abilities| abilities.retry.clone())?;
    any_span(state)?;
    let present = state.timeline.past().map_or(&state.run, |past| past.present());
    not_replaced(present, state.selected())?;
    so(present.status != RunStatus::Running, "the run is under way: wait until it has ended, or cancel it (X)")
}

fn not_replaced(run: &RunState, span: SpanId) -> Answer {
    let undone = run.trace.get(span).is_some_and(|found| found.status == SpanStatus::Undone);
    so(!undone, "a later try replaced it: ]t goes there")
}

/// Nothing else changes the run while tries are made.
fn no_tries(state: &State) -> Answer {
    so(state.tries.is_none(), "tries are under way: keep one of them, or none, first (R shows them)")
}

pub(super) fn droppable(state: &State) -> Answer {
    if state.reviewed_here().is_some() {
        return able(state, |abilities| &abilities.undo);
    }
    any_paused(state)?;
    let none =
        if state.run.held.is_empty() { "no held changes" } else { "several commands have held changes: select one" };
    so(state.held_here().is_some(), none)
}

pub(super) fn undoable(state: &State) -> Answer {
    no_tries(state)?;
    able(state, |abilities| &abilities.undo)?;
    if !state.rollback.marked_undoable(&state.run).is_empty() {
        return Ok(());
    }
    landed(state)?;
    so(state.rollback.to_undo(&state.run).is_some(), "nothing here can be undone")
}

pub(super) fn span_undoable(state: &State) -> Answer {
    no_tries(state)?;
    able(state, |abilities| &abilities.undo)?;
    if state.rollback.next().is_none() {
        landed(state)?;
    }
    so(state.rollback.to_undo(&state.run).is_some(), "nothing here can be undone")
}

pub(super) fn redoable(state: &State) -> Answer {
    no_tries(state)?;
    able(state, |abilities| &abilities.undo)?;
    so(state.rollback.to_redo(&state.run).is_some(), "nothing here is undone")
}

/// An action is under the cursor of the panel with the focus.
pub(super) fn action_selected(state: &State) -> Answer {
    so(state.action_here().is_some(), "no action here")
}

pub(super) fn markable(state: &State) -> Answer {
    so(state.rollback.selected().is_some(), "no action here")?;
    let can = state.rollback.selected().is_some_and(|seq| state.rollback.is_markable(&state.run, seq));
    so(can, "only a held change, or one that can be undone, can be marked")
}

pub(super) fn skippable(state: &State) -> Answer {
    so(state.rollback.selected().is_some(), "no action here")?;
    landed(state)
}

pub(super) fn forceable(state: &State) -> Answer {
    no_tries(state)?;
    able(state, |abilities| &abilities.undo)?;
    landed(state)?;
    let entry = state.rollback.selected().and_then(|seq| state.run.ledger.get(seq));
    so(entry.is_some_and(|entry| entry.is_applied() && entry.is_undoable()), "this action can't be undone")
}

/// Held changes can't be undone, skipped or forced.
fn landed(state: &State) -> Answer {
    let entry = state.rollback.selected().and_then(|seq| state.run.ledger.get(seq));
    let is_held = entry.is_some_and(|entry| entry.status == ActionStatus::Held);
    so(!is_held, "held: c applies it, D discards all changes of the command")
}

/// The run can be changed only as it is now.
fn now(state: &State) -> Answer {
    state.timeline.seq().map_or(Ok(()), |seq| Err(only_now(seq)))
}

/// A moment of the run can be shown.
pub(super) fn scrubbable(state: &State) -> Answer {
    so(state.timeline.is_past() || !state.tree.is_empty(), "no span yet")?;
    so(state.checking.is_none(), "the run's log is still being checked")
}

/// True for a run that did not come to its end: its process died, or it was cancelled.
pub(in crate::app) fn is_resumable(state: &State) -> bool {
    let stopped = matches!(state.run.status, RunStatus::Interrupted | RunStatus::Cancelled);
    stopped && state.reviewed_here().is_none()
}

/// Nothing of a run whose process died runs any more.
fn under_way(state: &State) -> Answer {
    now(state)?;
    so(state.run.status != RunStatus::Interrupted, "the run was interrupted: c resumes it")
}

/// Asks the run for its abilities; until it says them, nothing is refused here (the run refuses what it can't do).
fn able(state: &State, which: impl Fn(&Abilities) -> &Result<(), String>) -> Answer {
    now(state)?;
    state.abilities.as_ref().map_or(Ok(()), |abilities| which(abilities).clone())
}

fn so(holds: bool, why: &str) -> Answer {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}
