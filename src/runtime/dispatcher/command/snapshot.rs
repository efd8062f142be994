//! Capture mode snapshot: the command has the workspace alone, which is compared with a snapshot of before.

use super::super::exec::{Done, ToolRun};
use super::outside::first_of;
use super::{NotRun, SnapshotFolders, answer, left_out, stopped};
use crate::effects::confine::{Job, ShellRun};
use crate::effects::tools::ShellCall;
use crate::model::{ActionRecord, BlobHash, CaptureMode, EffectClass, KeyState, PROGRAM, Seq, SpanId};
use crate::rollback::capture::{CaptureError, Changed, Snapshots};
use crate::rollback::{ActError, Origin, keep_left_file, read_snapshot_image, record_applied};
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

    /// Does the same for an agent of another program, whose processes may change the workspace at any time: what changed
    /// since the last look is recorded as actions of `line`.
    pub(super) async fn snapshot_following(&self, folders: &SnapshotFolders, line: &str) -> Result<BlobHash, NotRun> {
        let services = self.services.clone();
        let missing = || CaptureError::Missing("the snapshots".into());
        // The first one opens the store.
        if self.services.commands.snapshots.lock().await.is_none() {
            return Ok(self.snapshot(folders).await?);
        }
        let take = move || {
            let mut held = services.commands.snapshots.blocking_lock();
            held.as_mut().ok_or_else(missing)?.take_following()
        };
        let (hash, mut missed) = blocking(take).await?;
        missed.changes.retain(|changed| {
            let recorded = self.log.with(|state| state.ledger.recorded_state(&changed.key()));
            recorded.as_ref() != Some(&changed.new)
        });
        if !missed.changes.is_empty() {
            let started = self.start_line(line.to_owned(), None, Some(hash)).await?;
            let changes = std::mem::take(&mut missed.changes);
            let before = |changed: &Changed| {
                let KeyState::File { blob, .. } = &changed.old else { return Err("it was not a file".into()) };
                let kept = missed.before(*blob).map(<[u8]>::to_vec);
                // An earlier action may have left it, and its after-image is kept.
                kept.or_else(|| self.log.recorder().blob(*blob).ok())
                    .ok_or_else(|| "it changed twice between two looks, and what was between is lost".to_owned())
            };
            let left =
                |changed: &Changed| (changed.new.clone(), keep_left_file(&self.log, &self.services.world, changed));
            let origin = self.program_origin();
            record_applied(&self.log, &origin, started.command, changes, &before, &left).await?;
        }
        Ok(hash)
    }

    /// The program of the agent, as the maker of changes between its tools.
    fn program_origin(&self) -> Origin {
        let program = self.log.with(|state| {
            let spans = (0..).map(SpanId).zip(state.trace.spans().iter());
            let live = spans.filter(|(span, found)| found.status.is_live() && state.trace.name(*span) == PROGRAM);
            live.last().map(|(span, _)| (span, state.trace.agent_of(span)))
        });
        match program {
            Some((tool_span, span)) => Origin { span, tool_span, tool_name: PROGRAM.to_owned() },
            None => self.origin.clone(),
        }
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
            let find = if services.agent.is_some() { Snapshots::changes_kept } else { Snapshots::changes };
            held.as_mut().map_or(Ok(Vec::new()), find)
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
