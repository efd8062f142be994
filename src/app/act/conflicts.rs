//! Conflicts of an undo or redo: who changed the key, and the choices.

use super::undoing::{force, listed};
use crate::app::ask::UNDO;
use crate::app::text::{grouped, plural};
use crate::app::{Ask, Choice, Command, Item, Key, Menu, Popup, State, diff, safe};
use crate::model::{self, ActionStatus, Conflict, ConflictBy, DiffSides, KeyState, RunState, Seq, SpanId};

/// Describes a conflict in a line.
pub(super) fn line(conflict: &Conflict) -> String {
    match &conflict.by {
        ConflictBy::Actions { first } => {
            let who: Vec<String> = first.iter().take(3).map(|(seq, _)| seq.to_string()).collect();
            let more = if first.len() > who.len() { ", …" } else { "" };
            format!("{} was changed since by {}{more}", conflict.key, who.join(", "))
        }
        ConflictBy::NoUndo { action, .. } => {
            format!("{} was changed since by {action}, which has no undo", conflict.key)
        }
        ConflictBy::Outside { found } => {
            format!("{} was changed by another program or person ({found})", conflict.key)
        }
        ConflictBy::Open { program } => format!("{} is open in {program}", conflict.key),
    }
}

/// The later actions that must be undone before this one, as a conflict; `None`: nothing blocks it.
pub(super) fn blocked(run: &RunState, action: Seq) -> Option<Conflict> {
    let blockers = run.ledger.blockers(action);
    let first: Vec<(Seq, SpanId)> = blockers.iter().map(|by| (by.seq, by.record.span)).collect();
    let key = run.ledger.get(action)?.record.key.to_string();
    (!first.is_empty()).then_some(Conflict { action, key, by: ConflictBy::Actions { first } })
}

/// The later changes in a folder, which must be undone before it: an undo of the folder alone would keep it. Those whose
/// undo is under way come first anyhow.
pub(super) fn used(state: &State, action: Seq) -> Option<Conflict> {
    let mut conflict = if makes_folder(&state.run, action) { blocked(&state.run, action) } else { None }?;
    if let ConflictBy::Actions { first } = &mut conflict.by {
        first.retain(|(seq, _)| !state.rollback.under_way().has(*seq));
        if first.is_empty() {
            return None;
        }
    }
    Some(conflict)
}

fn makes_folder(run: &RunState, action: Seq) -> bool {
    let is_folder = |state: &KeyState| matches!(state, KeyState::Directory { .. });
    run.ledger.get(action).is_some_and(|entry| is_folder(entry.left()) && !is_folder(&entry.record.old))
}

/// True while an undo can go over what is there: no later action changed a folder around its path, or what is in it.
pub(super) fn can_force(run: &RunState, conflict: &Conflict) -> bool {
    let key = |seq: Seq| run.ledger.get(seq).map(|entry| &entry.record.key);
    let (ConflictBy::Actions { first }, Some(own)) = (&conflict.by, key(conflict.action)) else { return true };
    !first.iter().filter_map(|(seq, _)| key(*seq)).any(|by| by.is_inside(own) || own.is_inside(by))
}

/// Opens the menu of choices for a conflict. Nothing was touched so far.
pub(super) fn ask(state: &mut State, conflict: &Conflict) {
    let action = conflict.action;
    // The conflict of an action that is undone already is one of its redo.
    let redo = state.run.ledger.get(action).is_some_and(|entry| entry.status == ActionStatus::Undone);
    let mut lines = match &conflict.by {
        ConflictBy::Actions { first } => later(state, conflict, first),
        ConflictBy::NoUndo { action, .. } => permanent(state, conflict, *action),
        ConflictBy::Outside { found } => outside(state, conflict, found, redo),
        ConflictBy::Open { program } => vec![
            format!("{} is open in {program}, which would lose what it writes.", conflict.key),
            "Nothing was changed. Close it there, then try again.".into(),
        ],
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
        items.push(Item::new(Key::Char('a'), label, undo_in_order(state, actions)));
    }
    let diff = Choice::Diff(action, DiffSides::Present);
    let left = if redo { "the redo of" } else { "after" };
    items.push(Item::new(Key::Char('d'), format!("diff: {left} {action}, and now"), diff));
    let newest = match &conflict.by {
        ConflictBy::Actions { first } => first.first().map(|(newest, _)| *newest),
        ConflictBy::NoUndo { action, .. } => Some(*action),
        ConflictBy::Outside { .. } | ConflictBy::Open { .. } => None,
    };
    if let Some(newest) = newest {
        let label = format!("go to {}", safe::line(&diff::who(&state.run, newest)));
        items.push(Item::new(Key::Char('w'), label, Choice::Jump(newest)));
    }
    // A redo can neither be skipped nor forced: it would overwrite changes of others.
    if !redo {
        items.push(Item::new(Key::Char('x'), format!("skip {action}: keep its change"), Choice::Skip(action)));
        if can_force(&state.run, conflict) {
            let label = format!("force {action}: overwrite what is there (asks again)");
            items.push(Item::new(Key::Char('!'), label, Choice::Ask(force(state, action))));
        }
    }
    let what = if redo { "Redo" } else { "Undo" };
    state.popup = Some(Popup::Menu(Menu::new(format!("{what} of {action}: conflict"), lines, items)));
}

/// Lines of a menu and of the screen that are none of its list.
const OTHERS: usize = 10;

/// How many actions a menu on this screen can list.
fn room(state: &State) -> usize {
    usize::from(state.size.1).saturating_sub(OTHERS).max(3)
}

/// Undoes a list of actions; asks first where the menu can't show all of them.
fn undo_in_order(state: &State, actions: Vec<Seq>) -> Choice {
    // The last one is the action itself.
    if actions.len() <= room(state) + 1 {
        return Choice::Send(model::Command::UndoList { actions });
    }
    let count = plural(actions.len(), "action");
    let lines = listed(state, &actions, |seq| format!("  in {}", safe::line(&diff::agent(&state.run, seq))));
    let commands = vec![Command::Run(model::Command::UndoList { actions })];
    Choice::Ask(Ask::enter(format!("Undo {count}, in this order"), UNDO, lines, commands))
}

fn later(state: &State, conflict: &Conflict, first: &[(Seq, SpanId)]) -> Vec<String> {
    let run = &state.run;
    let who = diff::who(run, conflict.action);
    let why = if makes_folder(run, conflict.action) {
        format!("{}, of {who}, is used by later changes. Nothing was undone.", conflict.key)
    } else {
        format!("{} was changed after {who}. Nothing was undone.", conflict.key)
    };
    let mut lines = vec![why, "Undo first, in this order:".into()];
    let actions: Vec<Seq> = first.iter().map(|(seq, _)| *seq).collect();
    let room = room(state);
    let shown = if actions.len() > room { room - 1 } else { actions.len() };
    lines.extend(listed(state, &actions[..shown], |seq| format!("  in {}", diff::agent(run, seq))));
    let hidden = (actions.len() - shown) as u64;
    if hidden > 0 {
        lines.push(format!("  … and {} more: a shows all before it undoes them", grouped(hidden)));
    }
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
    let expected = state_of.map(KeyState::describe).unwrap_or_default();
    let whose = if redo { format!("the undo of {}", conflict.action) } else { diff::who(run, conflict.action) };
    vec![
        format!("Another program or person changed {}.", conflict.key),
        format!("  found     {found}"),
        format!("  expected  {expected}, after {whose}"),
        if redo { "Nothing was redone." } else { "Nothing was undone. Force it to overwrite what is there." }
            .to_owned(),
    ]
}
