//! Orders changes so that they can be applied one by one, and undone in reverse order.

use std::collections::{HashMap, HashSet};

use super::changed::Changed;
use crate::model::KeyState;
use crate::world::path::ROOT;

/// The owner permissions that a folder needs while an entry is created or removed in it.
const WRITABLE: u32 = 0o700;
/// The owner permission that a folder needs while a path below it is used.
const PASSABLE: u32 = 0o100;

/// Orders changes so that each can be applied by itself: a folder is created before its entries, removed after them,
/// and writable in between.
///
/// The order has four parts:
/// 1. Opens the folders whose permission bits keep their owner from changing what is below them, parents first.
/// 2. Removes paths, children first.
/// 3. Creates and changes paths, parents first.
/// 4. Closes folders: gives them the permission bits of their after-image, children first.
///
/// So one folder can have up to three changes. The before-image of each is the after-image of the one before it.
///
/// `mode_of` returns the permission bits of a folder that is not among the changes, or `None` when there is no folder.
#[must_use]
pub fn order(mut changes: Vec<Changed>, mode_of: impl Fn(&str) -> Option<u32>) -> Vec<Changed> {
    let needs = permissions_needed(&changes);
    let listed: HashSet<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    let unlisted = needs.iter().filter(|(path, _)| !listed.contains(path.as_str()));
    let to_open = unlisted.filter_map(|(path, need)| {
        let state = KeyState::Directory { mode: mode_of(path).filter(|mode| mode & need != *need)? };
        Some(Changed { path: path.clone(), old: state.clone(), new: state, left_out: None, moved: None })
    });
    let to_open: Vec<Changed> = to_open.collect();
    changes.extend(to_open);
    let (mut opened, mut removed, mut made, mut closed) = (vec![], vec![], vec![], vec![]);
    for mut change in changes {
        let need = needs.get(&change.path).copied().unwrap_or(0);
        if need != 0 && change.left_out.is_none() {
            if let Some(before) = split_opening(&mut change, need) {
                opened.push(before);
            }
            if let Some(after) = split_closing(&mut change, need) {
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

/// Returns the owner permissions that each folder with changes below it needs.
fn permissions_needed(changes: &[Changed]) -> HashMap<String, u32> {
    let mut needs = HashMap::new();
    let mut passable = HashSet::new();
    // The loop below never reaches the workspace itself: it needs permissions only when it is among the changes.
    if changes.iter().any(|change| change.path == ROOT) && changes.len() > 1 {
        needs.insert(ROOT.to_owned(), WRITABLE);
    }
    for change in changes.iter().filter(|change| change.left_out.is_none()) {
        // Setting a folder's permission bits needs no write permission in its parent.
        let sets_mode = is_folder(&change.old) && is_folder(&change.new);
        let mut need = if sets_mode { PASSABLE } else { WRITABLE };
        let mut path = change.path.as_str();
        while let Some((above, _)) = path.rsplit_once('/') {
            if need == PASSABLE && !passable.insert(above.to_owned()) {
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

/// Splits off the change that opens a folder whose before-image lacks a needed permission.
fn split_opening(change: &mut Changed, need: u32) -> Option<Changed> {
    let KeyState::Directory { mode } = change.old else { return None };
    if mode & need == need {
        return None;
    }
    let before = Changed { new: KeyState::Directory { mode: mode | WRITABLE }, ..change.clone() };
    change.old = before.new.clone();
    Some(before)
}

/// Splits off the change that closes a folder whose after-image lacks a needed permission.
fn split_closing(change: &mut Changed, need: u32) -> Option<Changed> {
    let KeyState::Directory { mode } = change.new else { return None };
    if mode & need == need {
        return None;
    }
    // Until it is closed, an existing folder keeps the permission bits that it has (those of the opening, if any).
    let meanwhile = match &change.old {
        KeyState::Directory { .. } => change.old.clone(),
        _ => KeyState::Directory { mode: mode | WRITABLE },
    };
    let after = Changed { old: meanwhile.clone(), ..change.clone() };
    change.new = meanwhile;
    Some(after)
}
