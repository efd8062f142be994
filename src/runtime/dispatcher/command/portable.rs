//! The portable lane: the command has the workspace alone, which is compared with a snapshot of before.

use super::super::exec::{Done, ToolRun};
use super::{NotRun, Places, answer, left_out, stopped};
use crate::effects::tools::ShellCall;
use crate::model::{BlobHash, EffectClass, Lane};
use crate::rollback::capture::{CaptureError, Changed, Snapshots};
use crate::rollback::{ActError, command_ended, kept, record_done};
use crate::world::Scope;

impl ToolRun {
    pub(super) async fn run_portable(
        &self,
        call: &ShellCall,
        effect: EffectClass,
        places: &Places,
    ) -> Result<Done, NotRun> {
        let Some(_guard) = self.lock_unless_stopped(Scope::Shell).await else { return Ok(stopped()) };
        if self.log.with(|state| state.commands.values().any(|open| open.lane == Lane::Portable)) {
            let why = "the changes of a command before it are not on record yet; open the run again, and they will be";
            return Err(ActError::NotFound(why.into()).into());
        }
        let snapshot = self.snapshot(places).await?;
        let started = self.start(call, effect, Some(snapshot)).await?;
        let ran = self.execute(call, false).await;
        self.outside_ended(&started, call, &ran);
        let said = self.record_changes().await?;
        command_ended(&self.log, started.command, None);
        Ok(answer(&ran, said.as_deref()))
    }

    /// Everything in the workspace is kept; returns the name of the list of it.
    async fn snapshot(&self, places: &Places) -> Result<BlobHash, ActError> {
        let (means, places) = (self.means.clone(), places.clone());
        let take = move || {
            let mut held = means.commands.snapshots.blocking_lock();
            let snapshots = match &mut *held {
                Some(snapshots) => snapshots,
                none => {
                    let rules = means.commands.rules.clone();
                    none.insert(Snapshots::open(&places.store, &places.run, means.world.root(), rules)?)
                }
            };
            snapshots.take()
        };
        blocking(take).await
    }

    /// Finds what the command changed, and records it; which of it can't be undone.
    async fn record_changes(&self) -> Result<Option<String>, ActError> {
        let means = self.means.clone();
        let look = move || {
            let mut held = means.commands.snapshots.blocking_lock();
            held.as_mut().map_or(Ok(Vec::new()), Snapshots::changes)
        };
        let changes: Vec<Changed> = blocking(look).await?;
        let mut held = self.means.commands.snapshots.lock().await;
        let Some(snapshots) = held.as_mut() else { return Ok(None) };
        let said = left_out(&changes);
        record_done(&self.log, &self.doer, changes, &|changed| kept(snapshots, changed)).await?;
        snapshots.settled().map_err(|error| ActError::NotFound(format!("failed to {error}")))?;
        Ok(said)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CaptureError> + Send + 'static,
) -> Result<T, ActError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| ActError::NotFound(error.to_string()))?;
    done.map_err(|error| ActError::NotFound(format!("failed to {error}")))
}
