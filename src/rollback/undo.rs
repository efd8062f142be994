//! Undoes one action or many: check, record, restore, record, read back.
//!
//! Many actions share two commits: one before the first step, one after the last. A process that dies in between leaves
//! actions whose undo was started; [`super::resolve_interrupted_actions`] finishes them. Memory needs the second commit
//! only: it is the fold of the log, so it can't be half-done. A compensation has two commits of its own, around it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::check::{Finding, Projection, Step, check_action, describe_state, location, value_of};
use super::compensate::{Compensate, run_compensation};
use super::folder;
use super::interrupted_actions::predict_not_applied;
use super::read_back::{Expected, read_back};
use crate::model::{
    ActionChange, ActionEvent, ActionStatus, Conflict, ConflictBy, Key, KeyKind, KeyState, LedgerEntry, PlanLeave, Seq,
    TraceBody, UndoReport,
};
use crate::store::{RunLog, crash_point};
use crate::world::{Put, World, WorldError};

/// More steps than this are synced together instead of one by one.
const MANY: usize = 8;

/// Undoes one action. The caller holds the lock. `force`: even when something changed its key since.
pub async fn undo(log: &RunLog, world: &World, by: &dyn Compensate, action: Seq, force: bool) -> UndoReport {
    undo_list(log, world, by, &[action], force).await
}

/// Undoes actions in the given order (newest first) until none is left or one conflicts. The caller holds the lock.
/// `by` runs the compensations; one that fails leaves its action applied, and stops nothing else.
pub async fn undo_list(log: &RunLog, world: &World, by: &dyn Compensate, actions: &[Seq], force: bool) -> UndoReport {
    let mut report = UndoReport::default();
    let mut expected = Expected::new();
    let context = UndoContext { log, world, by };
    let mut steps = Vec::new();
    let mut open = actions.to_vec();
    while !open.is_empty() && report.conflict.is_none() {
        let (done, rest) = undo_batch(context, &open, force, &mut report, &mut expected).await;
        open = rest;
        if done.is_empty() {
            let why = "the folder it is in could not be opened".to_owned();
            report.left.extend(open.drain(..).map(|action| PlanLeave { action, why: why.clone() }));
        }
        steps.extend(done);
    }
    for step in steps.iter().filter(|step| step.record.key.kind.is_path()) {
        for (action, key) in folder::refused_folders_above(log, &step.record.key) {
            if !folder::is_unused(log, world, action, &key) {
                break;
            }
            let mut found = UndoReport::default();
            undo_batch(context, &[action], false, &mut found, &mut expected).await;
            // It was not asked for this time, so its conflict stops nothing.
            let stays = found.conflict.map(|conflict| PlanLeave { action, why: describe_conflict(&conflict) });
            report.undone.extend(found.undone);
            report.left.extend(found.left.into_iter().chain(stays));
        }
    }
    report.certificate = read_back(log, world, &expected);
    report
}

/// Predicts the report of [`undo_list`], without a read back. Touches and records nothing; actions that a killed
/// process left open count as resolved.
pub fn preview(log: &RunLog, world: &World, actions: &[Seq], force: bool) -> UndoReport {
    let mut report = UndoReport::default();
    let mut projection =
        Projection { is_preview: true, undone: predict_not_applied(log, world), ..Projection::default() };
    let steps = select_steps(log, world, actions, force, &mut projection, &mut report, &mut Vec::new()).0;
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

/// The log, world and compensator of one undo.
#[derive(Clone, Copy)]
struct UndoContext<'a> {
    log: &'a RunLog,
    world: &'a World,
    by: &'a dyn Compensate,
}

/// Undoes the actions that can be checked now; returns the steps that were done, and the deferred actions.
async fn undo_batch(
    context: UndoContext<'_>,
    actions: &[Seq],
    force: bool,
    report: &mut UndoReport,
    expected: &mut Expected,
) -> (Vec<Step>, Vec<Seq>) {
    let UndoContext { log, world, .. } = context;
    let mut rows = Vec::new();
    let (steps, rest) = select_steps(log, world, actions, force, &mut Projection::default(), report, &mut rows);
    if steps.is_empty() {
        log.append(rows);
        return (steps, rest);
    }
    rows.extend(steps.iter().flat_map(start_rows));
    if !rows.is_empty()
        && let Err(error) = log.append_durable(rows).durable().await
    {
        let why = format!("nothing was undone: failed to {error}");
        report.left.extend(steps.iter().map(|step| PlanLeave { action: step.action, why: why.clone() }));
        return (Vec::new(), rest);
    }
    crash_point("undo-announced");
    let mut outcomes = Vec::new();
    let done = restore_steps(context, steps, force, report, &mut outcomes).await;
    crash_point("undo-put");
    if let Err(error) = log.append_durable(outcomes).durable().await {
        let why =
            format!("what was undone is not on record yet (opening the run again will find it): failed to {error}");
        report.left.extend(done.iter().map(|step| PlanLeave { action: step.action, why: why.clone() }));
    }
    for step in &done {
        report.undone.push(step.action);
        if step.record.key.kind == KeyKind::Compensation {
            report.compensated.push(step.action);
        } else {
            expected.insert(location(&step.record.key), step.record.old.clone());
        }
    }
    (done, rest)
}

/// Splits actions into steps that can be undone, up to the first conflict, and deferred actions; the others go to the
/// report and the rows.
fn select_steps(
    log: &RunLog,
    world: &World,
    actions: &[Seq],
    force: bool,
    projection: &mut Projection,
    report: &mut UndoReport,
    rows: &mut Vec<TraceBody>,
) -> (Vec<Step>, Vec<Seq>) {
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = Vec::new();
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
                report.left.push(PlanLeave { action, why: "it never happened".into() });
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
        let why = format!("what is there now could not be kept: failed to {error}");
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

/// Builds the rows that must be on disk before the first step touches the world; none for memory, and a compensation
/// writes its own at its turn.
fn start_rows(step: &Step) -> Vec<TraceBody> {
    if !step.record.key.kind.is_path() {
        return Vec::new();
    }
    let applied =
        step.lacks_outcome.then(|| outcome_row(step.action, ActionChange::Applied { after: step.present.clone() }));
    let kept = step.keep.map(|blob| TraceBody::Kept { action: step.action, blob });
    let started = outcome_row(step.action, ActionChange::UndoStarted);
    applied.into_iter().chain(kept).chain([started]).collect()
}

/// Restores the before-images, in order; returns the steps that were done.
async fn restore_steps(
    context: UndoContext<'_>,
    steps: Vec<Step>,
    force: bool,
    report: &mut UndoReport,
    rows: &mut Vec<TraceBody>,
) -> Vec<Step> {
    let UndoContext { log, world, by } = context;
    let mut done = Vec::with_capacity(steps.len());
    let how = Put { later: steps.len() > MANY, ..Put::default() };
    let mut gone = HashSet::new();
    let mut stopped = false;
    for step in steps {
        let compensable = step.record.key.kind == KeyKind::Compensation;
        if stopped {
            if compensable {
                continue;
            }
            let why = "an undo before it met a conflict".to_owned();
            rows.push(outcome_row(step.action, ActionChange::Refused { why }));
            continue;
        }
        if step.record.key.kind == KeyKind::Memory {
            done.push(step);
            continue;
        }
        if compensable && by.is_stopped() {
            // It was not tried, so the log gets no row.
            report.left.push(PlanLeave { action: step.action, why: "the undo was stopped before it".into() });
            continue;
        }
        let put = if compensable {
            run_compensation(log, by, &step, force).await.map_err(Refusal::Left)
        } else {
            restore_path(log, world, &step, &gone, force, how)
        };
        match put {
            Ok(()) => {
                crash_point("undo-putting");
                gone.insert(step.action);
                done.push(step);
            }
            Err(Refusal::Left(why)) => {
                rows.push(outcome_row(step.action, ActionChange::Refused { why: why.clone() }));
                report.left.push(PlanLeave { action: step.action, why });
            }
            Err(Refusal::Conflict(conflict)) => {
                rows.push(outcome_row(step.action, ActionChange::Refused { why: describe_conflict(&conflict) }));
                report.conflict = Some(conflict);
                stopped = true;
            }
        }
    }
    if how.later
        && let Err(error) = world.sync()
    {
        // They are restored, and a crash may lose that: opening the run again checks each.
        let why = format!("what was put back may not last: failed to {error}");
        let (done, put): (Vec<Step>, Vec<Step>) =
            done.into_iter().partition(|step| step.record.key.kind == KeyKind::Compensation);
        report.left.extend(put.into_iter().map(|step| PlanLeave { action: step.action, why: why.clone() }));
        return done;
    }
    let done = restore_memory(log, world, done, report, rows);
    let own = done.iter().filter(|step| step.record.key.kind != KeyKind::Compensation);
    rows.extend(own.map(|step| outcome_row(step.action, ActionChange::Undone { forced: force })));
    done
}

/// The reason why a step was not done after all.
enum Refusal {
    Left(String),
    Conflict(Conflict),
}

fn restore_path(
    log: &RunLog,
    world: &World,
    step: &Step,
    gone: &HashSet<Seq>,
    force: bool,
    how: Put,
) -> Result<(), Refusal> {
    let key = &step.record.key;
    // Read again: another program or person may have changed it during the commit.
    let found = world.peek(key).map_err(|error| Refusal::Left(format!("failed to {error}")))?.state();
    if found != step.present && !force {
        let by = ConflictBy::Outside { found: describe_state(&found, &step.present) };
        return Err(Refusal::Conflict(Conflict { action: step.action, key: key.to_string(), by }));
    }
    if folder::removes_folder(step)
        && let Some(why) = folder::why_kept(log, world, step, gone, force)
    {
        return Err(Refusal::Left(why));
    }
    let old = value_of(log, &step.record.old).map_err(Refusal::Left)?;
    world.put_as(key, &old, how).map_err(|error| Refusal::Left(format!("failed to {error}")))
}

/// Sets each touched memory key to the fold of the actions that stay applied, so that memory equals the log.
fn restore_memory(
    log: &RunLog,
    world: &World,
    done: Vec<Step>,
    report: &mut UndoReport,
    rows: &mut Vec<TraceBody>,
) -> Vec<Step> {
    let mut by_key: BTreeMap<String, HashSet<Seq>> = BTreeMap::new();
    for step in done.iter().filter(|step| step.record.key.kind == KeyKind::Memory) {
        by_key.entry(step.record.key.name.clone()).or_default().insert(step.action);
    }
    let mut stayed: HashMap<Seq, String> = HashMap::new();
    for (name, gone) in by_key {
        let counts = |entry: &LedgerEntry| entry.status == ActionStatus::Applied && !gone.contains(&entry.seq);
        let stays = log.with(|state| state.ledger.memory_if(&name, counts));
        if let Err(why) = put_memory(log, world, &name, &stays) {
            stayed.extend(gone.into_iter().map(|action| (action, why.clone())));
        }
    }
    let (left, done): (Vec<Step>, Vec<Step>) = done.into_iter().partition(|step| stayed.contains_key(&step.action));
    for step in left {
        let why = stayed.remove(&step.action).unwrap_or_default();
        rows.push(outcome_row(step.action, ActionChange::Refused { why: why.clone() }));
        report.left.push(PlanLeave { action: step.action, why });
    }
    done
}

/// Sets a memory key to a folded state.
pub(super) fn put_memory(log: &RunLog, world: &World, name: &str, state: &KeyState) -> Result<(), String> {
    let value = value_of(log, state)?;
    world.put(&Key::memory(name), &value).map_err(|error| format!("failed to {error}"))
}

/// Describes a conflict in one line, for the log.
pub(crate) fn describe_conflict(conflict: &Conflict) -> String {
    match &conflict.by {
        ConflictBy::Actions { first } => {
            let first: Vec<String> = first.iter().map(|(action, span)| format!("{action} in {span}")).collect();
            format!("{} was changed later by {}", conflict.key, first.join(", "))
        }
        ConflictBy::Permanent { action, span } => {
            format!("{} was changed later by {action} in {span}, which can't be undone", conflict.key)
        }
        ConflictBy::Outside { found } => format!("{} was changed from outside: found {found}", conflict.key),
    }
}

/// Builds the row with the outcome of an action.
pub(super) fn outcome_row(action: Seq, change: ActionChange) -> TraceBody {
    TraceBody::ActionEvent(ActionEvent { action, change })
}
