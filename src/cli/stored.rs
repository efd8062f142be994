//! A stored run, opened with its world.

use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;

use super::made_elsewhere::{NeedsWorkspace, moved_note, note};
use super::text::{eprint_line, shorten_reason};
use crate::model::{SpanId, TraceEvent};
use crate::rollback;
use crate::rollback::capture::Rules;
use crate::runtime::{self, Review};
use crate::store::{Access, DataDir, Look, Opened, RunFolder, RunLog};
use crate::world::{Scope, World};

/// A stored run, opened with its world.
pub(super) struct Stored {
    /// Its folder.
    pub folder: RunFolder,
    /// Its log.
    pub log: RunLog,
    /// Its workspace and memory.
    pub world: World,
    /// The paths that capture leaves out, where it was opened to change something.
    pub rules: Option<Rules>,
}

impl Stored {
    /// Opens the run that `part` of an id names, to look at it. `workspace`: where its workspace is now.
    pub fn look(data: &DataDir, part: &str, workspace: Option<&Path>) -> color_eyre::Result<Self> {
        let (folder, Look { log, .. }) = look(data, part)?;
        Self::with_world(data, folder, log, workspace)
    }

    /// Opens the run that `part` of an id names, to undo it. Finishes and prints what a killed process left half-done.
    /// `confirmed`: the workspace that the user has named; without one, a run that was made elsewhere is refused.
    pub async fn open(data: &DataDir, part: &str, confirmed: Option<&Path>) -> color_eyre::Result<Self> {
        let folder = data.find(part).map_err(|error| eyre!("failed to {error}"))?;
        let confirmed = confirmed.map(|named| confirmed_workspace(data, named)).transpose()?;
        let opened = match &confirmed {
            Some(workspace) => folder.open_confirmed(Box::new(|_| {}), workspace, Some(&mut |_| true)),
            None => folder.open_watched(Box::new(|_| {}), Access::ReadWrite, &mut |_| true),
        };
        let Opened { log, damage, events, foreign } = opened.map_err(|error| eyre!("failed to {error}"))?;
        if !damage.is_empty() {
            return Err(eyre!(
                "failed to open run {} for changes: its log is damaged: {}. Look at it with `tama-tui runs show`, or \
                 recover it with `tama-tui runs recover {}`, and then undo it.",
                folder.id(),
                damage.join("; "),
                folder.id()
            ));
        }
        if let Some(why) = foreign {
            let workspace = folder.workspace(&log).map_err(|error| eyre!("failed to {error}"))?;
            return Err(NeedsWorkspace::new(&folder, &why, &workspace, "undo", "").into());
        }
        let recorded = log.with(|state| state.workspace.clone());
        if let Some(line) = confirmed.as_deref().and_then(|named| moved_note(&recorded, named)) {
            eprint_line(&line);
        }
        let mut stored = Self::with_world(data, folder, log, confirmed.as_deref())?;
        let rules = runtime::rules(&runtime::capture_of(&stored.log, &events), Some(data.path()));
        stored.finish_interrupted(&rules).await;
        stored.rules = Some(rules);
        Ok(stored)
    }

    /// Opens the world of an opened run. `workspace`: where its workspace is now.
    pub fn with_world(
        data: &DataDir,
        folder: RunFolder,
        log: RunLog,
        workspace: Option<&Path>,
    ) -> color_eyre::Result<Self> {
        let workspace = match workspace {
            Some(workspace) => workspace.to_owned(),
            None => PathBuf::from(folder.workspace(&log).map_err(|error| eyre!("failed to {error}"))?),
        };
        let world = World::open(&workspace, Some(data.path())).map_err(|error| eyre!("failed to {error}"))?;
        world.load_memory(log.with(|state| state.ledger.clone()));
        if let Some(line) = runtime::neighbours(data, folder.id(), &world) {
            eprint_line(&line);
        }
        Ok(Self { folder, log, world, rules: None })
    }

    async fn finish_interrupted(&self, rules: &Rules) {
        let Self { folder, log, world, .. } = self;
        let _guard = world.lock(&Scope::All, "opening").await;
        let settled = rollback::resolve_interrupted_actions(log, world).await;
        let review = Review::of_run(folder);
        let held = match &review {
            Some(review) => rollback::recover_held(log, world, review.layer().as_ref(), folder.path(), rules).await,
            None => Vec::new(),
        };
        let recovered = rollback::resolve_interrupted_commands(log, world, folder.path(), rules).await;
        settled.iter().chain(&held).chain(&recovered).for_each(|line| eprint_line(&shorten_reason(line)));
    }

    /// Writes the manifest and closes the log.
    pub fn close(self) -> color_eyre::Result<()> {
        let follow = self.folder.update_manifest(|manifest| self.log.with(|state| manifest.follow(state)));
        self.log.close().map_err(|error| eyre!("failed to {error}"))?;
        follow.map_err(|error| eyre!("failed to {error}"))?;
        Ok(())
    }
}

/// The workspace that the user has named, absolute and without links.
///
/// # Errors
/// When it can't be a workspace.
pub(super) fn confirmed_workspace(data: &DataDir, named: &Path) -> color_eyre::Result<PathBuf> {
    let world = World::open(named, Some(data.path())).map_err(|error| eyre!("failed to {error}"))?;
    Ok(world.root().to_owned())
}

/// Opens the run that `part` of an id names, to look at it. Prints damage, and that it was made elsewhere.
pub(super) fn look(data: &DataDir, part: &str) -> color_eyre::Result<(RunFolder, Look)> {
    let folder = data.find(part).map_err(|error| eyre!("failed to {error}"))?;
    let look = folder.look().map_err(|error| eyre!("failed to {error}"))?;
    for line in &look.damage {
        eprint_line(&format!("damaged: {line}"));
    }
    if let Some(why) = &look.foreign {
        eprint_line(&note(why));
    }
    Ok((folder, look))
}

/// Opens the log of the run that `part` of an id names to look at it, with its events. Prints damage, and that it was
/// made elsewhere.
pub(super) fn open_log(data: &DataDir, part: &str) -> color_eyre::Result<(RunFolder, RunLog, Vec<TraceEvent>)> {
    let folder = data.find(part).map_err(|error| eyre!("failed to {error}"))?;
    let opened = folder.open(Box::new(|_| {}), Access::ReadOnly);
    let Opened { log, damage, events, foreign } = opened.map_err(|error| eyre!("failed to {error}"))?;
    for line in damage {
        eprint_line(&format!("damaged: {line}"));
    }
    if let Some(why) = &foreign {
        eprint_line(&note(why));
    }
    Ok((folder, log, events))
}

/// Finds a span by `s12` or by its path (its newest try).
pub(super) fn find_span(log: &RunLog, written: &str) -> color_eyre::Result<SpanId> {
    log.with(|state| state.trace.find(written)).ok_or_else(|| {
        eyre!("failed to find span {written:?} in this run. `tama-tui runs show` lists them: s12, or a path such as editor/writer#2.")
    })
}
