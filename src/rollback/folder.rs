//! Folders that an undo had to leave because others still used them: the last one out removes them.

use std::collections::HashSet;

use super::check::{Step, makes_folder};
use crate::model::{ActionStatus, Key, Seq};
use crate::store::RunLog;
use crate::world::{Value, World};

/// Why a folder has to stay: an action inside it stands (undoing that needs the folder, even when it removed what
/// was in it), or something of someone else is in it. `gone`: actions that are being undone with it.
pub(super) fn kept(log: &RunLog, world: &World, step: &Step, gone: &HashSet<Seq>, force: bool) -> Option<String> {
    let folder = &step.record.key;
    let Ok(Value::Directory { entries, .. }) = world.read(folder) else { return None };
    if entries.is_empty() && force {
        return None;
    }
    match user(log, step.action, folder, gone) {
        Some(action) => Some(format!("kept, used by {action}")),
        None => entries.first().map(|first| format!("kept, {first} in it is of someone else")),
    }
}

/// The newest applied action inside a folder since it was made.
fn user(log: &RunLog, made: Seq, folder: &Key, gone: &HashSet<Seq>) -> Option<Seq> {
    log.with(|state| {
        let since = state.ledger.inside(folder).filter(|entry| entry.seq > made);
        let users = since.filter(|entry| entry.is_applied() && !gone.contains(&entry.seq));
        users.map(|entry| entry.seq).max()
    })
}

/// The folders above a path whose undo was asked for while others used them, nearest first.
pub(super) fn asked_above(log: &RunLog, path: &Key) -> Vec<(Seq, Key)> {
    let above: Vec<Key> = path.name.match_indices('/').map(|(at, _)| Key::directory(&path.name[..at])).collect();
    log.with(|state| {
        let asked = above.iter().rev().map_while(|folder| {
            let entry = state.ledger.last_at(folder)?;
            let asked = entry.refused && entry.status == ActionStatus::Applied && makes_folder(&entry.record);
            asked.then(|| (entry.seq, entry.record.key.clone()))
        });
        asked.collect()
    })
}

/// Whether a folder is there, empty, and needed by no action.
pub(super) fn is_deserted(log: &RunLog, world: &World, made: Seq, folder: &Key) -> bool {
    is_empty(world, folder) && user(log, made, folder, &HashSet::new()).is_none()
}

/// Whether a folder is there and empty.
pub(super) fn is_empty(world: &World, folder: &Key) -> bool {
    matches!(world.read(folder), Ok(Value::Directory { entries, .. }) if entries.is_empty())
}
