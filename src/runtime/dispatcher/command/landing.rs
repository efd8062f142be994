//! What a command wrote beside the workspace lands in it: looked at, recorded, asked for, carried out.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use super::super::exec::ToolRun;
use super::{CaptureGate, Verdict, left_out};
use crate::model::{PauseReason, Seq};
use crate::rollback::capture::{Changed, OverlayChanges, overlay_changes};
use crate::rollback::{
    ActError, Recorded, Since, Source, before_image, changed_since, drop_pending, keep_after_images, land,
    record_pending,
};
use crate::world::{Guard, Scope, World};

/// A command that ended, and what it wrote.
pub(super) struct Written<'a> {
    pub run: &'a ToolRun,
    /// The seq of its start.
    pub command: Seq,
    /// The overlay's upper folder.
    pub upper: PathBuf,
    /// When it began, on the clock of the file system.
    pub since: SystemTime,
    /// What it printed.
    pub said: &'a str,
}

/// What became of the changes.
enum Landed {
    /// They are in the workspace (or there were none).
    Done,
    /// None of them is, and why.
    Dropped(String),
    /// Someone changed the workspace while the user looked at them.
    Moved,
}

/// What became of a command's changes in the end.
#[derive(Default)]
pub(super) struct Settled {
    /// Why none of them is kept, if so.
    pub dropped: Option<String>,
    /// Which of them can't be undone, and why.
    pub left_out: Option<String>,
}

impl Settled {
    fn dropped(why: impl Into<String>) -> Self {
        Self { dropped: Some(why.into()), left_out: None }
    }
}

/// Why changes are dropped when nobody waits for them any more.
const STOPPED: &str = "the call was stopped";
/// Why changes on record don't count any more.
const MOVED: &str = "the workspace changed meanwhile; the changes are recorded again";

impl Written<'_> {
    /// Has the changes land, with the user's word where it is wanted; what the model is told of them, if anything.
    pub async fn settle(&self) -> Result<Settled, ActError> {
        let mut moved = false;
        loop {
            let Some(guard) = self.run.lock_unless_stopped(Scope::Files).await else {
                return Ok(Settled::dropped(STOPPED));
            };
            let found = self.survey().await?;
            if found.changes.is_empty() {
                touch(&self.run.means.world, &found);
                return Ok(Settled::default());
            }
            let left_out = left_out(&found.changes);
            let conflict = self.conflict(&found, moved);
            let landed = match self.run.ask_gate(|reply| CaptureGate::Arrived { conflict, reply }).await {
                Verdict::Drop(why) => return Ok(Settled::dropped(why)),
                Verdict::Hold(reason) => self.hold(guard, found, reason).await?,
                Verdict::Land => match self.record(found.changes.clone(), false).await? {
                    Some(recorded) => self.land(guard, recorded, found).await?,
                    None => Landed::Moved,
                },
            };
            match landed {
                Landed::Done => return Ok(Settled { left_out, dropped: None }),
                Landed::Dropped(why) => return Ok(Settled::dropped(why)),
                Landed::Moved => moved = true,
            }
        }
    }

    /// Who changed since what the command changed too, if anyone did.
    fn conflict(&self, found: &OverlayChanges, moved: bool) -> Option<String> {
        let since = Since { command: self.command, at: self.since, span: self.run.doer.tool_span };
        let others = changed_since(&self.run.log, self.run.means.world.root(), found, since);
        // That it changed is said only where nobody can be named.
        others.or_else(|| moved.then(|| "the workspace changed while the changes were looked at".to_owned()))
    }

    /// Stops with the changes on record as held, until the user lets them land or drops them.
    async fn hold(&self, guard: Guard, found: OverlayChanges, reason: PauseReason) -> Result<Landed, ActError> {
        let log = &self.run.log;
        keep_after_images(log, &found.changes, &|changed| written(&found, changed))?;
        let Some(recorded) = self.record(found.changes, true).await? else { return Ok(Landed::Moved) };
        // Others may use the workspace while the user looks.
        drop(guard);
        let said = self.said.to_owned();
        let verdict = self.run.ask_gate(|reply| CaptureGate::Held { reason, said, reply }).await;
        let guard = match verdict {
            Verdict::Land => self.run.lock_unless_stopped(Scope::Files).await,
            Verdict::Drop(why) => {
                drop_pending(log, &recorded, &why);
                return Ok(Landed::Dropped(why));
            }
            Verdict::Hold(_) => None,
        };
        let Some(guard) = guard else {
            drop_pending(log, &recorded, STOPPED);
            return Ok(Landed::Dropped(STOPPED.into()));
        };
        let now = match self.survey().await {
            Ok(now) => now,
            Err(error) => {
                drop_pending(log, &recorded, &format!("failed to {error}"));
                return Err(error);
            }
        };
        if now.changes == recorded.changes() {
            return self.land(guard, recorded, now).await;
        }
        drop_pending(log, &recorded, MOVED);
        Ok(Landed::Moved)
    }

    async fn survey(&self) -> Result<OverlayChanges, ActError> {
        let (means, upper) = (self.run.means.clone(), self.upper.clone());
        let look = move || overlay_changes(means.world.root(), &upper, &means.commands.rules);
        let found = tokio::task::spawn_blocking(look).await.map_err(|error| ActError::NotFound(error.to_string()))?;
        found.map_err(|error| ActError::NotFound(format!("failed to {error}")))
    }

    /// Puts the changes on record; `None` when the workspace is no longer as it was surveyed.
    async fn record(&self, changes: Vec<Changed>, held: bool) -> Result<Option<Recorded>, ActError> {
        let (log, world) = (&self.run.log, &self.run.means.world);
        let moved = AtomicBool::new(false);
        let before = |changed: &Changed| {
            let image = before_image(world, changed);
            moved.fetch_or(image.is_err(), Ordering::Relaxed);
            image
        };
        let recorded = record_pending(log, &self.run.doer, changes, &before, held).await?;
        if moved.into_inner() {
            drop_pending(log, &recorded, MOVED);
            return Ok(None);
        }
        Ok(Some(recorded))
    }

    async fn land(&self, guard: Guard, recorded: Recorded, found: OverlayChanges) -> Result<Landed, ActError> {
        let (log, means) = (self.run.log.clone(), self.run.means.clone());
        let work = move || {
            let source = Source {
                file: &|changed| found.open(&changed.path).map_err(|error| format!("failed to {error}")),
                modified: &|changed| found.modified(&changed.path).ok(),
            };
            let landed = land(&log, &means.world, &recorded, &source);
            if landed.is_ok() {
                touch(&means.world, &found);
            }
            drop(guard);
            landed
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => Ok(Landed::Done),
            Ok(Err(error @ ActError::NotDone { .. })) => Ok(Landed::Dropped(format!("failed to {error}"))),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(ActError::NotFound(error.to_string())),
        }
    }
}

/// The bytes that the command left of a file.
fn written(found: &OverlayChanges, changed: &Changed) -> Result<Vec<u8>, String> {
    found.content(&changed.path).map_err(|error| format!("failed to {error}"))
}

/// Files that were only touched get their time: what is built from them by time goes on to be right.
fn touch(world: &World, found: &OverlayChanges) {
    for (path, modified) in &found.touched {
        // A time is no state that is kept or undone; one that can't be set is left.
        drop(world.touch(&crate::model::Key::file(path.clone()), *modified));
    }
}
