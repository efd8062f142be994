//! Undoing, one action or many: look, record, put back, record, read again.
//!
//! Many actions share two commits: one for what is about to be undone, one for what was. A process that dies in
//! between leaves actions whose undo was started; [`super::settle`] finishes them. Memory needs the second only: it
//! is the fold of the log, so nothing of it can be half-done. A compensation has two commits of its own, around it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::certify::{Expected, certify};
use super::check::{Ahead, Finding, Step, describe, look, place, value_of};
use super::compensate::{Compensate, make_up};
use super::folder;
use super::settle::settles_away;
use crate::model::{
    ActionChange, ActionEvent, ActionStatus, Conflict, ConflictBy, Key, KeyKind, KeyState, LedgerEntry, PlanLeave, Seq,
    TraceBody, UndoReport,
};
use crate::store::{RunLog, crash_point};
use crate::world::{Put, World, WorldError};

/// From how many steps on they are made to last together instead of one by one.
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
    let hands = Hands { log, world, by };
    let mut steps = Vec::new();
    let mut open = actions.to_vec();
    while !open.is_empty() && report.conflict.is_none() {
        let (done, rest) = undo_known(hands, &open, force, &mut report, &mut expected).await;
        open = rest;
        if done.is_empty() {
            let why = "the folder it is in could not be opened".to_owned();
            report.left.extend(open.drain(..).map(|action| PlanLeave { action, why: why.clone() }));
        }
        steps.extend(done);
    }
    for step in steps.iter().filter(|step| step.record.key.kind.is_path()) {
        for (action, key) in folder::asked_above(log, &step.record.key) {
            if !folder::is_deserted(log, world, action, &key) {
                break;
            }
            let mut found = UndoReport::default();
            undo_known(hands, &[action], false, &mut found, &mut expected).await;
            // Nobody asked for it this time, so it stops nothing.
            let stays = found.conflict.map(|conflict| PlanLeave { action, why: why_refused(&conflict) });
            report.undone.extend(found.undone);
            report.left.extend(found.left.into_iter().chain(stays));
        }
    }
    report.certificate = certify(log, world, &expected);
    report
}

/// Says what [`undo_list`] would do, as far as can be seen beforehand: `undone` is what would be. Nothing is touched
/// or recorded; what a killed process left open counts as settled.
pub fn preview(log: &RunLog, world: &World, actions: &[Seq], force: bool) -> UndoReport {
    let mut report = UndoReport::default();
    let mut ahead = Ahead { only_looking: true, gone: settles_away(log, world), ..Ahead::default() };
    let steps = survey(log, world, actions, force, &mut ahead, &mut report, &mut Vec::new()).0;
    report.undone = steps.iter().map(|step| step.action).collect();
    for step in steps.iter().filter(|step| step.record.key.kind.is_path()) {
        for (action, key) in folder::asked_above(log, &step.record.key) {
            if ahead.gone.contains(&action) || !folder::will_be_deserted(log, world, action, &key, &ahead) {
                break;
            }
            let freed = survey(log, world, &[action], false, &mut ahead, &mut report, &mut Vec::new()).0;
            report.undone.extend(freed.iter().map(|step| step.action));
        }
    }
    report
}

/// What an undo works with.
#[derive(Clone, Copy)]
struct Hands<'a> {
    log: &'a RunLog,
    world: &'a World,
    by: &'a dyn Compensate,
}

/// Undoes just these; returns the steps that were done, notes what they leave, and what can be looked at only now.
async fn undo_known(
    hands: Hands<'_>,
    actions: &[Seq],
    force: bool,
    report: &mut UndoReport,
    expected: &mut Expected,
) -> (Vec<Step>, Vec<Seq>) {
    let Hands { log, world, .. } = hands;
    let mut rows = Vec::new();
    let (steps, rest) = survey(log, world, actions, force, &mut Ahead::default(), report, &mut rows);
    if steps.is_empty() {
        log.append(rows);
        return (steps, rest);
    }
    rows.extend(steps.iter().flat_map(announce));
    if !rows.is_empty()
        && let Err(error) = log.append_durable(rows).durable().await
    {
        let why = format!("nothing was undone: failed to {error}");
        report.left.extend(steps.iter().map(|step| PlanLeave { action: step.action, why: why.clone() }));
        return (Vec::new(), rest);
    }
    crash_point("undo-announced");
    let mut outcomes = Vec::new();
    let done = carry_out(hands, steps, force, report, &mut outcomes).await;
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
            expected.insert(place(&step.record.key), step.record.old.clone());
        }
    }
    (done, rest)
}

/// Which of the actions can be undone, up to the first conflict, and those to look at after that; what can't be undone
/// goes to the report and the rows.
fn survey(
    log: &RunLog,
    world: &World,
    actions: &[Seq],
    force: bool,
    ahead: &mut Ahead,
    report: &mut UndoReport,
    rows: &mut Vec<TraceBody>,
) -> (Vec<Step>, Vec<Seq>) {
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = Vec::new();
    for (at, &action) in actions.iter().enumerate() {
        if ahead.gone.contains(&action) {
            continue;
        }
        match look(log, world, action, ahead, force) {
            Finding::Go(step) => {
                ahead.gone.insert(action);
                if let Some(why) = stays_then(log, world, &step, ahead, force) {
                    ahead.stays.insert(action);
                    report.left.push(PlanLeave { action, why });
                    continue;
                }
                if step.record.key.kind.is_path() {
                    ahead.states.insert(step.record.key.name.clone(), step.record.old.clone());
                }
                steps.push(*step);
            }
            Finding::Never => {
                // What never happened stands in nobody's way.
                ahead.gone.insert(action);
                rows.push(event(action, ActionChange::NotApplied));
                report.left.push(PlanLeave { action, why: "it never happened".into() });
            }
            Finding::Leave(why) => report.left.push(PlanLeave { action, why }),
            Finding::Conflict(conflict) => {
                rows.push(event(action, ActionChange::Refused { why: why_refused(&conflict) }));
                report.conflict = Some(conflict);
                break;
            }
            Finding::Shut => {
                rest.extend_from_slice(&actions[at..]);
                break;
            }
        }
    }
    if let Err(error) = ahead.kept(log) {
        let why = format!("what is there now could not be kept: failed to {error}");
        report.left.extend(steps.drain(..).map(|step| PlanLeave { action: step.action, why: why.clone() }));
    }
    (steps, rest)
}

/// Why a step will not be done when its turn comes. The undo itself looks then, at what is there.
fn stays_then(log: &RunLog, world: &World, step: &Step, ahead: &Ahead, force: bool) -> Option<String> {
    if !ahead.only_looking || !step.record.key.kind.is_path() {
        return None;
    }
    if folder::takes_away(step) {
        return folder::will_be_kept(log, world, step, ahead, force);
    }
    let missing = step.record.old != KeyState::Absent && folder::will_be_missing(world, &step.record.key, ahead);
    missing.then(|| format!("failed to {}", WorldError::no_folder(&step.record.key.name)))
}

/// The rows that have to be on disk before the first step touches the world; none for memory, and a compensation
/// writes its own when its turn comes.
fn announce(step: &Step) -> Vec<TraceBody> {
    if !step.record.key.kind.is_path() {
        return Vec::new();
    }
    let applied = step.settles.then(|| event(step.action, ActionChange::Applied { after: step.present.clone() }));
    let kept = step.keep.map(|blob| TraceBody::Kept { action: step.action, blob });
    let started = event(step.action, ActionChange::UndoStarted);
    applied.into_iter().chain(kept).chain([started]).collect()
}

/// Puts the old states back, in order; returns what was done.
async fn carry_out(
    hands: Hands<'_>,
    steps: Vec<Step>,
    force: bool,
    report: &mut UndoReport,
    rows: &mut Vec<TraceBody>,
) -> Vec<Step> {
    let Hands { log, world, by } = hands;
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
            rows.push(event(step.action, ActionChange::Refused { why }));
            continue;
        }
        if step.record.key.kind == KeyKind::Memory {
            done.push(step);
            continue;
        }
        if compensable && by.is_stopped() {
            // It was not tried, so nothing is recorded of it.
            report.left.push(PlanLeave { action: step.action, why: "the undo was stopped before it".into() });
            continue;
        }
        let put = if compensable {
            make_up(log, by, &step, force).await.map_err(Stay::Left)
        } else {
            put_back(log, world, &step, &gone, force, how)
        };
        match put {
            Ok(()) => {
                crash_point("undo-putting");
                gone.insert(step.action);
                done.push(step);
            }
            Err(Stay::Left(why)) => {
                rows.push(event(step.action, ActionChange::Refused { why: why.clone() }));
                report.left.push(PlanLeave { action: step.action, why });
            }
            Err(Stay::Conflict(conflict)) => {
                rows.push(event(step.action, ActionChange::Refused { why: why_refused(&conflict) }));
                report.conflict = Some(conflict);
                stopped = true;
            }
        }
    }
    if how.later
        && let Err(error) = world.sync()
    {
        // They are put, and may not last: opening the run again looks at each.
        let why = format!("what was put back may not last: failed to {error}");
        let (done, put): (Vec<Step>, Vec<Step>) =
            done.into_iter().partition(|step| step.record.key.kind == KeyKind::Compensation);
        report.left.extend(put.into_iter().map(|step| PlanLeave { action: step.action, why: why.clone() }));
        return done;
    }
    let done = put_memory(log, world, done, report, rows);
    let own = done.iter().filter(|step| step.record.key.kind != KeyKind::Compensation);
    rows.extend(own.map(|step| event(step.action, ActionChange::Undone { forced: force })));
    done
}

/// Why a step was not done after all.
enum Stay {
    Left(String),
    Conflict(Conflict),
}

fn put_back(log: &RunLog, world: &World, step: &Step, gone: &HashSet<Seq>, force: bool, how: Put) -> Result<(), Stay> {
    let key = &step.record.key;
    // Read again: recording took a moment, and someone outside may have used it.
    let found = world.peek(key).map_err(|error| Stay::Left(format!("failed to {error}")))?.state();
    if found != step.present && !force {
        let by = ConflictBy::Outside { found: describe(&found, &step.present) };
        return Err(Stay::Conflict(Conflict { action: step.action, key: key.to_string(), by }));
    }
    if folder::takes_away(step)
        && let Some(why) = folder::kept(log, world, step, gone, force)
    {
        return Err(Stay::Left(why));
    }
    let old = value_of(log, &step.record.old).map_err(Stay::Left)?;
    world.put_as(key, &old, how).map_err(|error| Stay::Left(format!("failed to {error}")))
}

/// Puts each touched memory key into the fold of what stays applied, so that memory is what the log says.
fn put_memory(
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
        if let Err(why) = put_fold(log, world, &name, &stays) {
            stayed.extend(gone.into_iter().map(|action| (action, why.clone())));
        }
    }
    let (left, done): (Vec<Step>, Vec<Step>) = done.into_iter().partition(|step| stayed.contains_key(&step.action));
    for step in left {
        let why = stayed.remove(&step.action).unwrap_or_default();
        rows.push(event(step.action, ActionChange::Refused { why: why.clone() }));
        report.left.push(PlanLeave { action: step.action, why });
    }
    done
}

/// Puts a memory key into a folded state.
pub(super) fn put_fold(log: &RunLog, world: &World, name: &str, state: &KeyState) -> Result<(), String> {
    let value = value_of(log, state)?;
    world.put(&Key::memory(name), &value).map_err(|error| format!("failed to {error}"))
}

/// A conflict in one line, for the log.
pub(crate) fn why_refused(conflict: &Conflict) -> String {
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

/// The row that tells what became of an action.
pub(super) fn event(action: Seq, change: ActionChange) -> TraceBody {
    TraceBody::ActionEvent(ActionEvent { action, change })
}
