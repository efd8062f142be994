//! Redoes several actions, oldest first.

use super::redo::redo;
use crate::model::{ActionStatus, KeyKind, LedgerEntry, Seq, UndoReport};
use crate::store::RunLog;
use crate::world::World;

/// Redoes those of the actions that are undone, the oldest first, until all are redone or one conflicts. The caller
/// holds the lock.
pub async fn redo_list(log: &RunLog, world: &World, actions: &[Seq]) -> UndoReport {
    let mut all = UndoReport::default();
    let mut open = undone(log, actions);
    open.sort_unstable();
    // An action in a folder that a later one made comes after it: what is left is tried again while something goes on.
    while !open.is_empty() && all.conflict.is_none() {
        let before = open.len();
        all.left.clear();
        for action in std::mem::take(&mut open) {
            // The other half of a rename is redone with it.
            if undone(log, &[action]).is_empty() {
                continue;
            }
            let report = redo(log, world, action).await;
            let is_redone = report.redone.contains(&action);
            all.redone.extend(report.redone);
            all.left.extend(report.left);
            all.read_back.restored += report.read_back.restored;
            all.read_back.total += report.read_back.total;
            all.read_back.differs.extend(report.read_back.differs);
            if report.conflict.is_some() {
                all.conflict = report.conflict;
                break;
            }
            if !is_redone {
                open.push(action);
            }
        }
        if open.len() == before {
            break;
        }
    }
    all
}

/// Those of the actions that are undone.
fn undone(log: &RunLog, actions: &[Seq]) -> Vec<Seq> {
    log.with(|state| {
        let is_undone =
            |action: &Seq| state.ledger.get(*action).is_some_and(|entry| entry.status == ActionStatus::Undone);
        actions.iter().copied().filter(is_undone).collect()
    })
}

/// Says why an action that is undone could not be redone, if that is so.
#[must_use]
pub fn not_redoable(entry: &LedgerEntry) -> Option<String> {
    if let Err(why) = entry.check_undoable() {
        return Some(format!("can't be undone: {why}"));
    }
    (entry.record.key.kind == KeyKind::Compensation).then(|| "can be undone, but not done again".to_owned())
}
