//! Puts one try's effects in the place of another's.

use std::sync::Arc;
use std::time::Duration;

use super::super::dispatcher::Services;
use crate::effects::tools::Compensator;
use crate::model::{ActionStatus, Seq, UndoReport};
use crate::rollback;
use crate::store::RunLog;
use crate::world::{Scope, World};

/// The longest wait for the workspace.
const HOLD_BOUND: Duration = Duration::from_secs(10);
/// The name under which the locks are taken.
const HOLDER: &str = "the tries";

/// The actions to undo, and those to redo then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Exchange {
    /// Newest first.
    pub undo: Vec<Seq>,
    /// In any order.
    pub redo: Vec<Seq>,
}

/// Undoes actions and redoes others, each read back. When something stands in the way, what was done is reverted, and
/// the text says what it is.
pub(in super::super) async fn exchange(log: RunLog, services: Arc<Services>, asked: Exchange) -> Result<(), String> {
    let (world, by) = (&services.world, &services.compensator);
    let lock = tokio::time::timeout(HOLD_BOUND, world.lock(&Scope::All, HOLDER)).await;
    let Ok(_guard) = lock else {
        let holder = world.holder(&Scope::All).unwrap_or_else(|| "a tool".into());
        return Err(format!("{holder} is using the workspace"));
    };
    let undone = rollback::undo_list(&log, world, by, &asked.undo, false).await;
    if let Err(why) = check(&log, &undone, &asked.undo, false) {
        return Err(with_revert(why, redo_whole(&log, world, &undone.undone).await));
    }
    let redone = rollback::redo_list(&log, world, &asked.redo).await;
    if let Err(why) = check(&log, &redone, &asked.redo, true) {
        return Err(with_revert(why, revert(&log, world, by, &redone.redone, &undone.undone).await));
    }
    Ok(())
}

async fn revert(log: &RunLog, world: &World, by: &Compensator, redone: &[Seq], undone: &[Seq]) -> Result<(), String> {
    let back = rollback::undo_list(log, world, by, redone, false).await;
    check(log, &back, redone, false)?;
    redo_whole(log, world, undone).await
}

async fn redo_whole(log: &RunLog, world: &World, actions: &[Seq]) -> Result<(), String> {
    let report = rollback::redo_list(log, world, actions).await;
    check(log, &report, actions, true)
}

fn with_revert(why: String, reverted: Result<(), String>) -> String {
    match reverted {
        Ok(()) => why,
        Err(more) => format!("{why}; and it could not be put back as it was: {more}"),
    }
}

/// Checks that all was done that was asked for. `is_redo`: the actions were to be redone.
fn check(log: &RunLog, report: &UndoReport, asked: &[Seq], is_redo: bool) -> Result<(), String> {
    if let Some(conflict) = &report.conflict {
        return Err(rollback::describe_conflict(conflict));
    }
    if !report.read_back.differs.is_empty() {
        return Err(format!("it is not as recorded: {}", report.read_back.differs.join("; ")));
    }
    let is_open = log.with(|state| {
        let is_undone = |action: &Seq| state.ledger.get(*action).is_some_and(|at| at.status == ActionStatus::Undone);
        if is_redo { asked.iter().any(is_undone) } else { rollback::needs_undo(&state.ledger, asked) }
    });
    if !is_open {
        return Ok(());
    }
    let left: Vec<String> = report.left.iter().map(|left| format!("{}: {}", left.action, left.why)).collect();
    let how = if is_redo { "redone" } else { "undone" };
    Err(format!("not all of it was {how}: {}", left.join("; ")))
}
