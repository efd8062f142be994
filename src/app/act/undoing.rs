//! Undo, redo, retry, and a line that reports them.

use std::collections::HashSet;

use super::{conflicts, trying};
use crate::app::ask::UNDO;
use crate::app::text::plural;
use crate::app::{Ask, Command, Pane, PlanAsk, Popup, State, read_back_text, safe};
use crate::model::{self, ActionStatus, PlanLeave, RetryPlan, RunState, Seq, UndoReport};

/// Undoes one action, or the marked ones after a question; outside Rollback it only shows which.
pub(super) fn undo(state: &mut State) -> Vec<Command> {
    let marked = state.rollback.marked_undoable(&state.run);
    let Some(action) = marked.first().copied().or_else(|| state.rollback.to_undo(&state.run)) else {
        return Vec::new();
    };
    if state.focus != Pane::Rollback {
        state.show(Pane::Rollback);
        let line = state.rollback.undo_line(&state.run);
        state.say(line.unwrap_or_else(|| action.to_string()));
        return Vec::new();
    }
    if marked.len() > 1 {
        ask_undo_marked(state, marked);
        return Vec::new();
    }
    if let Some(conflict) = conflicts::used(state, action) {
        conflicts::ask(state, &conflict);
        return Vec::new();
    }
    vec![Command::Run(model::Command::Undo { action, force: false })]
}

/// Shows the marked actions to undo, newest first, and wants Enter.
fn ask_undo_marked(state: &mut State, actions: Vec<Seq>) {
    let all: HashSet<Seq> = actions.iter().copied().collect();
    let count = plural(actions.len(), "marked action");
    let mut lines = vec![format!("undo {count}, newest first")];
    lines.extend(listed(state, &actions, |seq| blocked_outside(state, seq, &all)));
    let commands = vec![Command::Run(model::Command::UndoList { actions })];
    state.popup = Some(Popup::Ask(Ask::enter(format!("Undo {count}"), UNDO, lines, commands)));
}

pub(super) fn redo(state: &mut State) -> Vec<Command> {
    let Some(action) = state.rollback.to_redo(&state.run) else { return Vec::new() };
    vec![Command::Run(model::Command::Redo { action })]
}

/// Leaves the action under the cursor, or not any more.
pub(super) fn skip(state: &mut State) {
    if let Some(action) = state.rollback.selected() {
        state.rollback.toggle_skip(action);
    }
}

/// Shows what undoing the whole list will do, and wants Enter.
pub(super) fn ask_undo_span(state: &mut State) {
    let (span, list, ledger) = (state.selected(), &state.rollback, &state.run.ledger);
    let skipped: Vec<Seq> = list.seqs().iter().copied().filter(|seq| list.skipped().contains(seq)).collect();
    let (mut undone, mut left, mut held) = (Vec::new(), Vec::new(), 0);
    for entry in list.seqs().iter().filter_map(|seq| ledger.get(*seq)) {
        match entry.status {
            ActionStatus::Held => held += 1,
            _ if !entry.is_applied() => {}
            _ if entry.is_undoable() && !list.skipped().contains(&entry.seq) => undone.push(entry.seq),
            _ => left.push(entry.seq),
        }
    }
    let all: HashSet<Seq> = undone.iter().copied().collect();
    let mut lines = vec![format!("undo {}, newest first", plural(undone.len(), "action"))];
    lines.extend(listed(state, &undone, |seq| blocked_outside(state, seq, &all)));
    if !left.is_empty() {
        lines.push(format!("keep {} (no undo, or skipped)", plural(left.len(), "action")));
        lines.extend(listed(state, &left, |_| String::new()));
    }
    if held > 0 {
        lines.push(format!("keep {} (c applies, D discards)", plural(held, "held change")));
    }
    let deep = !state.rollback.is_narrow();
    let title = format!("Undo {}{}", safe::line(&state.run.trace.label(span)), if deep { " and below" } else { "" });
    let command = model::Command::UndoSpan { span, deep, skip: skipped };
    state.popup = Some(Popup::Ask(Ask::enter(title, UNDO, lines, vec![Command::Run(command)])));
}

/// One line for each of the actions.
pub(super) fn listed(state: &State, actions: &[Seq], more: impl Fn(Seq) -> String) -> Vec<String> {
    actions.iter().map(|seq| format!("  {}{}", state.rollback.describe(&state.run, *seq), more(*seq))).collect()
}

/// ` · blocked by #230 in three`: what must be undone before an action and isn't in the list.
fn blocked_outside(state: &State, action: Seq, list: &HashSet<Seq>) -> String {
    let blockers = state.run.ledger.blockers(action);
    let outside = blockers.into_iter().find(|by| !list.contains(&by.seq));
    outside.map_or_else(String::new, |by| {
        let agent = state.run.trace.label(state.run.trace.agent_of(by.record.span));
        format!(" · blocked by {} in {}", by.seq, safe::line(&agent))
    })
}

/// Asks for `y` before an undo over a conflict. Where a later change of another key stands in the way, as of a folder
/// that was removed, no force helps: it offers to undo that first.
pub(super) fn ask_force(state: &mut State) {
    let Some(action) = state.rollback.selected() else { return };
    match conflicts::blocked(&state.run, action) {
        Some(conflict) if !conflicts::can_force(&state.run, &conflict) => conflicts::ask(state, &conflict),
        _ => state.popup = Some(Popup::Ask(force(state, action))),
    }
}

pub(super) fn force(state: &State, action: Seq) -> Ask {
    let key = state.run.ledger.get(action).map(|entry| entry.record.key.to_string()).unwrap_or_default();
    let lost = format!("What was changed in {} since is lost.", safe::line(&key));
    let lines = vec![state.rollback.describe(&state.run, action), lost];
    Ask::yes(
        format!("Force the undo of {action}"),
        UNDO,
        lines,
        vec![Command::Run(model::Command::Undo { action, force: true })],
    )
}

/// Asks for the plan of a retry; it opens when it comes.
pub(super) fn plan(state: &mut State) -> Vec<Command> {
    let span = state.selected();
    state.retrying = Some(span);
    vec![Command::Run(model::Command::Plan { span })]
}

/// A plan came: for the footer, and for a retry that waits for it.
pub(super) fn take_plan(state: &mut State, plan: RetryPlan) {
    if trying::take_plan(state, &plan) {
        state.retrying = None;
    } else if state.retrying.take_if(|span| *span == plan.span).is_some() {
        state.popup = Some(Popup::Plan(Box::new(PlanAsk::new(plan.clone(), state.by_hand.of(plan.span)))));
    }
    state.preview.keep(plan);
}

/// Reports an undo or redo in a line.
pub(super) fn report_line(run: &RunState, report: &UndoReport) -> String {
    let mut parts = Vec::new();
    if let Some(text) = read_back_text(run, report) {
        let differ = report.read_back.total - report.read_back.restored;
        let differ = if differ > 0 { format!(": {differ} DIFFER (4: Log)") } else { String::new() };
        parts.push(text + &differ);
    }
    let is_permanent = |action: Seq| run.ledger.get(action).is_some_and(|entry| !entry.is_undoable());
    let (permanent, left): (Vec<&PlanLeave>, Vec<&PlanLeave>) =
        report.left.iter().partition(|left| is_permanent(left.action));
    let list = |seqs: &[Seq]| match seqs {
        [one] => one.to_string(),
        many => plural(many.len(), "action"),
    };
    let made_up = report.compensated.len();
    let how = if made_up > 0 { format!(", {made_up} by undo command") } else { String::new() };
    match (report.undone.len(), permanent.len()) {
        (0, 0) => {}
        (_, 0) => parts.push(format!("undid {}{how}", list(&report.undone))),
        (done, _) => {
            let all = done + report.left.len();
            parts.push(format!("{done} of {all} undone{how}; no undo: {}", named(run, &permanent)));
        }
    }
    if !report.redone.is_empty() {
        parts.push(format!("redid {}", list(&report.redone)));
    }
    match left.as_slice() {
        [] => {}
        [one] => parts.push(format!("{} kept: {}", one.action, one.why)),
        [one, more @ ..] => {
            parts.push(format!("{} kept: {}; and {} more (4: Log)", one.action, one.why, more.len()));
        }
    }
    if let Some(conflict) = &report.conflict {
        parts.push(format!("stopped at {}: {}", conflict.action, conflicts::line(conflict)));
    }
    if parts.is_empty() { "nothing to do".into() } else { safe::line(&parts.join(" · ")).into_owned() }
}

/// `#33 POST /hooks/ci`, `3 actions (#33 POST /hooks/ci, …)`.
fn named(run: &RunState, actions: &[&PlanLeave]) -> String {
    let Some(first) = actions.first() else { return String::new() };
    let key = run.ledger.get(first.action).map_or_else(String::new, |entry| format!(" {}", entry.record.key));
    match actions.len() {
        1 => format!("{}{key}", first.action),
        many => format!("{} ({}{key}, …)", plural(many, "action"), first.action),
    }
}
