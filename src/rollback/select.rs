//! Selects the steps of an undo, and predicts an undo's report.

use super::check::{Finding, check_action};
use super::conflict::describe_conflict;
use super::folder;
use super::interrupted_actions::predict_not_applied;
use super::row::outcome_row;
use super::step::{Projection, Step};
use crate::model::{
    ActionChange, KeyKind, KeyState, LedgerEntry, PlanLeave, RunState, Seq, TraceBody, UndoReport, Undoability,
};
use crate::store::RunLog;
use crate::world::{World, WorldError};

/// Predicts the report of [`super::undo_list`], without a read back. Touches and records nothing; actions that a killed
/// process left open count as resolved.
pub fn preview(log: &RunLog, world: &World, actions: &[Seq], force: bool) -> UndoReport {
    let mut report = UndoReport::default();
    if let Err(error) = world.check_root() {
        let why = format!("failed to {error}");
        report.left = actions.iter().map(|action| PlanLeave { action: *action, why: why.clone() }).collect();
        return report;
    }
    let mut projection =
        Projection { is_preview: true, undone: predict_not_applied(log, world), ..Projection::default() };
    let actions = newest_first(log, actions);
    let steps = select_steps(log, world, &actions, force, &mut projection, &mut report, &mut Vec::new()).0;
    report.undone = steps.iter().map(|step| step.action).collect();
    for step in steps.iter().filter(|step| step.record.key.kind.is_path()) {
        for (action, key) in folder::refused_folders_above(log, &step.record.key) {
            if projection.undone.contains(&action) || !folder::will_be_unused(log, world, action, &key, &projection) {
                break;
            }
            let freed = select_steps(log, world, &[action], false, &mut projection, &mut report, &mut Vec::new()).0;
            report.undone.extend(freed.iter().map(|step| step.action));
        }
    }
    report
}

/// Takes memory that a fork has of its parent out of the actions that a user undoes; returns the rest, and what is left.
#[must_use]
pub fn without_inherited_memory(state: &RunState, actions: Vec<Seq>) -> (Vec<Seq>, Vec<PlanLeave>) {
    let mut left = Vec::new();
    let is_own = |action: &Seq| {
        let head = state.ledger.head(*action).filter(|head| !head.undoable);
        let entry = head.and_then(|head| state.ledger.get(head.seq));
        let entry = entry.filter(|entry| entry.record.key.kind == KeyKind::Memory);
        let Some(Undoability::NoUndo { why }) = entry.map(|entry| entry.record.undo.clone()) else { return true };
        left.push(PlanLeave { action: *action, why });
        false
    };
    let own = actions.into_iter().filter(is_own).collect();
    (own, left)
}

/// Sorts actions for an undo: the one that was done last comes first. What was redone since was done then: it may be in a
/// folder that a later action made.
pub(super) fn newest_first(log: &RunLog, actions: &[Seq]) -> Vec<Seq> {
    let mut sorted = actions.to_vec();
    log.with(|state| {
        let since = |action: Seq| state.ledger.get(action).map_or(action, LedgerEntry::since);
        sorted.sort_by_cached_key(|action| std::cmp::Reverse(since(*action)));
    });
    sorted
}

/// Splits actions into steps that can be undone, up to the first conflict, and deferred actions; the others go to the
/// report and the rows.
pub(super) fn select_steps(
    log: &RunLog,
    world: &World,
    actions: &[Seq],
    force: bool,
    projection: &mut Projection,
    report: &mut UndoReport,
    rows: &mut Vec<TraceBody>,
) -> (Vec<Step>, Vec<Seq>) {
    // Room for all at once: steps are large, and there may be very many.
    let mut steps: Vec<Step> = Vec::with_capacity(actions.len());
    let mut rest = Vec::new();
    projection.wanted.extend(actions);
    for (at, &action) in actions.iter().enumerate() {
        if projection.undone.contains(&action) {
            continue;
        }
        match check_action(log, world, action, projection, force) {
            Finding::Undo(step) => {
                projection.undone.insert(action);
                if let Some(why) = predict_refusal(log, world, &step, projection, force) {
                    projection.kept.insert(action);
                    report.left.push(PlanLeave { action, why });
                    continue;
                }
                if step.record.key.kind.is_path() {
                    projection.states.insert(step.record.key.name.clone(), step.record.old.clone());
                }
                steps.push(*step);
            }
            Finding::NotApplied => {
                // An action that never happened blocks no other.
                projection.undone.insert(action);
                rows.push(outcome_row(action, ActionChange::NotApplied));
                report.left.push(PlanLeave { action, why: "it was not done".into() });
            }
            Finding::Leave(why) => report.left.push(PlanLeave { action, why }),
            Finding::Conflict(conflict) => {
                rows.push(outcome_row(action, ActionChange::Refused { why: describe_conflict(&conflict) }));
                report.conflict = Some(conflict);
                break;
            }
            Finding::Deferred => {
                rest.extend_from_slice(&actions[at..]);
                break;
            }
        }
    }
    if let Err(error) = projection.flush(log) {
        let why = format!("failed to keep its present content for a redo: failed to {error}");
        report.left.extend(steps.drain(..).map(|step| PlanLeave { action: step.action, why: why.clone() }));
    }
    (steps, rest)
}

/// Predicts why a step will be refused at its turn (previews only: an undo checks the world then).
fn predict_refusal(log: &RunLog, world: &World, step: &Step, projection: &Projection, force: bool) -> Option<String> {
    if !projection.is_preview || !step.record.key.kind.is_path() {
        return None;
    }
    if folder::removes_folder(step) {
        return folder::predict_why_kept(log, world, step, projection, force);
    }
    let missing = step.record.old != KeyState::Absent && folder::will_be_missing(world, &step.record.key, projection);
    missing.then(|| format!("failed to {}", WorldError::no_folder(&step.record.key.name)))
}
