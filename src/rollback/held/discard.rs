//! Discards held changes; while the agent lives, in its view too.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::ffi::OsStringExt as _;

use super::super::row::outcome_row;
use super::super::state::read_state;
use super::super::value::value_of;
use super::HeldReport;
use super::chain::{Chain, chains};
use crate::model::{ActionChange, KeyState, Seq, TraceBody, name_to_bytes};
use crate::store::{RunLog, crash_point};
use crate::world::{Put, World};

/// Why a held change is not in the workspace.
const BY_USER: &str = "the user discarded it";

/// Discards held actions, each path by itself: one that can't be taken from the agent's view stays held, and says why.
/// `actions` are with those that can't stay without them. The caller holds the lock, and the layer has been looked at just
/// now.
pub async fn discard_held(log: &RunLog, world: &World, actions: &BTreeSet<Seq>) -> HeldReport {
    let mut report = HeldReport::default();
    let mut chains = log.with(|state| chains(state, actions));
    // What was made last goes first.
    chains.reverse();
    let mut done: Vec<&Chain> = Vec::new();
    for chain in &chains {
        let put_back = world.view().map_or(Ok(()), |view| put_back(log, world, &view, chain));
        match put_back {
            Ok(()) => done.push(chain),
            Err(why) => report.leave(&chain.actions, &why),
        }
        crash_point("held-discarded");
    }
    let actions = done.iter().flat_map(|chain| chain.actions.iter());
    let discarded = |action: &Seq| outcome_row(*action, ActionChange::Discarded { why: BY_USER.into() });
    let rows: Vec<TraceBody> = actions.clone().map(discarded).collect();
    match log.append_durable(rows).durable().await {
        Ok(_) => report.done.extend(actions.copied()),
        Err(error) => {
            let why = format!("it was discarded, but that is not recorded: failed to {error}");
            for chain in &done {
                report.leave(&chain.actions, &why);
            }
        }
    }
    report
}

/// Gives the agent's view of a path the state of before.
fn put_back(log: &RunLog, world: &World, view: &World, chain: &Chain) -> Result<(), String> {
    let key = &chain.key;
    let failed = |error: &dyn std::fmt::Display| format!("failed to {error}");
    let seen = read_state(view, key).map_err(|error| failed(&error))?;
    if seen != chain.new && chain.new != KeyState::Unknown {
        return Err("the agent is changing it just now".into());
    }
    let how = Put { irregular: true, open: true, ..Put::default() };
    // The workspace may have another state by now: then the agent sees that one.
    let target = if chain.is_from_the_first {
        read_state(world, key).map_err(|error| failed(&error))?
    } else {
        chain.old.clone()
    };
    if target == seen && target != KeyState::Unknown {
        return Ok(());
    }
    if let (true, KeyState::File { mode, .. }) = (chain.is_from_the_first, &target) {
        let path = world.root().join(std::ffi::OsString::from_vec(name_to_bytes(&key.name)));
        let mut file = File::open(path).map_err(|error| format!("failed to open it: {error}"))?;
        return view.copy(key, &mut file, *mode, how).map_err(|error| failed(&error));
    }
    let value = value_of(log, &target)?;
    view.put_as(key, &value, how).map_err(|error| failed(&error))
}
