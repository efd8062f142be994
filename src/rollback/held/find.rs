//! Finds what a layer shows that is not recorded yet.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use super::super::capture::{CaptureError, Changed, OverlayChanges, Rules, order, overlay_changes_since};
use super::super::concurrent::changed_at;
use super::super::state::read_state;
use super::{CHANGED_MEANWHILE, HeldLayer};
use crate::model::{ActionStatus, Key, KeyState, LedgerEntry, RunState};
use crate::store::RunLog;
use crate::world::World;

/// The contents of a layer.
pub(super) struct Shown {
    /// The changes that are not recorded yet, in an order in which it can be applied.
    pub new: Vec<Changed>,
    /// The state of every path in which it differs from the workspace.
    states: HashMap<String, KeyState>,
    /// Reads its files.
    pub layer: OverlayChanges,
}

impl Shown {
    /// The state in which the agent sees a path; `None`: as the workspace has it.
    pub fn state(&self, path: &str) -> Option<&KeyState> {
        self.states.get(path)
    }
}

/// Compares a layer with the log. `since`: the time of the last look; what others changed later counts as theirs.
pub(super) fn find(
    log: &RunLog,
    world: &World,
    layer: &HeldLayer,
    rules: &Rules,
    since: Option<SystemTime>,
) -> Result<Shown, CaptureError> {
    let mut found = overlay_changes_since(world.root(), &layer.upper, rules, &layer.known)?;
    let net = net(std::mem::take(&mut found.changes));
    let (mut known, held) = log.with(|state| (known_states(state, net.keys()), held_states(state)));
    let states = net.iter().map(|(path, changed)| (path.clone(), changed.new.clone())).collect();
    let mut new = Vec::new();
    // What is in neither is as the workspace has it: the agent took its change back.
    let taken_back = held.into_iter().filter(|(path, _)| !net.contains_key(path));
    for (path, before) in taken_back {
        let Ok(now) = read_state(world, &Key::file(path.clone())) else { continue };
        if now != before && before != KeyState::Unknown {
            new.push(Changed { path, old: before, new: now, left_out: None, moved: None });
        }
    }
    for (path, changed) in net {
        let before = known.remove(&path);
        let is_new = match &before {
            Some(before) => *before != changed.new,
            None => changed.old != changed.new || changed.new == KeyState::Unknown,
        };
        if !is_new {
            continue;
        }
        let by_others = before.is_none()
            && since.is_some_and(|since| changed_at(world.root(), &path).is_some_and(|at| at >= since));
        if by_others && found.hidden.contains(&path) {
            // Made by somebody else where the agent had removed the folder: the agent never saw it.
            continue;
        }
        new.push(match before {
            Some(old) => Changed { old, ..changed },
            None if by_others => {
                Changed { old: KeyState::Unknown, left_out: Some(CHANGED_MEANWHILE.into()), ..changed }
            }
            None => changed,
        });
    }
    let mode_of = |path: &str| match read_state(world, &Key::directory(path)) {
        Ok(KeyState::Directory { mode }) => Some(mode),
        _ => None,
    };
    Ok(Shown { new: order(new, mode_of), states, layer: found })
}

/// One change for each path. Those of large files that were only renamed are a removal and a new file.
fn net(changes: Vec<Changed>) -> BTreeMap<String, Changed> {
    let mut net: BTreeMap<String, Changed> = BTreeMap::new();
    for mut changed in changes {
        if changed.moved.take().is_some() {
            let why = "it is too large to be kept";
            changed.left_out.get_or_insert_with(|| why.to_owned());
            for state in [&mut changed.old, &mut changed.new] {
                if matches!(state, KeyState::File { .. }) {
                    *state = KeyState::Unknown;
                }
            }
        }
        match net.get_mut(&changed.path) {
            Some(earlier) => earlier.new = changed.new,
            None => drop(net.insert(changed.path.clone(), changed)),
        }
    }
    net
}

/// The states in which the recorded actions of the run leave paths, as the agent sees them.
fn known_states<'a>(state: &RunState, paths: impl Iterator<Item = &'a String>) -> HashMap<String, KeyState> {
    let known = |path: &String| {
        let newest = state.ledger.all_at(&Key::file(path.clone())).next_back()?;
        Some((path.clone(), left_by(newest)))
    };
    paths.filter_map(known).collect()
}

/// The state in which an action leaves its key; one that was discarded leaves what was there before.
fn left_by(entry: &LedgerEntry) -> KeyState {
    match entry.status {
        ActionStatus::Held => entry.record.intended.clone(),
        ActionStatus::NotApplied | ActionStatus::Undone => entry.record.old.clone(),
        ActionStatus::Intent | ActionStatus::Applied => entry.after.clone(),
    }
}

/// The states in which held actions leave paths.
fn held_states(state: &RunState) -> HashMap<String, KeyState> {
    let mut held: Vec<&LedgerEntry> =
        state.held.values().flatten().filter_map(|action| state.ledger.get(*action)).collect();
    held.sort_by_key(|entry| entry.seq);
    held.into_iter().map(|entry| (entry.record.key.name.clone(), entry.record.intended.clone())).collect()
}
