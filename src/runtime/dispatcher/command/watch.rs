//! The workspace of an agent of another program, watched between its tools.
//!
//! While no tool of the agent has the workspace, the watch holds it, with a snapshot of before: what the agent, or a
//! process that it left running, changes meanwhile is found against that, and recorded as actions of its program. As soon
//! as a tool or an undo wants the workspace, the watch records what it has found and lets go.

use std::time::{Duration, Instant};

use super::super::exec::ToolRun;
use super::{NotRun, SnapshotFolders};
use crate::model::Seq;
use crate::rollback::capture::Changed;
use crate::world::Guard;

/// The time between two looks at the workspace, at least.
const LOOK: Duration = Duration::from_secs(2);
/// The same, at most: a look at a large workspace may take more than its share of the time.
const LATEST: Duration = Duration::from_secs(10);
/// A look takes at most this part of the time, where it can.
const SHARE: u32 = 20;
/// Looks that see something new each time, before it is recorded all the same.
const RESTLESS: u32 = 5;

/// The watch of one agent.
pub(super) struct Watch<'r> {
    run: &'r ToolRun,
    folders: &'r SnapshotFolders,
    line: String,
    open: Option<Open>,
}

/// The workspace is held, and compared with a snapshot.
struct Open {
    _guard: Guard,
    command: Seq,
    next_look: Instant,
    /// The changes of the last look.
    seen: Vec<Changed>,
    restless: u32,
}

impl<'r> Watch<'r> {
    /// Watches for a call whose program is written like this.
    pub fn new(run: &'r ToolRun, folders: &'r SnapshotFolders, line: String) -> Self {
        Self { run, folders, line, open: None }
    }

    /// True while it holds the workspace.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The time of the next look.
    pub fn next_look(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.next_look)
    }

    /// Takes a snapshot, and keeps the workspace.
    pub async fn open(&mut self, guard: Guard) -> Result<(), NotRun> {
        let began = Instant::now();
        self.run.check_recorded()?;
        let snapshot = self.run.snapshot_following(self.folders, &self.line).await?;
        let started = self.run.start_line(self.line.clone(), None, Some(snapshot)).await?;
        let next_look = next_look(began);
        self.open = Some(Open { _guard: guard, command: started.command, next_look, seen: Vec::new(), restless: 0 });
        Ok(())
    }

    /// Records what has changed, and lets the workspace go.
    pub async fn close(&mut self) -> Result<(), NotRun> {
        let Some(open) = self.open.take() else { return Ok(()) };
        self.run.record_changes(open.command).await?;
        Ok(())
    }

    /// Looks for changes; they are recorded once a look sees the same as the one before.
    pub async fn look(&mut self) -> Result<(), NotRun> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let began = Instant::now();
        let found = self.run.find_changes().await?;
        open.next_look = next_look(began);
        open.restless = if found.is_empty() { 0 } else { open.restless + 1 };
        if found.is_empty() || (found != open.seen && open.restless < RESTLESS) {
            open.seen = found;
            return Ok(());
        }
        let Some(Open { _guard: guard, command, .. }) = self.open.take() else { return Ok(()) };
        self.run.record_found(command, found).await?;
        self.open(guard).await
    }
}

/// The time of the next look, after one that began then.
fn next_look(began: Instant) -> Instant {
    let now = Instant::now();
    now + ((now - began) * SHARE).clamp(LOOK, LATEST)
}
