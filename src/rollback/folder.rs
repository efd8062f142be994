//! Folders that an undo had to keep because others still used them: the last undo of a user removes them.

use std::collections::HashSet;

use super::state::makes_folder;
use super::step::{Projection, Step};
use crate::model::{ActionStatus, Key, KeyState, LedgerEntry, Seq, readable_name};
use crate::store::RunLog;
use crate::world::{Value, World};

/// True when undoing a step removes a folder, so that nothing may be in it.
pub(super) fn removes_folder(step: &Step) -> bool {
    matches!(step.present, KeyState::Directory { .. }) && !matches!(step.record.old, KeyState::Directory { .. })
}

/// Returns why a folder has to stay: an action inside it is applied (undoing that needs the folder, even when it
/// removed a file), or the folder has an entry that no action made. `gone`: actions that are being undone with it.
pub(super) fn why_kept(log: &RunLog, world: &World, step: &Step, gone: &HashSet<Seq>, force: bool) -> Option<String> {
    let Ok(Value::Directory { entries, .. }) = world.read(&step.record.key) else { return None };
    reason_to_keep(log, step, &entries, |action| gone.contains(&action), force)
}

/// Returns the same for the projected state.
pub(super) fn predict_why_kept(
    log: &RunLog,
    world: &World,
    step: &Step,
    projection: &Projection,
    force: bool,
) -> Option<String> {
    let entries = projected_entries(log, world, &step.record.key, projection);
    reason_to_keep(log, step, &entries, |action| projection.undoes(action), force)
}

fn reason_to_keep(
    log: &RunLog,
    step: &Step,
    entries: &[String],
    gone: impl Fn(Seq) -> bool,
    force: bool,
) -> Option<String> {
    if entries.is_empty() && force {
        return None;
    }
    match newest_user(log, step.action, &step.record.key, gone) {
        Some(action) => Some(format!("used by {action}: undo that too")),
        None => entries.first().map(|first| {
            format!(
                "\"{}\" in it is not of this run, or is excluded from capture: move or remove it, then undo again",
                readable_name(first)
            )
        }),
    }
}

/// Lists the entries that a folder will have in the projected state.
fn projected_entries(log: &RunLog, world: &World, folder: &Key, projection: &Projection) -> Vec<String> {
    let inside = |entry: &str| format!("{}/{}", folder.name, entry.trim_end_matches('/'));
    let mut entries = match world.read(folder) {
        Ok(Value::Directory { entries, .. }) => entries,
        _ => Vec::new(),
    };
    entries.retain(|entry| !projection.states.contains_key(&inside(entry)));
    let put = |path: &String| projection.states.get(path).is_some_and(|state| *state != KeyState::Absent);
    log.with(|state| {
        let paths = state.ledger.inside(folder).map(|entry| &entry.record.key.name);
        let names = paths.filter(|path| put(path)).filter_map(|path| path.get(folder.name.len() + 1..));
        entries.extend(names.filter(|name| !name.contains('/')).map(str::to_owned));
    });
    entries.sort();
    entries
}

/// True when the projected state has no folder around a path.
pub(super) fn will_be_missing(world: &World, path: &Key, projection: &Projection) -> bool {
    let Some((above, _)) = path.name.rsplit_once('/') else { return false };
    let is_folder = match projection.states.get(above) {
        Some(state) => matches!(state, KeyState::Directory { .. }),
        // A folder that can't be read now may be open by then.
        None => world.peek(&Key::directory(above)).map_or(true, |found| matches!(found, Value::Directory { .. })),
    };
    !is_folder
}

/// Returns the newest applied action inside a folder since it was made: done after it, or redone into it.
fn newest_user(log: &RunLog, made: Seq, folder: &Key, gone: impl Fn(Seq) -> bool) -> Option<Seq> {
    log.with(|state| {
        let stands_since = state.ledger.get(made).map_or(made, LedgerEntry::since);
        let after = |entry: &&LedgerEntry| entry.seq > made || entry.since() > stands_since;
        let users = state.ledger.inside(folder).filter(after);
        let users = users.filter(|entry| entry.is_applied() && !gone(entry.seq));
        users.map(|entry| entry.seq).max()
    })
}

/// Lists the folders above a path whose undo was refused because others used them, nearest first.
pub(super) fn refused_folders_above(log: &RunLog, path: &Key) -> Vec<(Seq, Key)> {
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

/// True when a folder exists, is empty, and no action needs it.
pub(super) fn is_unused(log: &RunLog, world: &World, made: Seq, folder: &Key) -> bool {
    is_empty(world, folder) && newest_user(log, made, folder, |_| false).is_none()
}

/// True when that will hold in the projected state.
pub(super) fn will_be_unused(log: &RunLog, world: &World, made: Seq, folder: &Key, projection: &Projection) -> bool {
    matches!(world.peek(folder), Ok(Value::Directory { .. }))
        && projected_entries(log, world, folder, projection).is_empty()
        && newest_user(log, made, folder, |action| projection.undoes(action)).is_none()
}

/// True when a folder exists and is empty.
pub(super) fn is_empty(world: &World, folder: &Key) -> bool {
    matches!(world.read(folder), Ok(Value::Directory { entries, .. }) if entries.is_empty())
}
