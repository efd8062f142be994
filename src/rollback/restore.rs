//! Carries out the steps of an undo.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::compensate::{Compensate, run_compensation};
use super::conflict::describe_conflict;
use super::folder;
use super::moves::Move;
use super::row::{outcome_row, replaced_while_read};
use super::state::{describe_state, read_state};
use super::step::Step;
use super::value::{put_memory, value_of};
use crate::model::{
    ActionChange, ActionStatus, Conflict, ConflictBy, KeyKind, KeyState, LedgerEntry, PlanLeave, Seq, TraceBody,
    UndoReport,
};
use crate::store::{RunLog, crash_point};
use crate::world::{Put, Value, World, WorldError};

/// More steps than this are synced together instead of one by one.
const MANY: usize = 8;

/// The log, world and compensator of one undo.
#[derive(Clone, Copy)]
pub(super) struct UndoContext<'a> {
    pub log: &'a RunLog,
    pub world: &'a World,
    pub by: &'a dyn Compensate,
}

/// Restores the before-images, in order; returns the steps that were done.
pub(super) async fn restore_steps(
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
    rows.extend(replaced_while_read(world));
    // Memory is not on the disk: it is the fold of the log.
    let any_path = done.iter().any(|step| step.record.key.kind.is_path());
    if how.later
        && any_path
        && let Err(error) = world.sync()
    {
        // They are restored, and a crash may lose that: opening the run again checks each.
        let why = format!("restored, but a crash may lose it: failed to {error}");
        let (done, put): (Vec<Step>, Vec<Step>) =
            done.into_iter().partition(|step| step.record.key.kind == KeyKind::Compensation);
        report.left.extend(put.into_iter().map(|step| PlanLeave { action: step.action, why: why.clone() }));
        return done;
    }
    let done = restore_memory(log, world, done, report, rows);
    let own = done.iter().filter(|step| step.record.key.kind != KeyKind::Compensation);
    rows.reserve(done.len());
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
    if let Some(moved) = Move::of(log, step.action) {
        return moved.restore(world, step.action).map_err(Refusal::Left);
    }
    let found = read_state(world, key).map_err(|error| Refusal::Left(format!("failed to {error}")))?;
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
    put_in_view(world, step, &old, force).map_err(|found| match found {
        Ok(found) => {
            let by = ConflictBy::Outside { found };
            Refusal::Conflict(Conflict { action: step.action, key: key.to_string(), by })
        }
        Err(why) => Refusal::Left(why),
    })?;
    // A pipe, a socket or a device that took a file's place goes.
    let how = Put { irregular: found == KeyState::Unknown, open: force, ..how };
    world.put_as(key, &old, how).map_err(|error| match error {
        WorldError::Open { by, .. } => {
            let by = ConflictBy::Open { program: by };
            Refusal::Conflict(Conflict { action: step.action, key: key.to_string(), by })
        }
        error => Refusal::Left(format!("failed to {error}")),
    })
}

/// Puts a path back in the view of an agent whose overlay lies over the workspace: below it, the kernel allows only what is
/// seen there too. The inner error says what is there, where the agent has changed it since.
fn put_in_view(world: &World, step: &Step, old: &Value, force: bool) -> Result<(), Result<String, String>> {
    let Some(view) = world.view() else { return Ok(()) };
    let key = &step.record.key;
    let found = read_state(&view, key).map_err(|error| Err(format!("failed to {error}")))?;
    if found == old.state() {
        return Ok(());
    }
    if found != step.present && !force {
        let what = describe_state(&found, &step.present);
        return Err(Ok(format!("the agent has changed it since, and that is held: {what}")));
    }
    let how = Put { irregular: true, open: true, ..Put::default() };
    view.put_as(key, old, how).map_err(|error| Err(format!("failed to {error} where the agent sees it")))
}

/// Sets each touched memory key to the fold of the actions that stay applied, so that memory equals the log.
fn restore_memory(
    log: &RunLog,
    world: &World,
    done: Vec<Step>,
    report: &mut UndoReport,
    rows: &mut Vec<TraceBody>,
) -> Vec<Step> {
    let mut by_key: BTreeMap<&str, HashSet<Seq>> = BTreeMap::new();
    for step in done.iter().filter(|step| step.record.key.kind == KeyKind::Memory) {
        by_key.entry(&step.record.key.name).or_default().insert(step.action);
    }
    let mut stayed: HashMap<Seq, String> = HashMap::new();
    for (name, gone) in by_key {
        let counts = |entry: &LedgerEntry| entry.status == ActionStatus::Applied && !gone.contains(&entry.seq);
        let stays = log.with(|state| state.ledger.memory_if(name, counts));
        if let Err(why) = put_memory(log, world, name, &stays) {
            stayed.extend(gone.into_iter().map(|action| (action, why.clone())));
        }
    }
    if stayed.is_empty() {
        return done;
    }
    let (left, done): (Vec<Step>, Vec<Step>) = done.into_iter().partition(|step| stayed.contains_key(&step.action));
    for step in left {
        let why = stayed.remove(&step.action).unwrap_or_default();
        rows.push(outcome_row(step.action, ActionChange::Refused { why: why.clone() }));
        report.left.push(PlanLeave { action: step.action, why });
    }
    done
}
