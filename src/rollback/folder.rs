//! Folders that an undo had to leave because others still used them: the last one out removes them.

use super::check::makes_folder;
use crate::model::{ActionStatus, Key, Seq};
use crate::store::RunLog;
use crate::world::{Value, World};

/// Why a folder has to stay, while something is in it.
pub(super) fn kept(log: &RunLog, world: &World, folder: &Key) -> Option<String> {
    let Ok(Value::Directory { entries, .. }) = world.read(folder) else { return None };
    let first = entries.first()?;
    let user = log.with(|state| {
        let inside = state.ledger.entries().iter().rev();
        let mut inside = inside.filter(|entry| entry.is_applied() && entry.record.key.is_inside(folder));
        inside.next().map(|entry| entry.seq)
    });
    Some(match user {
        Some(action) => format!("kept, used by {action}"),
        None => format!("kept, {first} in it is of someone else"),
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

/// Whether a folder is there and empty.
pub(super) fn is_empty(world: &World, folder: &Key) -> bool {
    matches!(world.read(folder), Ok(Value::Directory { entries, .. }) if entries.is_empty())
}
