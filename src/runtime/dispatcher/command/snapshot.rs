//! Capture mode snapshot: the command has the workspace alone, which is compared with a snapshot of before.

use super::super::exec::{Done, ToolRun};
use super::outside::first_of;
use super::{NotRun, SnapshotFolders, answer, left_out, stopped};
use crate::effects::confine::{Job, ShellRun};
use crate::effects::tools::ShellCall;
use crate::model::{ActionRecord, BlobHash, CaptureMode, EffectClass, Seq};
use crate::rollback::capture::{CaptureError, Changed, Snapshots};
use crate::rollback::{ActError, keep_left_file, read_snapshot_image, record_applied};
use crate::world::{Protected, Scope};

impl ToolRun {
    pub(super) async fn run_snapshot(
        &self,
        call: &ShellCall,
        effect: EffectClass,
        folders: &SnapshotFolders,
    ) -> Result<Done, NotRun> {
        let Some(_guard) = self.lock_unless_stopped(&Scope::Shell).await else { return Ok(stopped()) };
        self.check_recorded()?;
        let before = match first_of(call) {
            Some(first) => {
                let (ran, _) = self.captured(&first, EffectClass::Read, None, folders).await?;
                Some(self.printed_before(&first, ran.outcome)?)
            }
            None => None,
        };
        let outside = self.outside(call, effect, before)?;
        let (ran, said) = self.captured(call, effect, outside, folders).await?;
        Ok(answer(&ran, said.as_deref()))
    }

    /// Fails while the changes of an earlier command are not recorded.
    pub(super) fn check_recorded(&self) -> Result<(), ActError> {
        if self.log.with(|state| state.commands.values().any(|open| open.capture == CaptureMode::Snapshot)) {
            let why = "the changes of an earlier command are not recorded yet; open the run again to record them";
            return Err(ActError::NotFound(why.into()));
        }
        Ok(())
    }

    /// Runs a command between two looks at the workspace, and records what it changed; which of it can't be undone.
    async fn captured(
        &self,
        call: &ShellCall,
        effect: EffectClass,
        outside: Option<ActionRecord>,
        folders: &SnapshotFolders,
    ) -> Result<(ShellRun, Option<String>), NotRun> {
        let snapshot = self.snapshot(folders).await?;
        let ended = Some(Snapshots::end_mark(&folders.run));
        let read_only = Protected::look_up(&self.own_files).real_paths().cloned().collect();
        let job = Job { overlay: false, end_mark: ended, read_only, ..call.job() };
        let (started, ran) = self.execute_after(job, self.start(call, outside, Some(snapshot))).await?;
        self.outside_ended(&started, call, effect, &ran);
        let said = self.record_changes(started.command).await?;
        Ok((ran, said))
    }

    /// Everything in the workspace is kept; returns the name of the list of it.
    pub(super) async fn snapshot(&self, folders: &SnapshotFolders) -> Result<BlobHash, ActError> {
        let (services, folders) = (self.services.clone(), folders.clone());
        let take = move || {
            let mut held = services.commands.snapshots.blocking_lock();
            let snapshots = match &mut *held {
                Some(snapshots) => snapshots,
                none => {
                    let rules = services.commands.rules.clone();
                    none.insert(Snapshots::open(&folders.store, &folders.run, services.world.root(), rules)?)
                }
            };
            snapshots.take()
        };
        blocking(take).await
    }

    /// Finds what the command changed, and records it; which of it can't be undone.
    pub(super) async fn record_changes(&self, command: Seq) -> Result<Option<String>, ActError> {
        let changes = self.find_changes().await?;
        self.record_found(command, changes).await
    }

    /// Finds what has changed since the snapshot.
    pub(super) async fn find_changes(&self) -> Result<Vec<Changed>, ActError> {
        let services = self.services.clone();
        let look = move || {
            let mut held = services.commands.snapshots.blocking_lock();
            held.as_mut().map_or(Ok(Vec::new()), Snapshots::changes)
        };
        blocking(look).await
    }

    /// Records the changes that were found last, and closes the command; which of it can't be undone.
    pub(super) async fn record_found(&self, command: Seq, changes: Vec<Changed>) -> Result<Option<String>, ActError> {
        let mut held = self.services.commands.snapshots.lock().await;
        let Some(snapshots) = held.as_mut() else { return Ok(None) };
        let said = left_out(&changes);
        let before = |changed: &Changed| read_snapshot_image(snapshots, changed);
        let left = |changed: &Changed| (changed.new.clone(), keep_left_file(&self.log, &self.services.world, changed));
        record_applied(&self.log, &self.origin, command, changes, &before, &left).await?;
        snapshots.close().map_err(|error| ActError::NotFound(format!("failed to {error}")))?;
        Ok(said)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CaptureError> + Send + 'static,
) -> Result<T, ActError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| ActError::NotFound(error.to_string()))?;
    done.map_err(|error| ActError::NotFound(format!("failed to {error}")))
}
