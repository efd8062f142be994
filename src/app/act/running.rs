//! Driving the run: continue, step, pause.

use std::collections::BTreeSet;

use crate::app::popup::DISCARD;
use crate::app::text::plural;
use crate::app::{Ask, Choice, Command, Item, Key, Menu, Popup, State, UiAction, safe};
use crate::model::{self, Release, Seq, SpanId};

/// Continues the span that is paused here; asks first in a conflict, and for an agent whose changes were undone.
pub(super) fn resume(state: &mut State) -> Vec<Command> {
    let Some((target, _)) = state.paused_here() else { return Vec::new() };
    match stale_agent(state, target).filter(|_| state.conflict_within(target).is_none()) {
        Some(agent) => {
            ask_stale(state, target, agent);
            Vec::new()
        }
        None => release(state, Release::Continue { tell: false }),
    }
}

/// Continues everything; asks first in a conflict.
pub(super) fn resume_all(state: &mut State) -> Vec<Command> {
    match state.conflict_within(SpanId::RUN) {
        Some((span, _)) => {
            state.go_to(span);
            release(state, Release::Continue { tell: false })
        }
        None => vec![Command::Run(model::Command::ReleaseAll)],
    }
}

pub(super) fn pause(state: &mut State) -> Vec<Command> {
    state.pausing = true;
    vec![Command::Run(model::Command::Pause)]
}

pub(super) fn release(state: &mut State, how: Release) -> Vec<Command> {
    let Some((span, _)) = state.paused_here() else { return Vec::new() };
    if let Some((held, conflict)) = state.conflict_within(span) {
        ask_conflict(state, held, &conflict, model::Command::Release { span, how });
        return Vec::new();
    }
    vec![Command::Run(model::Command::Release { span, how })]
}

/// Offers the choices for held changes that conflict with a later change.
fn ask_conflict(state: &mut State, held: SpanId, conflict: &str, mut release: model::Command) {
    let count = state.run.held.get(&held).map_or(0, BTreeSet::len);
    let mut over = "apply them over what is there now; undo restores it".to_owned();
    if let model::Command::Release { span, how: how @ Release::Continue { .. } } = &mut release
        && stale_agent(state, *span).is_some()
    {
        *how = Release::Continue { tell: true };
        over.push_str(", and tell the model what was undone");
    }
    let lines = vec![
        format!("{} held: the workspace changed since the command began.", plural(count, "change")),
        safe::line(conflict).into_owned(),
    ];
    let items = vec![
        Item::new(Key::Char('5'), "look at them first, in Rollback", Choice::Act(UiAction::ShowRollback)),
        Item::new(Key::Char('D'), "discard them (asks again)", Choice::Act(UiAction::Drop)),
        Item::new(Key::Char('!'), over, Choice::Send(release)),
    ];
    let title = format!("{} is in conflict", safe::line(&state.run.trace.label(held)));
    state.go_to(held);
    state.popup = Some(Popup::Menu(Menu::new(title, lines, items)));
}

/// Shows the held changes to discard, and wants Enter.
pub(super) fn ask_discard(state: &mut State) -> Vec<Command> {
    let Some((span, count)) = state.held_here() else { return Vec::new() };
    let held: Vec<Seq> = state.run.held.get(&span).map(|held| held.iter().rev().copied().collect()).unwrap_or_default();
    let mut lines = vec![
        format!("discard {}", plural(count, "held change")),
        "The workspace stays as it is now, and the model is told.".into(),
    ];
    lines.extend(super::undoing::listed(state, &held, |_| String::new()));
    let title = format!("Discard the changes of {}", safe::line(&state.run.trace.label(span)));
    let command = model::Command::Release { span, how: Release::Drop };
    state.popup = Some(Popup::Ask(Ask::enter(title, DISCARD, lines, vec![Command::Run(command)])));
    Vec::new()
}

/// An agent among those to continue whose changes were undone.
fn stale_agent(state: &State, target: SpanId) -> Option<SpanId> {
    let trace = &state.run.trace;
    let here = trace.paused().filter(|span| trace.is_within(*span, target));
    let mut here = here;
    here.find_map(|span| trace.stale_above(span))
}

/// Offers the choices of semantics.md, with the agent selected so that Rollback shows what was undone.
fn ask_stale(state: &mut State, target: SpanId, agent: SpanId) {
    state.go_to(agent);
    let name = safe::line(&state.run.trace.label(agent)).into_owned();
    let tell = model::Command::Release { span: target, how: Release::Continue { tell: true } };
    let items = vec![
        Item::new(Key::Char('c'), "continue, and tell the model what was undone", Choice::Send(tell)),
        Item::new(Key::Char('r'), format!("retry {name}"), Choice::Act(UiAction::Retry)),
        Item::new(Key::Ctrl('r'), "redo the last undone action", Choice::Act(UiAction::Redo)),
    ];
    let lines = vec!["Some of its changes were undone; its model does not know.".to_owned()];
    state.popup = Some(Popup::Menu(Menu::new(format!("{name}: undone under it"), lines, items)));
}
