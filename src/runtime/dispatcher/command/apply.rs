//! A command's changes beside the workspace are applied to it: found, recorded, asked about, carried out.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::super::exec::ToolRun;
use super::{CaptureGate, ChangesDecision, ChangesFacts, left_out};
use crate::model::{HeldChoice, PauseReason, Seq, first_names, readable_name};
use crate::rollback::capture::{Changed, OverlayChanges, overlay_changes};
use crate::rollback::{
    ActError, CommandStarted, NewFiles, Recorded, apply_changes, describe_concurrent_changes, discard_changes,
    read_before_image, record_pending, store_after_images,
};
use crate::world::{Guard, Protected, Scope, World};

/// A command that ended, and what it wrote.
pub(super) struct Written<'a> {
    pub run: &'a ToolRun,
    /// The seq of its start.
    pub command: Seq,
    /// The overlay's upper folder.
    pub upper: PathBuf,
    /// When it began, on the clock of the file system.
    pub since: SystemTime,
    /// Its output.
    pub printed: &'a str,
    /// Changes that the user discarded one by one.
    pub discarded: Mutex<Vec<Changed>>,
}

/// How one round over the changes ended.
enum Round {
    /// They are in the workspace (or there were none).
    Applied,
    /// None of them is, and why.
    Discarded(Discarded),
    /// The workspace changed while the user looked at them.
    Moved,
}

/// Why changes are not in the workspace.
pub(super) struct Discarded {
    /// For the model and for people.
    pub why: String,
    /// True when the user wanted it so.
    pub by_user: bool,
}

impl Discarded {
    fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), by_user: false }
    }
}

/// The end of a command's changes.
#[derive(Default)]
pub(super) struct Outcome {
    /// Why none of them is in the workspace, if so.
    pub discarded: Option<Discarded>,
    /// A note to the model about those that are.
    pub note: Option<String>,
}

impl Outcome {
    fn discarded(discarded: Discarded) -> Self {
        Self { discarded: Some(discarded), note: None }
    }
}

/// Why changes are discarded when nobody waits for them any more.
const STOPPED: &str = "the call was stopped";
/// Why recorded changes don't count any more.
const MOVED: &str = "the workspace changed meanwhile; the changes are recorded again";
/// Why the user's discarded changes are not in the workspace.
const BY_USER: &str = "the user discarded them";

impl Written<'_> {
    /// Applies the changes, after the user's decision where one is wanted.
    pub async fn finish(&self) -> Result<Outcome, ActError> {
        let mut moved = false;
        loop {
            let Some(guard) = self.run.lock_unless_stopped(&Scope::Files).await else {
                return Ok(Outcome::discarded(Discarded::because(STOPPED)));
            };
            let found = self.survey().await?;
            if found.changes.is_empty() {
                touch(&self.run.services.world, &found);
                return Ok(Outcome { discarded: None, note: self.discarded_note() });
            }
            let (stay, apply): (Vec<Changed>, Vec<Changed>) = found.changes.iter().cloned().partition(Changed::stays);
            let left_out = left_out(&apply).into_iter().chain(not_applied(&stay));
            let left_out: Vec<String> = left_out.collect();
            let facts = ChangesFacts { conflict: self.conflict(&found, moved), own_file: self.own_file(&found) };
            let round = match self.run.ask_gate(|reply| CaptureGate::Arrived { facts, reply }).await {
                ChangesDecision::Discard { why, by_user, .. } => Round::Discarded(Discarded { why, by_user }),
                ChangesDecision::Hold(reason) => self.hold(guard, found, reason).await?,
                ChangesDecision::Apply { .. } => match self.record(found.changes.clone(), false).await? {
                    Some(recorded) => self.apply(guard, recorded, found).await?,
                    None => Round::Moved,
                },
            };
            match round {
                Round::Applied => {
                    let notes: Vec<String> = left_out.into_iter().chain(self.discarded_note()).collect();
                    return Ok(Outcome { discarded: None, note: (!notes.is_empty()).then(|| notes.join("; ")) });
                }
                Round::Discarded(discarded) => return Ok(Outcome::discarded(discarded)),
                Round::Moved => moved = true,
            }
        }
    }

    /// The first of the changes that is one of a file that the pipeline is made of.
    fn own_file(&self, found: &OverlayChanges) -> Option<String> {
        let own = Protected::look_up(&self.run.own_files);
        let paths = found.changes.iter().map(|change| change.path.as_str());
        own.first_touched(self.run.services.world.root(), paths).map(readable_name)
    }

    /// Describes who changed since what the command changed too, if anyone did.
    fn conflict(&self, found: &OverlayChanges, moved: bool) -> Option<String> {
        let since = CommandStarted { command: self.command, at: self.since, span: self.run.origin.tool_span };
        let others = describe_concurrent_changes(&self.run.log, self.run.services.world.root(), found, since);
        // That it changed is said only where nobody can be named.
        others.or_else(|| moved.then(|| "the workspace changed while the changes were looked at".to_owned()))
    }

    /// Stops with the changes recorded as held, until the user has applied or discarded each of them.
    async fn hold(&self, guard: Guard, found: OverlayChanges, reason: PauseReason) -> Result<Round, ActError> {
        let log = &self.run.log;
        let left = |changed: &Changed| found.content(&changed.path).map_err(|error| format!("failed to {error}"));
        store_after_images(log, &found.changes, &left)?;
        let Some(mut left) = self.record(found.changes, true).await? else { return Ok(Round::Moved) };
        // Others may use the workspace while the user looks.
        drop(guard);
        let mut last = Round::Applied;
        let mut any_applied = false;
        while !left.is_empty() {
            let (reason, printed) = (reason.clone(), self.printed.to_owned());
            self.run.permit.pause();
            let decision = self.run.ask_gate(|reply| CaptureGate::Held { reason, printed, reply }).await;
            // A call that was stopped only discards.
            self.run.unless_stopped(self.run.permit.resume()).await;
            let (only, apply) = match decision {
                ChangesDecision::Apply { only } => (only, true),
                ChangesDecision::Discard { only, by_user: true, .. } => (only, false),
                ChangesDecision::Discard { why, .. } => return Ok(self.give_up(&left, any_applied, why)),
                ChangesDecision::Hold(_) => return Ok(self.give_up(&left, any_applied, STOPPED.to_owned())),
            };
            let chosen = self.chosen(&mut left, &only, if apply { HeldChoice::Apply } else { HeldChoice::Discard });
            if apply {
                last = self.apply_held(chosen, &mut left).await?;
                any_applied |= matches!(last, Round::Applied);
            } else {
                discard_changes(log, &chosen, BY_USER);
                self.remember_discarded(&chosen);
                if !any_applied {
                    last = Round::Discarded(Discarded { why: BY_USER.into(), by_user: true });
                }
            }
            if matches!(last, Round::Moved) {
                return Ok(last);
            }
        }
        Ok(if any_applied { Round::Applied } else { last })
    }

    /// Nobody decides on what is left any more.
    fn give_up(&self, left: &Recorded, any_applied: bool, why: String) -> Round {
        discard_changes(&self.run.log, left, &why);
        if any_applied { Round::Applied } else { Round::Discarded(Discarded::because(why)) }
    }

    /// Takes the chosen changes out of those that are left, with the ones that can't stay behind.
    fn chosen(&self, left: &mut Recorded, only: &[Seq], choice: HeldChoice) -> Recorded {
        if only.is_empty() {
            return std::mem::take(left);
        }
        let held: BTreeSet<Seq> = left.seqs().collect();
        let wanted: BTreeSet<Seq> = only.iter().copied().collect();
        let together = self.run.log.with(|state| state.ledger.held_together(&held, &wanted, choice));
        left.take(&together)
    }

    /// Applies held changes, if the workspace is still as it was when they were recorded.
    async fn apply_held(&self, chosen: Recorded, left: &mut Recorded) -> Result<Round, ActError> {
        let log = &self.run.log;
        let discard_all = |left: &Recorded, why: &str| {
            discard_changes(log, &chosen, why);
            discard_changes(log, left, why);
        };
        let Some(guard) = self.run.lock_unless_stopped(&Scope::Files).await else {
            discard_all(left, STOPPED);
            *left = Recorded::default();
            return Ok(Round::Discarded(Discarded::because(STOPPED)));
        };
        let now = match self.survey().await {
            Ok(now) => now,
            Err(error) => {
                discard_all(left, &format!("failed to {error}"));
                return Err(error);
            }
        };
        let recorded: HashMap<&str, &Changed> =
            chosen.changes().chain(left.changes()).map(|change| (change.path.as_str(), change)).collect();
        let same = now.changes.len() == recorded.len()
            && now.changes.iter().all(|change| recorded.get(change.path.as_str()) == Some(&change));
        if same {
            return self.apply(guard, chosen, now).await;
        }
        discard_all(left, MOVED);
        Ok(Round::Moved)
    }

    fn remember_discarded(&self, discarded: &Recorded) {
        let mut known = self.discarded.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(discarded.changes().cloned());
    }

    /// Tells the model which changes the user discarded.
    fn discarded_note(&self) -> Option<String> {
        const NAMED: usize = 10;
        let known = self.discarded.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<String> = known.iter().map(|change| readable_name(&change.path)).collect();
        (!names.is_empty()).then(|| format!("the user discarded the changes of {}", first_names(&names, NAMED)))
    }

    async fn survey(&self) -> Result<OverlayChanges, ActError> {
        let (services, upper) = (self.run.services.clone(), self.upper.clone());
        let look = move || {
            services.world.check_root().map_err(|error| format!("failed to {error}"))?;
            let found = overlay_changes(services.world.root(), &upper, &services.commands.rules);
            found.map_err(|error| format!("failed to {error}"))
        };
        let found = tokio::task::spawn_blocking(look).await.map_err(|error| ActError::NotFound(error.to_string()))?;
        let mut found = found.map_err(ActError::NotFound)?;
        // The overlay still has what the user discarded.
        let discarded = self.discarded.lock().unwrap_or_else(PoisonError::into_inner);
        found.changes.retain(|change| !discarded.contains(change));
        drop(discarded);
        Ok(found)
    }

    /// Records the changes; `None` when the workspace is no longer as it was surveyed.
    async fn record(&self, changes: Vec<Changed>, held: bool) -> Result<Option<Recorded>, ActError> {
        let (log, world) = (&self.run.log, &self.run.services.world);
        let moved = AtomicBool::new(false);
        let before = |changed: &Changed| {
            let image = read_before_image(world, changed);
            moved.fetch_or(image.is_err(), Ordering::Relaxed);
            image
        };
        let recorded = record_pending(log, &self.run.origin, changes, &before, held).await?;
        if moved.into_inner() {
            discard_changes(log, &recorded, MOVED);
            return Ok(None);
        }
        Ok(Some(recorded))
    }

    async fn apply(&self, guard: Guard, recorded: Recorded, found: OverlayChanges) -> Result<Round, ActError> {
        let (log, services) = (self.run.log.clone(), self.run.services.clone());
        let work = move || {
            let source = NewFiles {
                file: &|changed| found.open(&changed.path).map_err(|error| format!("failed to {error}")),
                modified: &|changed| found.modified(&changed.path).ok(),
            };
            let applied = apply_changes(&log, &services.world, &recorded, &source);
            if applied.is_ok() {
                touch(&services.world, &found);
            }
            drop(guard);
            applied
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => Ok(Round::Applied),
            Ok(Err(error @ ActError::NotDone { .. })) => {
                Ok(Round::Discarded(Discarded::because(format!("failed to {error}"))))
            }
            Ok(Err(error)) => Err(error),
            Err(error) => Err(ActError::NotFound(error.to_string())),
        }
    }
}

/// Files that were only touched get their time: what is built from them by time goes on to be right.
fn touch(world: &World, found: &OverlayChanges) {
    for (path, modified) in &found.touched {
        // A time is no state that is kept or undone; one that can't be set is left.
        drop(world.touch(&crate::model::Key::file(path.clone()), *modified));
    }
}

/// Names what only the command itself had: pipes, sockets and devices.
fn not_applied(stay: &[Changed]) -> Option<String> {
    const NAMED: usize = 3;
    let names: Vec<String> = stay.iter().map(|changed| readable_name(&changed.path)).collect();
    let names = (!names.is_empty()).then(|| first_names(&names, NAMED))?;
    Some(format!("not applied, because pipes, sockets and devices stay with their command: {names}"))
}
