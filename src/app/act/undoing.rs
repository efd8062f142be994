//! Taking back: undo, redo, retry, and what a conflict offers.

use crate::app::text::plural;
use crate::app::{Ask, Choice, Command, Item, Key, Menu, Pane, PlanAsk, Popup, State, safe};
use crate::model::{self, Conflict, ConflictBy, RetryPlan, Seq, UndoReport};

/// Undoes one action; outside Rollback it only shows which.
pub(super) fn undo(state: &mut State) -> Vec<Command> {
    let Some(action) = state.rollback.to_undo(&state.run) else { return Vec::new() };
    if state.focus != Pane::Rollback {
        state.show(Pane::Rollback);
        let line = state.rollback.undo_line(&state.run);
        state.say(line.unwrap_or_else(|| action.to_string()));
        return Vec::new();
    }
    vec![Command::Run(model::Command::Undo { action, force: false })]
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
    let (span, list) = (state.selected(), &state.rollback);
    let skipped: Vec<Seq> = list.seqs().iter().copied().filter(|seq| list.skipped().contains(seq)).collect();
    let applied: Vec<_> =
        list.seqs().iter().filter_map(|seq| state.run.ledger.get(*seq)).filter(|entry| entry.is_applied()).collect();
    let line = |seq: Seq| format!("  {}", list.describe(&state.run, seq));
    let is_undone = |seq: &Seq| !skipped.contains(seq);
    let undone: Vec<Seq> =
        applied.iter().filter(|entry| entry.is_undoable()).map(|entry| entry.seq).filter(is_undone).collect();
    let left: Vec<Seq> = applied.iter().map(|entry| entry.seq).filter(|seq| !undone.contains(seq)).collect();
    let mut lines = vec![format!("undoes {}, newest first", plural(undone.len(), "action"))];
    lines.extend(undone.iter().map(|seq| format!("{}{}", line(*seq), blocked_outside(state, *seq, &undone))));
    if !left.is_empty() {
        lines.push(format!("leaves {} (permanent or skipped)", plural(left.len(), "action")));
        lines.extend(left.into_iter().map(line));
    }
    let deep = !state.rollback.is_narrow();
    let title = format!("Undo {}{}", safe::line(&state.run.trace.label(span)), if deep { " and below" } else { "" });
    let command = model::Command::UndoSpan { span, deep, skip: skipped };
    state.popup = Some(Popup::Ask(Ask::enter(title, lines, vec![Command::Run(command)])));
}

/// ` · blocked by #230 in three`: what must be undone before an action and isn't in the list.
fn blocked_outside(state: &State, action: Seq, list: &[Seq]) -> String {
    let blockers = state.run.ledger.blockers(action);
    let outside = blockers.into_iter().find(|by| !list.contains(&by.seq));
    outside.map_or_else(String::new, |by| {
        let agent = state.run.trace.label(state.run.trace.agent_of(by.record.span));
        format!(" · blocked by {} in {}", by.seq, safe::line(&agent))
    })
}

/// Asks for `y` before an undo over a conflict.
pub(super) fn ask_force(state: &mut State) {
    if let Some(action) = state.rollback.selected() {
        state.popup = Some(Popup::Ask(force(state, action)));
    }
}

fn force(state: &State, action: Seq) -> Ask {
    let lines = vec![
        state.rollback.describe(&state.run, action),
        "What changed its key since is overwritten, and can't be brought back.".into(),
    ];
    Ask::yes(
        format!("Force the undo of {action}"),
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
    if state.retrying.take_if(|span| *span == plan.span).is_some() {
        state.popup = Some(Popup::Plan(PlanAsk { plan: plan.clone(), with_readers: !plan.readers.is_empty() }));
    }
    state.preview.keep(plan);
}

/// What an undo or redo did, in a line.
pub(super) fn report_line(report: &UndoReport) -> String {
    let mut parts = Vec::new();
    let list = |seqs: &[Seq]| match seqs {
        [one] => one.to_string(),
        many => plural(many.len(), "action"),
    };
    if !report.undone.is_empty() {
        let made_up = report.compensated.len();
        let how = if made_up > 0 { format!(", {made_up} by compensation") } else { String::new() };
        parts.push(format!("undid {}{how}", list(&report.undone)));
    }
    if !report.redone.is_empty() {
        parts.push(format!("redid {}", list(&report.redone)));
    }
    let certificate = &report.certificate;
    if certificate.total > 0 {
        let what = if certificate.restored == certificate.total { "as before" } else { "NOT all as before (4: Log)" };
        parts.push(format!("restored {}/{} keys, checked: {what}", certificate.restored, certificate.total));
    }
    parts.extend(report.left.iter().map(|left| format!("{} left: {}", left.action, left.why)));
    if let Some(conflict) = &report.conflict {
        parts.push(format!("stopped at {}: {}", conflict.action, conflict_line(conflict)));
    }
    if parts.is_empty() { "nothing to do".into() } else { safe::line(&parts.join(" · ")).into_owned() }
}

fn conflict_line(conflict: &Conflict) -> String {
    match &conflict.by {
        ConflictBy::Actions { first } => {
            let who: Vec<String> = first.iter().map(|(seq, _)| seq.to_string()).collect();
            format!("{} was changed since by {}", conflict.key, who.join(", "))
        }
        ConflictBy::Outside { found } => format!("{} was changed from outside: {found}", conflict.key),
    }
}

/// Offers what can be done about a conflict; nothing was touched.
pub(super) fn ask_conflict(state: &mut State, conflict: &Conflict) {
    let action = conflict.action;
    let mut lines = vec![safe::line(&conflict_line(conflict)).into_owned()];
    let mut items = Vec::new();
    if let ConflictBy::Actions { first } = &conflict.by {
        for (seq, span) in first {
            let path = state.run.trace.path(*span);
            lines.push(format!("  {}  ({})", state.rollback.describe(&state.run, *seq), safe::line(&path)));
        }
        let actions: Vec<Seq> = first.iter().map(|(seq, _)| *seq).chain([action]).collect();
        let label = format!("undo {} first, then {action}", plural(first.len(), "later action"));
        // Not `u`: whoever presses it again and again must not take back what others did.
        items.push(Item::new(Key::Char('a'), label, Choice::Send(model::Command::UndoList { actions })));
    }
    items.push(Item::new(Key::Char('x'), format!("skip {action}"), Choice::Skip(action)));
    items.push(Item::new(
        Key::Char('!'),
        format!("force {action} (asks once more)"),
        Choice::Ask(force(state, action)),
    ));
    state.popup = Some(Popup::Menu(Menu::new(format!("{action} can't be undone as it is"), lines, items)));
}
