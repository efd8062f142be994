//! Orders changes so that they can be made one by one, and undone backwards.

use std::collections::{HashMap, HashSet};

use super::changed::Changed;
use crate::model::KeyState;
use crate::world::path::ROOT;

/// Owner permissions that a folder needs, so that an entry can be created or removed.
const WRITABLE: u32 = 0o700;
/// Owner permissions that a folder needs, so that a path below it can be reached.
const PASSABLE: u32 = 0o100;

/// Orders changes so that each can be made by itself: a folder is created before and removed after its entries, and is
/// writable meanwhile.
///
/// First folders that were closed to their owner are opened, then what is gone is removed (children first), then
/// everything else is made (parents first), and last folders get the permissions that they end up with. So a folder
/// may come twice or three times, each time going on from the state that the time before left.
///
/// `mode_of` returns the permission bits of a folder that is no change itself, `None` when there is none.
#[must_use]
pub fn order(mut changes: Vec<Changed>, mode_of: impl Fn(&str) -> Option<u32>) -> Vec<Changed> {
    let needs = needs(&changes);
    let listed: HashSet<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    let same = needs.iter().filter(|(path, _)| !listed.contains(path.as_str()));
    let shut = same.filter_map(|(path, need)| {
        let state = KeyState::Directory { mode: mode_of(path).filter(|mode| mode & need != *need)? };
        Some(Changed { path: path.clone(), old: state.clone(), new: state, left_out: None })
    });
    let shut: Vec<Changed> = shut.collect();
    changes.extend(shut);
    let (mut opened, mut removed, mut made, mut closed) = (vec![], vec![], vec![], vec![]);
    for mut change in changes {
        let need = needs.get(&change.path).copied().unwrap_or(0);
        if need != 0 && change.left_out.is_none() {
            if let Some(before) = opening(&mut change, need) {
                opened.push(before);
            }
            if let Some(after) = closing(&mut change, need) {
                closed.push(after);
            }
            if change.old == change.new {
                continue;
            }
        }
        if change.new == KeyState::Absent { removed.push(change) } else { made.push(change) }
    }
    let by_path = |a: &Changed, b: &Changed| a.path.cmp(&b.path);
    opened.sort_by(by_path);
    removed.sort_by(|a, b| by_path(b, a));
    made.sort_by(by_path);
    closed.sort_by(|a, b| by_path(b, a));
    [opened, removed, made, closed].concat()
}

/// Returns the owner permissions that each folder with changes in or below it needs.
fn needs(changes: &[Changed]) -> HashMap<String, u32> {
    let mut needs = HashMap::new();
    let mut passed = HashSet::new();
    // The workspace's own permission bits count when they are a change themselves.
    if changes.iter().any(|change| change.path == ROOT) && changes.len() > 1 {
        needs.insert(ROOT.to_owned(), WRITABLE);
    }
    for change in changes.iter().filter(|change| change.left_out.is_none()) {
        // The mode of a folder can be set without writing to the folder that it is in.
        let sets_mode = is_folder(&change.old) && is_folder(&change.new);
        let mut need = if sets_mode { PASSABLE } else { WRITABLE };
        let mut path = change.path.as_str();
        while let Some((above, _)) = path.rsplit_once('/') {
            if need == PASSABLE && !passed.insert(above.to_owned()) {
                break;
            }
            *needs.entry(above.to_owned()).or_insert(0) |= need;
            need = PASSABLE;
            path = above;
        }
    }
    needs
}

fn is_folder(state: &KeyState) -> bool {
    matches!(state, KeyState::Directory { .. })
}

/// Splits off the row that opens a folder that was closed.
fn opening(change: &mut Changed, need: u32) -> Option<Changed> {
    let KeyState::Directory { mode } = change.old else { return None };
    if mode & need == need {
        return None;
    }
    let before = Changed { new: KeyState::Directory { mode: mode | WRITABLE }, ..change.clone() };
    change.old = before.new.clone();
    Some(before)
}

/// Splits off the row that closes a folder that ends up closed.
fn closing(change: &mut Changed, need: u32) -> Option<Changed> {
    let KeyState::Directory { mode } = change.new else { return None };
    if mode & need == need {
        return None;
    }
    // A folder that was there before goes on as it is until then.
    let meanwhile = match &change.old {
        KeyState::Directory { .. } => change.old.clone(),
        _ => KeyState::Directory { mode: mode | WRITABLE },
    };
    let after = Changed { old: meanwhile.clone(), ..change.clone() };
    change.new = meanwhile;
    Some(after)
}
