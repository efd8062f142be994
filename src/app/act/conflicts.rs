//! Conflicts of an undo or redo: who changed the key, and the choices.

use super::undoing::{force, listed};
use crate::app::text::plural;
use crate::app::{Choice, Item, Key, Menu, Popup, State, diff, safe};
use crate::model::{self, ActionStatus, Conflict, ConflictBy, DiffSides, Seq, SpanId};

/// Describes a conflict in a line.
pub(super) fn line(conflict: &Conflict) -> String {
    match &conflict.by {
        ConflictBy::Actions { first } => {
            let who: Vec<String> = first.iter().take(3).map(|(seq, _)| seq.to_string()).collect();
            let more = if first.len() > who.len() { ", …" } else { "" };
            format!("{} was changed since by {}{more}", conflict.key, who.join(", "))
        }
        ConflictBy::Permanent { action, .. } => {
            format!("{} was changed since by {action}, which has no undo", conflict.key)
        }
        ConflictBy::Outside { found } => {
            format!("{} was changed by another program or person ({found})", conflict.key)
        }
    }
}

/// Opens the menu of choices for a conflict. Nothing was touched so far.
pub(super) fn ask(state: &mut State, conflict: &Conflict) {
    let action = conflict.action;
    // The conflict of an action that is undone already is one of its redo.
    let redo = state.run.ledger.get(action).is_some_and(|entry| entry.status == ActionStatus::Undone);
    let mut lines = match &conflict.by {
        ConflictBy::Actions { first } => later(state, conflict, first),
        ConflictBy::Permanent { action, .. } => permanent(state, conflict, *action),
        ConflictBy::Outside { found } => outside(state, conflict, found, redo),
    };
    for line in &mut lines {
        *line = safe::line(line).into_owned();
    }
    let mut items = Vec::new();
    if let ConflictBy::Actions { first } = &conflict.by
        && !redo
    {
        let actions: Vec<Seq> = first.iter().map(|(seq, _)| *seq).chain([action]).collect();
        let label = format!("undo {} first, then {action}", plural(first.len(), "later action"));
        // Not `u`: a user who presses it again and again must not undo changes of others by accident.
        items.push(Item::new(Key::Char('a'), label, Choice::Send(model::Command::UndoList { actions })));
    }
    let diff = Choice::Diff(action, DiffSides::Present);
    let left = if redo { "the redo of" } else { "after" };
    items.push(Item::new(Key::Char('d'), format!("diff: {left} {action}, and now"), diff));
    let newest = match &conflict.by {
        ConflictBy::Actions { first } => first.first().map(|(newest, _)| *newest),
        ConflictBy::Permanent { action, .. } => Some(*action),
        ConflictBy::Outside { .. } => None,
    };
    if let Some(newest) = newest {
        let label = format!("go to {}", safe::line(&diff::who(&state.run, newest)));
        items.push(Item::new(Key::Char('w'), label, Choice::Jump(newest)));
    }
    // A redo can neither be skipped nor forced: it would overwrite changes of others.
    if !redo {
        items.push(Item::new(Key::Char('x'), format!("skip {action}: keep its change"), Choice::Skip(action)));
        items.push(Item::new(
            Key::Char('!'),
            format!("force {action}: overwrite what is there (asks again)"),
            Choice::Ask(force(state, action)),
        ));
    }
    let what = if redo { "Redo" } else { "Undo" };
    state.popup = Some(Popup::Menu(Menu::new(format!("{what} of {action}: conflict"), lines, items)));
}

fn later(state: &State, conflict: &Conflict, first: &[(Seq, SpanId)]) -> Vec<String> {
    let run = &state.run;
    let who = diff::who(run, conflict.action);
    let mut lines = vec![
        format!("{} was changed after {who}. Nothing was undone.", conflict.key),
        "Undo first, in this order:".into(),
    ];
    let actions: Vec<Seq> = first.iter().map(|(seq, _)| *seq).collect();
    let place = |seq: Seq| format!("  in {}", diff::agent(run, seq));
    lines.extend(listed(state, &actions, place));
    lines
}

fn permanent(state: &State, conflict: &Conflict, by: Seq) -> Vec<String> {
    vec![
        format!("{} was changed later by {}, which has no undo.", conflict.key, diff::who(&state.run, by)),
        "Nothing was undone. Force it to overwrite what is there.".into(),
    ]
}

fn outside(state: &State, conflict: &Conflict, found: &str, redo: bool) -> Vec<String> {
    let run = &state.run;
    let entry = run.ledger.get(conflict.action);
    let state_of = entry.map(|entry| if redo { &entry.record.old } else { &entry.after });
    let expected = state_of.map(model::KeyState::describe).unwrap_or_default();
    let whose = if redo { format!("the undo of {}", conflict.action) } else { diff::who(run, conflict.action) };
    vec![
        format!("Another program or person changed {}.", conflict.key),
        format!("  found     {found}"),
        format!("  expected  {expected}, after {whose}"),
        if redo { "Nothing was redone." } else { "Nothing was undone. Force it to overwrite what is there." }
            .to_owned(),
    ]
}
