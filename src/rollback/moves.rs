//! Undo of a rename whose file is too large to be kept: its bytes are nowhere but in the file, so it is renamed back.
//!
//! A rename is two actions: the old path was removed, the new one was made. Both are undone together: the step of the
//! new path, which comes first, renames the file; the step of the old path finds it there.

use super::conflict::{describe_conflict, obstacles};
use super::read_back::{Expected, read_back};
use super::row::outcome_row;
use super::state::{describe_state, location, read_state};
use super::step::Projection;
use crate::model::{
    ActionChange, ActionStatus, Conflict, ConflictBy, Key, KeyState, LedgerEntry, PlanLeave, Seq, UndoReport,
};
use crate::store::RunLog;
use crate::world::{Value, World};

/// A rename of a file whose bytes are not kept.
pub(super) struct Move {
    from: LedgerEntry,
    to: LedgerEntry,
}

/// Result of checking one of its actions.
pub(super) enum MoveFinding {
    /// It can be undone; the present state.
    Undo(KeyState),
    /// It stays, and why.
    Leave(String),
    /// It must wait for an undo step that makes a folder.
    Deferred,
    /// The file, or its old path, changed since.
    Changed(String),
}

impl Move {
    /// The rename that an action is a part of; `None`: it is part of none, or the bytes are kept.
    pub(super) fn of(log: &RunLog, action: Seq) -> Option<Self> {
        let (one, other) = log.with(|state| {
            let one = state.ledger.get(action)?.clone();
            let other = state.ledger.get(one.renamed?)?.clone();
            Some((one, other))
        })?;
        let (from, to) = if one.record.intended == KeyState::Absent { (one, other) } else { (other, one) };
        let (KeyState::File { blob, .. }, KeyState::File { blob: same, .. }) = (&from.record.old, &to.record.intended)
        else {
            return None;
        };
        (blob == same && log.recorder().blob_on_disk(*blob).is_none()).then_some(Self { from, to })
    }

    /// Checks one of its actions, as if the projected steps were done.
    pub(super) fn check(&self, world: &World, action: Seq, projection: &Projection) -> MoveFinding {
        let other = if action == self.to.seq { self.from.seq } else { self.to.seq };
        if !projection.wanted.contains(&other) {
            let why = format!("it was renamed, and its bytes are kept nowhere else: undo {other} with it");
            return MoveFinding::Leave(why);
        }
        if action == self.from.seq {
            return if projection.undone.contains(&other) {
                MoveFinding::Undo(KeyState::Absent)
            } else {
                MoveFinding::Deferred
            };
        }
        for (key, wanted) in [(&self.from.record.key, &KeyState::Absent), (&self.to.record.key, &self.from.record.old)]
        {
            match read_state(world, key) {
                Ok(found) if found == *wanted => {}
                Ok(found) => return MoveFinding::Changed(format!("{key}: {}", describe_state(&found, wanted))),
                Err(error) => return MoveFinding::Changed(format!("failed to {error}")),
            }
        }
        if !projection.is_preview && !has_folder(world, &self.from.record.key) {
            return MoveFinding::Deferred;
        }
        MoveFinding::Undo(self.from.record.old.clone())
    }

    /// Renames the file back, in the step of its new path; checks that it is back, in that of its old one.
    pub(super) fn restore(&self, world: &World, action: Seq) -> Result<(), String> {
        let (from, to) = (&self.from.record.key, &self.to.record.key);
        let at = if action == self.to.seq { to } else { from };
        let found = read_state(world, at).map_err(|error| format!("failed to {error}"))?;
        if found != self.from.record.old {
            let found = describe_state(&found, &self.from.record.old);
            return Err(format!("{at} is not the file that was renamed, but {found}"));
        }
        if action == self.from.seq {
            return Ok(());
        }
        world.rename(to, from).map_err(|error| format!("failed to {error}"))
    }

    /// Renames the file once more, after an undo. `is_free`: no later action touched it.
    pub(super) async fn redo(&self, log: &RunLog, world: &World, is_free: bool) -> UndoReport {
        let mut report = UndoReport::default();
        let (from, to) = (&self.from.record.key, &self.to.record.key);
        let leave = |report: &mut UndoReport, why: String| report.left.push(PlanLeave { action: self.to.seq, why });
        if [&self.from, &self.to].iter().any(|entry| entry.status != ActionStatus::Undone) {
            leave(&mut report, "it is not undone".into());
            return report;
        }
        let none = std::collections::HashSet::new();
        let is_blocked = |seq| log.with(|state| !obstacles(&state.ledger, seq, &none).is_empty());
        let state = |key: &Key| read_state(world, key).ok();
        let as_left = state(from).as_ref() == Some(&self.from.record.old) && state(to) == Some(KeyState::Absent);
        if !is_free || is_blocked(self.from.seq) || is_blocked(self.to.seq) || !as_left {
            let by = ConflictBy::Outside { found: "another state than the undo left".into() };
            let conflict = Conflict { action: self.to.seq, key: to.to_string(), by };
            log.append(vec![outcome_row(self.to.seq, ActionChange::Refused { why: describe_conflict(&conflict) })]);
            report.conflict = Some(conflict);
            return report;
        }
        let both = |change: ActionChange| {
            [self.from.seq, self.to.seq].map(|action| outcome_row(action, change.clone())).to_vec()
        };
        if let Err(error) = log.append_durable(both(ActionChange::RedoStarted)).durable().await {
            leave(&mut report, format!("not redone: failed to {error}"));
            return report;
        }
        if let Err(error) = world.rename(from, to) {
            let why = format!("failed to {error}");
            log.append(both(ActionChange::Refused { why: why.clone() }));
            leave(&mut report, why);
            return report;
        }
        if let Err(error) = log.append_durable(both(ActionChange::Redone)).durable().await {
            let why = format!("redone, but not recorded (open the run again to record it): failed to {error}");
            leave(&mut report, why);
            return report;
        }
        report.redone = vec![self.from.seq, self.to.seq];
        let expected =
            Expected::from([(location(from), KeyState::Absent), (location(to), self.from.record.old.clone())]);
        report.read_back = read_back(log, world, &expected);
        report
    }
}

/// True when the folder that a path is in exists.
fn has_folder(world: &World, key: &Key) -> bool {
    let Some((above, _)) = key.name.rsplit_once('/') else { return true };
    matches!(world.peek(&Key::directory(above)), Ok(Value::Directory { .. }))
}
