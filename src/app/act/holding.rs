//! Held changes: marked, applied and discarded, one by one or all of a command.

use std::collections::BTreeSet;

use super::undoing::listed;
use crate::app::ask::{APPLY, DISCARD};
use crate::app::text::plural;
use crate::app::{Ask, Choice, Command, Item, Key, Lines, Menu, Pane, Popup, State, UiAction, held_words, safe};
use crate::model::{self, HeldChoice, KeyState, LedgerEntry, Release, Seq, SpanId};

/// Marks the action under the cursor, or not any more, and goes on to the next one.
pub(super) fn mark(state: &mut State) {
    if let Some(action) = state.rollback.selected() {
        state.rollback.toggle_mark(action);
        let height = state.height(Pane::Rollback);
        state.rollback.step_lines(1, height);
    }
}

/// The changes of a command that a key means.
struct Chosen {
    /// All of them.
    actions: BTreeSet<Seq>,
    /// One for each of the changes that they are, newest first.
    changes: Vec<Seq>,
    /// How many changes the command holds.
    held: usize,
    /// True when these are all of them.
    all: bool,
    /// Not marked, but they can't stay behind.
    along: BTreeSet<Seq>,
}

impl Chosen {
    /// The marked ones of a command's held changes, with those that can't stay behind; all where none is marked.
    fn new(state: &State, span: SpanId, choice: HeldChoice) -> Self {
        let held = state.run.held.get(&span).cloned().unwrap_or_default();
        let marked = held_words::marked(state, span);
        let together =
            if marked.is_empty() { held.clone() } else { state.run.ledger.held_together(&held, &marked, choice) };
        let along = if marked.is_empty() { BTreeSet::new() } else { together.difference(&marked).copied().collect() };
        let changes = state.run.ledger.changes(&together).rev().collect();
        Self {
            changes,
            held: state.run.held_changes(span),
            all: together.len() == held.len(),
            actions: together,
            along,
        }
    }

    /// The changes to name to the run; none means all.
    fn only(&self) -> Vec<Seq> {
        if self.all { Vec::new() } else { self.actions.iter().rev().copied().collect() }
    }

    /// `2 of `; nothing when these are all of them.
    fn of(&self) -> String {
        if self.all { String::new() } else { format!("{} of ", self.changes.len()) }
    }

    /// `7 changes`, `2 of 7 changes`.
    fn count(&self) -> String {
        format!("{}{}", self.of(), plural(self.held, "change"))
    }

    /// Says what comes along with the marked changes; nothing where that is nothing.
    fn told(&self, state: &State) -> Option<String> {
        const NAMED: usize = 3;
        if self.along.is_empty() {
            return None;
        }
        let key = |seq: &Seq| state.run.ledger.get(*seq).map(|entry| entry.record.key.to_string());
        let names: Vec<String> = self.along.iter().filter_map(key).take(NAMED).collect();
        let more = self.along.len() - names.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let verb = if self.along.len() == 1 { "comes" } else { "come" };
        let applies = format!("applies {}: {}{more} {verb} along", self.count(), names.join(", "));
        Some(safe::line(&applies).into_owned())
    }

    /// One line for each.
    fn lines(&self, state: &State) -> Vec<String> {
        let along = |seq: Seq| if self.along.contains(&seq) { "  comes along" } else { "" }.to_owned();
        listed(state, &self.changes, along)
    }
}

/// The loss that applying a change causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Loss {
    Deletes,
    Overwrites,
    Nothing,
}

fn loss(entry: &LedgerEntry) -> Loss {
    let was = |state: &KeyState| !matches!(state, KeyState::Absent | KeyState::Unknown);
    match (&entry.record.old, entry.left()) {
        (old, KeyState::Absent) if was(old) && entry.renamed.is_none() => Loss::Deletes,
        (KeyState::File { blob: old, .. }, KeyState::File { blob: new, .. }) if old == new => Loss::Nothing,
        (KeyState::Directory { .. }, KeyState::Directory { .. }) => Loss::Nothing,
        (old, new) if was(old) && was(new) => Loss::Overwrites,
        _ => Loss::Nothing,
    }
}

/// Applies the marked changes of a command, or all; asks first in a conflict, and when something is deleted or
/// overwritten.
pub(super) fn apply(state: &mut State, span: SpanId) -> Vec<Command> {
    if let Some((held, conflict)) = state.conflict_within(span) {
        ask_conflict(state, held, &conflict);
        return Vec::new();
    }
    match applying(state, span, false) {
        Choice::Send(command) => {
            if let Some(told) = Chosen::new(state, span, HeldChoice::Apply).told(state) {
                state.say(told);
            }
            return vec![Command::Run(command)];
        }
        Choice::Ask(ask) => state.popup = Some(Popup::Ask(ask)),
        _ => {}
    }
    Vec::new()
}

/// The command that applies the marked changes of a command, or all; or the question before it, when something is
/// deleted or overwritten. `tell`: the model learns of it.
pub(super) fn applying(state: &State, span: SpanId, notify_model: bool) -> Choice {
    let mut chosen = Chosen::new(state, span, HeldChoice::Apply);
    let command = model::Command::Release { span, how: Release::Apply { only: chosen.only(), notify_model } };
    let loss_of = |seq: Seq| state.run.ledger.get(seq).map_or(Loss::Nothing, loss);
    // Of the same kind, the newest stays first.
    chosen.changes.sort_by_key(|seq| loss_of(*seq));
    let count = |loss: Loss| chosen.changes.iter().filter(|seq| loss_of(**seq) == loss).count();
    let losses = [(count(Loss::Deletes), "deletion"), (count(Loss::Overwrites), "overwrite")];
    let losses: Vec<String> =
        losses.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {}", plural(n, what))).collect();
    if losses.is_empty() {
        return Choice::Send(command);
    }
    let title = format!("Apply {}{}?", chosen.count(), losses.concat());
    Choice::Ask(Ask::enter(title, APPLY, chosen.lines(state), vec![Command::Run(command)]).or_yes())
}

/// Shows the held changes to discard, the marked ones or all, and wants Enter.
pub(super) fn ask_discard(state: &mut State) {
    let Some((span, _)) = state.held_here() else { return };
    let chosen = Chosen::new(state, span, HeldChoice::Discard);
    let held = format!("{}{}", chosen.of(), plural(chosen.held, "held change"));
    let mut lines =
        vec![format!("discard {held}"), "The workspace stays as it is now, and the model is told.".to_owned()];
    lines.extend(chosen.lines(state));
    let title = format!("Discard the changes of {}", safe::line(&state.run.trace.label(span)));
    let command = model::Command::Release { span, how: Release::Discard { only: chosen.only() } };
    state.popup = Some(Popup::Ask(Ask::enter(title, DISCARD, lines, vec![Command::Run(command)])));
}

/// Offers the choices for held changes that conflict with a later change.
fn ask_conflict(state: &mut State, held: SpanId, conflict: &str) {
    let count = state.run.held_changes(held);
    let notify_model = stale_agent(state, held).is_some();
    let also = if notify_model { ", and tell the model what was undone" } else { "" };
    let over = format!("apply them over what is there now; undo restores it{also}");
    let lines = vec![
        format!("{} held: the workspace changed since the command began.", plural(count, "change")),
        safe::line(conflict).into_owned(),
    ];
    let items = vec![
        Item::new(Key::Char('3'), "look at them first, in Rollback", Choice::Act(UiAction::Show(Pane::Rollback))),
        Item::new(Key::Char('D'), "discard them (asks again)", Choice::Act(UiAction::Drop)),
        Item::new(Key::Char('!'), over, applying(state, held, notify_model)),
    ];
    let title = format!("{} is in conflict", safe::line(&state.run.trace.label(held)));
    state.go_to(held);
    state.popup = Some(Popup::Menu(Menu::new(title, lines, items)));
}

/// An agent among those to continue whose changes were undone.
pub(super) fn stale_agent(state: &State, target: SpanId) -> Option<SpanId> {
    let trace = &state.run.trace;
    let mut here = trace.paused().filter(|span| trace.is_within(*span, target));
    here.find_map(|span| trace.stale_above(span))
}
