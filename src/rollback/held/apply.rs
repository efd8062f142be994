//! Applies held changes to the workspace.

use std::collections::BTreeSet;
use std::fs::File;
use std::time::SystemTime;

use super::super::capture::{OverlayChanges, Rules};
use super::super::concurrent::changed_at;
use super::super::room::check_puts;
use super::super::row::{outcome_row, replaced_while_read};
use super::super::state::{describe_state, read_state};
use super::super::value::value_of;
use super::chain::{Chain, chains};
use super::clock::{last_look, mark_look};
use super::find::{Shown, find};
use super::{CHANGED_MEANWHILE, HeldLayer, HeldReport};
use crate::model::{ActionChange, KeyState, Seq, TraceBody};
use crate::store::{RunLog, crash_point};
use crate::world::{Put, World, WorldError};

/// More changes than this are synced together instead of one by one.
const MANY: usize = 8;

/// Applies held actions, each path by itself: one that can't be applied stays held, and says why. `actions` are with those
/// that can't stay behind. The caller holds the lock, and the layer has been looked at just now.
///
/// While the agent lives ([`World::view`]), a path is applied only as the agent sees it now.
pub async fn apply_held(
    log: &RunLog,
    world: &World,
    layer: Option<(&HeldLayer, &Rules)>,
    actions: &BTreeSet<Seq>,
) -> HeldReport {
    let mut report = HeldReport::default();
    let all: Vec<Seq> = actions.iter().copied().collect();
    if let Err(error) = world.check_root() {
        report.leave(&all, &format!("failed to {error}"));
        return report;
    }
    let is_live = world.view().is_some();
    let since = layer.and_then(|(layer, _)| last_look(&layer.looked));
    let shown = layer.map(|(layer, rules)| find(log, world, layer, rules, since)).transpose();
    let shown = match shown {
        Ok(shown) => shown,
        Err(error) if is_live => {
            report.leave(&all, &format!("failed to {error}"));
            return report;
        }
        // What is kept of them is enough.
        Err(_) => None,
    };
    let chains = log.with(|state| chains(state, actions));
    let sizes = chains.iter().map(|chain| (size(&chain.new), &chain.old));
    if let Err(why) = check_puts(world, sizes) {
        report.leave(&all, &why);
        return report;
    }
    let applying = Applying { log, world, shown, since, is_live, later: chains.len() > MANY };
    let mut done: Vec<&Chain> = Vec::new();
    for chain in &chains {
        match applying.apply(chain) {
            Ok(()) => done.push(chain),
            Err(why) => report.leave(&chain.actions, &why),
        }
        crash_point("held-applied");
    }
    if applying.later
        && let Err(error) = world.sync()
    {
        let why = format!("it was applied, and a crash may lose it: failed to {error}");
        done.drain(..).for_each(|chain| report.leave(&chain.actions, &why));
    }
    let mut rows: Vec<TraceBody> = done.iter().flat_map(|chain| applied_rows(log, chain)).collect();
    rows.extend(replaced_while_read(world));
    match log.append_durable(rows).durable().await {
        Ok(_) => report.done.extend(done.iter().flat_map(|chain| chain.actions.iter().copied())),
        Err(error) => {
            let why = format!("it was applied, but that is not recorded (apply it again): failed to {error}");
            for chain in &done {
                report.leave(&chain.actions, &why);
            }
        }
    }
    if let Some((layer, _)) = layer {
        // What was changed here is not somebody else's change; without the mark it would count as one.
        drop(mark_look(&layer.looked));
    }
    report
}

struct Applying<'a> {
    log: &'a RunLog,
    world: &'a World,
    shown: Option<Shown>,
    since: Option<SystemTime>,
    is_live: bool,
    later: bool,
}

impl Applying<'_> {
    fn apply(&self, chain: &Chain) -> Result<(), String> {
        let key = &chain.key;
        if chain.left_out.as_deref() == Some(CHANGED_MEANWHILE) {
            return Err(format!("conflict: {CHANGED_MEANWHILE}; discard it, or make the change by hand"));
        }
        let present = read_state(self.world, key).map_err(|error| format!("failed to {error}"))?;
        if self.is_live {
            self.check_shown(chain, &present)?;
        }
        if present == chain.new && chain.new != KeyState::Unknown {
            // It is there already: a crash came between it and its row, or somebody made the same change.
            return Ok(());
        }
        self.check_unchanged(chain, &present)?;
        let source = self.shown.as_ref().map(|shown| &shown.layer);
        let modified = source.and_then(|layer| layer.modified(&key.name).ok());
        let how = Put { later: self.later, modified, irregular: chain.left_out.is_some(), open: false };
        let put = match (value_of(self.log, &chain.new), source) {
            (Ok(value), _) => self.world.put_as(key, &value, how),
            (Err(_), Some(layer)) => {
                let (mut file, mode) = open(layer, &key.name)?;
                self.world.copy(key, &mut file, mode, how)
            }
            (Err(_), None) => return Err("its content was not kept, and the agent's layer is gone".into()),
        };
        put.map_err(|error| match error {
            WorldError::NotEmpty { .. } => {
                "conflict: there is something in the folder that the agent did not remove".to_owned()
            }
            WorldError::Open { by, .. } => format!("conflict: {by} has it open"),
            error => format!("failed to {error}"),
        })
    }

    /// The kernel allows a change below the overlay only where the layer shows the same.
    fn check_shown(&self, chain: &Chain, present: &KeyState) -> Result<(), String> {
        if chain.is_covered {
            return Err("the agent changed it again; apply that with it, or wait until the agent has ended".into());
        }
        let seen = self.shown.as_ref().and_then(|shown| shown.state(&chain.key.name)).unwrap_or(present);
        if *seen == chain.new { Ok(()) } else { Err("the agent is changing it just now".into()) }
    }

    /// Checks that nobody else changed it since the agent did.
    fn check_unchanged(&self, chain: &Chain, present: &KeyState) -> Result<(), String> {
        let is_as_found = match (&chain.old, self.since) {
            (KeyState::Unknown, Some(since)) => {
                changed_at(self.world.root(), &chain.key.name).is_none_or(|at| at < since)
            }
            (KeyState::Unknown, None) => true,
            (old, _) => present == old,
        };
        if is_as_found {
            return Ok(());
        }
        let found = describe_state(present, &chain.old);
        Err(format!(
            "conflict: another program or person changed it since (it is {found}); discard it, or make the change by hand"
        ))
    }
}

fn open(layer: &OverlayChanges, path: &str) -> Result<(File, u32), String> {
    let opened = layer.open(path).map_err(|error| format!("failed to {error}"))?;
    opened.ok_or_else(|| "it is neither file, folder nor link".to_owned())
}

fn applied_rows(log: &RunLog, chain: &Chain) -> Vec<TraceBody> {
    let applied = |action: &Seq| {
        let after = log.with(|state| state.ledger.get(*action).map(|entry| entry.record.intended.clone()));
        let after = after.unwrap_or(KeyState::Unknown);
        let kept = matches!(&after, KeyState::File { blob, .. } if log.recorder().blob_on_disk(*blob).is_some());
        outcome_row(*action, ActionChange::Applied { after, kept })
    };
    chain.actions.iter().map(applied).collect()
}

fn size(state: &KeyState) -> u64 {
    if let KeyState::File { size, .. } = state { *size } else { 0 }
}
