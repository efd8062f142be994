//! Undoes one action or many: check, record, restore, record, read back.
//!
//! Many actions share two commits: one before the first step, one after the last. A process that dies in between leaves
//! actions whose undo was started; [`super::resolve_interrupted_actions`] finishes them. Memory needs the second commit
//! only: it is the fold of the log, so it can't be half-done. A compensation has two commits of its own, around it.
//!
//! Where all actions are on memory, they are taken some hundred at a time, so that their steps stay in the processor's
//! cache; all share the last commit.

use super::compensate::Compensate;
use super::conflict::describe_conflict;
use super::folder;
use super::read_back::{Expected, read_back};
use super::restore::{UndoContext, restore_steps};
use super::room;
use super::row::outcome_row;
use super::select::{newest_first, select_steps};
use super::state::location;
use super::step::{Projection, Step};
use crate::model::{ActionChange, KeyKind, KeyState, PlanLeave, Seq, TraceBody, UndoReport};
use crate::store::{RunLog, StoreError, crash_point};
use crate::world::World;

/// Memory actions that are taken at a time.
const AT_ONCE: usize = 512;

/// The commit of the outcomes of a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Commit {
    /// It is waited for.
    Awaited,
    /// A later one is waited for.
    Later,
}

/// Undoes one action. The caller holds the lock. `force`: even when something changed its key since.
pub async fn undo(log: &RunLog, world: &World, by: &dyn Compensate, action: Seq, force: bool) -> UndoReport {
    undo_list(log, world, by, &[action], force).await
}

/// Undoes actions, newest first, until none is left or one conflicts. The caller holds the lock. `by` runs the
/// compensations; one that fails leaves its action applied, and stops nothing else. Nothing is undone when the workspace
/// is no longer the folder that was opened.
pub async fn undo_list(log: &RunLog, world: &World, by: &dyn Compensate, actions: &[Seq], force: bool) -> UndoReport {
    let mut report = UndoReport::default();
    if let Err(error) = world.check_root() {
        // Memory too: the actions of a run are undone in their order, or not at all.
        let why = format!("failed to {error}");
        report.left = actions.iter().map(|action| PlanLeave { action: *action, why: why.clone() }).collect();
        return report;
    }
    let mut expected = Expected::new();
    let context = UndoContext { log, world, by };
    let mut paths = Vec::new();
    let sorted = newest_first(log, actions);
    let is_memory = sorted.len() > AT_ONCE && is_all_memory(log, &sorted);
    let (at_once, commit) = if is_memory { (AT_ONCE, Commit::Later) } else { (sorted.len(), Commit::Awaited) };
    for batch in sorted.chunks(at_once.max(1)) {
        let mut open = batch.to_vec();
        while !open.is_empty() && report.conflict.is_none() {
            let (done, rest) = undo_batch(context, &open, force, commit, &mut report, &mut expected).await;
            open = rest;
            if done.is_empty() {
                let why = "failed to open the folder it is in".to_owned();
                report.left.extend(open.drain(..).map(|action| PlanLeave { action, why: why.clone() }));
            }
            let on_paths = done.iter().filter(|step| step.record.key.kind.is_path());
            paths.extend(on_paths.map(|step| step.record.key.clone()));
        }
    }
    if commit == Commit::Later
        && let Err(error) = log.append_durable(Vec::new()).durable().await
    {
        let why = not_recorded(&error);
        report.left.extend(report.undone.iter().map(|action| PlanLeave { action: *action, why: why.clone() }));
    }
    for path in &paths {
        for (action, key) in folder::refused_folders_above(log, path) {
            if !folder::is_unused(log, world, action, &key) {
                break;
            }
            let mut found = UndoReport::default();
            undo_batch(context, &[action], false, Commit::Awaited, &mut found, &mut expected).await;
            // It was not asked for this time, so its conflict stops nothing.
            let stays = found.conflict.map(|conflict| PlanLeave { action, why: describe_conflict(&conflict) });
            report.left.retain(|left| !found.undone.contains(&left.action));
            report.undone.extend(found.undone);
            report.left.extend(found.left.into_iter().chain(stays));
        }
    }
    report.read_back = read_back(log, world, &expected);
    report
}

/// Undoes the actions that can be checked now; returns the steps that were done, and the deferred actions.
async fn undo_batch(
    context: UndoContext<'_>,
    actions: &[Seq],
    force: bool,
    commit: Commit,
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
    if let Err(why) = room::check_undo(log, world, &steps) {
        let why = format!("nothing was undone: {why}");
        report.left.extend(steps.iter().map(|step| PlanLeave { action: step.action, why: why.clone() }));
        log.append(rows);
        return (Vec::new(), Vec::new());
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
    if commit == Commit::Later {
        log.append(outcomes);
    } else if let Err(error) = log.append_durable(outcomes).durable().await {
        let why = not_recorded(&error);
        report.left.extend(done.iter().map(|step| PlanLeave { action: step.action, why: why.clone() }));
    }
    for step in &done {
        report.undone.push(step.action);
        match step.record.key.kind {
            KeyKind::Compensation => report.compensated.push(step.action),
            // It should be as the ledger says.
            KeyKind::Memory => {
                expected.entry(location(&step.record.key)).or_insert(KeyState::Unknown);
            }
            _ => {
                expected.insert(location(&step.record.key), step.record.old.clone());
            }
        }
    }
    (done, rest)
}

fn is_all_memory(log: &RunLog, actions: &[Seq]) -> bool {
    log.with(|state| {
        let entries = actions.iter().filter_map(|action| state.ledger.get(*action));
        entries.into_iter().all(|entry| entry.record.key.kind == KeyKind::Memory)
    })
}

fn not_recorded(error: &StoreError) -> String {
    format!("undone, but not recorded (open the run again to record it): failed to {error}")
}

/// Builds the rows that must be on disk before the first step touches the world; none for memory, and a compensation
/// writes its own at its turn.
fn start_rows(step: &Step) -> Vec<TraceBody> {
    if !step.record.key.kind.is_path() {
        return Vec::new();
    }
    let applied = step
        .lacks_outcome
        .then(|| outcome_row(step.action, ActionChange::Applied { after: step.present.clone(), kept: false }));
    let kept = step.keep.map(|blob| TraceBody::Kept { action: step.action, blob });
    let started = outcome_row(step.action, ActionChange::UndoStarted);
    applied.into_iter().chain(kept).chain([started]).collect()
}
