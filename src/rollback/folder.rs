//! Folders that an undo had to leave because others still used them: the last one out removes them.

use std::collections::HashSet;

use super::check::{Ahead, Step, makes_folder};
use crate::model::{ActionStatus, Key, KeyState, Seq, readable_name};
use crate::store::RunLog;
use crate::world::{Value, World};

/// Whether undoing a step takes a folder away, so that nothing may be in it.
pub(super) fn takes_away(step: &Step) -> bool {
    matches!(step.present, KeyState::Directory { .. }) && !matches!(step.record.old, KeyState::Directory { .. })
}

/// Why a folder has to stay: an action inside it stands (undoing that needs the folder, even when it removed what
/// was in it), or something of someone else is in it. `gone`: actions that are being undone with it.
pub(super) fn kept(log: &RunLog, world: &World, step: &Step, gone: &HashSet<Seq>, force: bool) -> Option<String> {
    let Ok(Value::Directory { entries, .. }) = world.read(&step.record.key) else { return None };
    why_kept(log, step, &entries, |action| gone.contains(&action), force)
}

/// The same, as it will be once the steps ahead are done.
pub(super) fn will_be_kept(log: &RunLog, world: &World, step: &Step, ahead: &Ahead, force: bool) -> Option<String> {
    let entries = entries_then(log, world, &step.record.key, ahead);
    why_kept(log, step, &entries, |action| ahead.undoes(action), force)
}

fn why_kept(log: &RunLog, step: &Step, entries: &[String], gone: impl Fn(Seq) -> bool, force: bool) -> Option<String> {
    if entries.is_empty() && force {
        return None;
    }
    match user(log, step.action, &step.record.key, gone) {
        Some(action) => Some(format!("kept, used by {action}")),
        None => entries
            .first()
            .map(|first| format!("kept, \"{}\" in it is of someone else or left out of capture", readable_name(first))),
    }
}

/// What will be in a folder once the steps ahead are done.
fn entries_then(log: &RunLog, world: &World, folder: &Key, ahead: &Ahead) -> Vec<String> {
    let inside = |entry: &str| format!("{}/{}", folder.name, entry.trim_end_matches('/'));
    let mut entries = match world.read(folder) {
        Ok(Value::Directory { entries, .. }) => entries,
        _ => Vec::new(),
    };
    entries.retain(|entry| !ahead.states.contains_key(&inside(entry)));
    let put = |path: &String| ahead.states.get(path).is_some_and(|state| *state != KeyState::Absent);
    log.with(|state| {
        let paths = state.ledger.inside(folder).map(|entry| &entry.record.key.name);
        let names = paths.filter(|path| put(path)).filter_map(|path| path.get(folder.name.len() + 1..));
        entries.extend(names.filter(|name| !name.contains('/')).map(str::to_owned));
    });
    entries.sort();
    entries
}

/// Whether the folder that a path is in will not be there once the steps ahead are done.
pub(super) fn will_be_missing(world: &World, path: &Key, ahead: &Ahead) -> bool {
    let Some((above, _)) = path.name.rsplit_once('/') else { return false };
    let is_folder = match ahead.states.get(above) {
        Some(state) => matches!(state, KeyState::Directory { .. }),
        // What can't be looked at now may be open by then.
        None => world.peek(&Key::directory(above)).map_or(true, |found| matches!(found, Value::Directory { .. })),
    };
    !is_folder
}

/// The newest applied action inside a folder since it was made.
fn user(log: &RunLog, made: Seq, folder: &Key, gone: impl Fn(Seq) -> bool) -> Option<Seq> {
    log.with(|state| {
        let since = state.ledger.inside(folder).filter(|entry| entry.seq > made);
        let users = since.filter(|entry| entry.is_applied() && !gone(entry.seq));
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
    is_empty(world, folder) && user(log, made, folder, |_| false).is_none()
}

/// Whether it will be, once the steps ahead are done.
pub(super) fn will_be_deserted(log: &RunLog, world: &World, made: Seq, folder: &Key, ahead: &Ahead) -> bool {
    matches!(world.peek(folder), Ok(Value::Directory { .. }))
        && entries_then(log, world, folder, ahead).is_empty()
        && user(log, made, folder, |action| ahead.undoes(action)).is_none()
}

/// Whether a folder is there and empty.
pub(super) fn is_empty(world: &World, folder: &Key) -> bool {
    matches!(world.read(folder), Ok(Value::Directory { entries, .. }) if entries.is_empty())
}
