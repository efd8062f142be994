//! A stored run, opened with its world.

use std::path::Path;

use color_eyre::eyre::eyre;

use super::text::{eprint_line, shorten_reason};
use crate::model::{SpanId, TraceEvent};
use crate::rollback;
use crate::runtime;
use crate::store::{Access, DataDir, Look, Opened, RunFolder, RunLog, StoreError};
use crate::world::{Scope, World};

/// A stored run, opened with its world.
pub(super) struct Stored {
    /// Its folder.
    pub folder: RunFolder,
    /// Its log.
    pub log: RunLog,
    /// Its workspace and memory.
    pub world: World,
}

impl Stored {
    /// Opens the run that `part` of an id names. Finishes and prints what a killed process left half-done.
    pub async fn open(data: &DataDir, part: &str, access: Access) -> color_eyre::Result<Self> {
        if access == Access::ReadOnly {
            let (folder, Look { log, events, .. }) = look(data, part)?;
            return Self::with_world(data, folder, log, &events, access).await;
        }
        let folder = data.find(part).map_err(|error| eyre!("failed to {error}"))?;
        let opened = folder.open_watched(Box::new(|_| {}), access, &mut |_| true);
        let (log, events) = usable(opened, &folder, access)?;
        Self::with_world(data, folder, log, &events, access).await
    }

    /// Opens the world of an opened run.
    pub async fn with_world(
        data: &DataDir,
        folder: RunFolder,
        log: RunLog,
        events: &[TraceEvent],
        access: Access,
    ) -> color_eyre::Result<Self> {
        let workspace = folder.workspace(&log).map_err(|error| eyre!("failed to {error}"))?;
        let world =
            World::open(Path::new(&workspace), Some(data.path())).map_err(|error| eyre!("failed to {error}"))?;
        world.load_memory(log.with(|state| state.ledger.clone()));
        if let Some(line) = runtime::neighbours(data, folder.id(), &world) {
            eprint_line(&line);
        }
        if access == Access::ReadWrite {
            let _guard = world.lock(&Scope::All, "opening").await;
            let settled = rollback::resolve_interrupted_actions(&log, &world).await;
            let rules = runtime::rules(&runtime::capture_of(&log, events), Some(data.path()));
            let recovered = rollback::resolve_interrupted_commands(&log, &world, folder.path(), &rules).await;
            settled.iter().chain(&recovered).for_each(|line| eprint_line(&shorten_reason(line)));
        }
        Ok(Self { folder, log, world })
    }

    /// Writes the manifest and closes the log.
    pub fn close(self) -> color_eyre::Result<()> {
        let follow = self.folder.update_manifest(|manifest| self.log.with(|state| manifest.follow(state)));
        self.log.close().map_err(|error| eyre!("failed to {error}"))?;
        follow.map_err(|error| eyre!("failed to {error}"))?;
        Ok(())
    }
}

/// Opens the run that `part` of an id names, to look at it. Prints damage.
pub(super) fn look(data: &DataDir, part: &str) -> color_eyre::Result<(RunFolder, Look)> {
    let folder = data.find(part).map_err(|error| eyre!("failed to {error}"))?;
    let look = folder.look().map_err(|error| eyre!("failed to {error}"))?;
    for line in &look.damage {
        eprint_line(&format!("damaged: {line}"));
    }
    Ok((folder, look))
}

/// Opens the log of the run that `part` of an id names, with its events. Prints damage; a damaged log can only be
/// read.
pub(super) fn open_log(
    data: &DataDir,
    part: &str,
    access: Access,
) -> color_eyre::Result<(RunFolder, RunLog, Vec<TraceEvent>)> {
    let folder = data.find(part).map_err(|error| eyre!("failed to {error}"))?;
    let (log, events) = usable(folder.open(Box::new(|_| {}), access), &folder, access)?;
    Ok((folder, log, events))
}

/// Prints the damage of an opened run; a damaged log can only be read.
fn usable(
    opened: Result<Opened, StoreError>,
    folder: &RunFolder,
    access: Access,
) -> color_eyre::Result<(RunLog, Vec<TraceEvent>)> {
    let Opened { log, damage, events } = opened.map_err(|error| eyre!("failed to {error}"))?;
    if access == Access::ReadWrite && !damage.is_empty() {
        return Err(eyre!(
            "failed to open run {} for changes: its log is damaged: {}. Look at it with `tama-tui runs show`, or recover \
             it with `tama-tui runs recover {}`, and then undo it.",
            folder.id(),
            damage.join("; "),
            folder.id()
        ));
    }
    for line in damage {
        eprint_line(&format!("damaged: {line}"));
    }
    Ok((log, events))
}

/// Finds a span by `s12` or by its path (its newest try).
pub(super) fn find_span(log: &RunLog, written: &str) -> color_eyre::Result<SpanId> {
    log.with(|state| state.trace.find(written)).ok_or_else(|| {
        eyre!("failed to find span {written:?} in this run. `tama-tui runs show` lists them: s12, or a path such as editor/writer#2.")
    })
}
