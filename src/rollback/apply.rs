//! Applies a command's recorded changes to the workspace (overlay mode): all of them, or none.
//!
//! Each is applied only when its row is durable, through [`World`] as every other change.

use std::fs::File;
use std::time::SystemTime;

use super::act::ActError;
use super::capture::Changed;
use super::record::Recorded;
use super::room;
use super::row::{outcome_row, replaced_while_read};
use super::value::value_of;
use crate::model::{ActionChange, Key, KeyState, Seq, TraceBody};
use crate::store::{AfterImage, RunLog, crash_point};
use crate::world::{Put, Value, World, WorldError};

/// More changes than this are synced together instead of one by one.
const MANY: usize = 8;

/// The open file that a change leaves, with its permission bits; `None` when it leaves none.
pub type Opened = Result<Option<(File, u32)>, String>;

/// Reads the files that held changes leave.
pub struct NewFiles<'a> {
    /// Opens the file that a change leaves.
    pub file: &'a (dyn Fn(&Changed) -> Opened + Sync),
    /// Reads the file's time of last change.
    pub modified: &'a (dyn Fn(&Changed) -> Option<SystemTime> + Sync),
}

/// Applies recorded changes to the workspace, in order: all of them, or none. The caller holds the lock.
///
/// # Errors
/// When one can't be made. Those before it are undone; the log has those that can't be undone as applied.
pub fn apply_changes(log: &RunLog, world: &World, recorded: &Recorded, source: &NewFiles<'_>) -> Result<(), ActError> {
    let many = recorded.len() > MANY;
    let mut rows = Vec::with_capacity(recorded.len());
    let mut failed = room::check(world, recorded, &|changed| Some((source.file)(changed).ok()??.0));
    let mut done: Vec<(Seq, &Changed)> = Vec::new();
    for (action, changed) in recorded.actions() {
        if failed.is_some() {
            break;
        }
        if let Err(why) = check_unchanged(world, changed) {
            failed = Some((action, changed, why));
            break;
        }
        match put_new(world, changed, source, many) {
            Ok(true) => done.push((action, changed)),
            Ok(false) => {
                rows.push(outcome_row(
                    action,
                    ActionChange::Failed { error: changed.left_out.clone().unwrap_or_default() },
                ));
            }
            Err(why) => {
                // The failed put may have changed something.
                done.extend(check_unchanged(world, changed).is_err().then_some((action, changed)));
                failed = Some((action, changed, why));
                break;
            }
        }
        crash_point("landing");
    }
    if let (None, true, Err(error)) = (&failed, many, world.sync())
        && let Some((action, changed)) = done.last()
    {
        failed = Some((*action, changed, format!("failed to {error}")));
    }
    let result = match failed {
        None => {
            rows.extend(done.iter().map(|(action, changed)| {
                let kept = keep_after(log, changed, source);
                applied(*action, changed, kept)
            }));
            Ok(())
        }
        Some((action, changed, why)) => {
            rows = recorded
                .actions()
                .map(|(at, _)| outcome_row(at, ActionChange::Failed { error: why.clone() }))
                .collect();
            rows.extend(restore_old(log, world, &done));
            Err(ActError::NotDone { action, key: changed.key().to_string(), why })
        }
    };
    rows.extend(replaced_while_read(world));
    log.append(rows);
    crash_point("landed");
    result
}

/// Checks that the workspace still has the before-image: another program or person may have changed it during the
/// commit.
fn check_unchanged(world: &World, changed: &Changed) -> Result<(), String> {
    // A file that was renamed is at its new path since the step of its old one.
    if changed.left_out.is_some() || changed.moved.is_some() && changed.old == KeyState::Absent {
        return Ok(());
    }
    match world.state(&changed.key()) {
        Ok(found) if found == changed.old => Ok(()),
        Ok(_) => Err("another program or person changed it just now".into()),
        Err(error) => Err(format!("failed to {error}")),
    }
}

/// Undoes applied changes, newest first; returns the rows of those that can't be undone.
fn restore_old(log: &RunLog, world: &World, done: &[(Seq, &Changed)]) -> Vec<TraceBody> {
    let stuck = done.iter().rev().filter(|(_, changed)| {
        if let Some(moved) = &changed.moved {
            return changed.new == KeyState::Absent && world.rename(&Key::file(moved), &changed.key()).is_err();
        }
        let old = value_of(log, &changed.old);
        old.is_err() || old.is_ok_and(|old| world.put(&changed.key(), &old).is_err())
    });
    stuck.map(|(action, changed)| applied(*action, changed, false)).collect()
}

fn applied(action: Seq, changed: &Changed, kept: bool) -> TraceBody {
    outcome_row(action, ActionChange::Applied { after: changed.new.clone(), kept })
}

/// Keeps the file that a change leaves; true if it is kept.
fn keep_after(log: &RunLog, changed: &Changed, source: &NewFiles<'_>) -> bool {
    let is_file = matches!(changed.new, KeyState::File { .. });
    let opened = if is_file && log.keeps_after_images() { (source.file)(changed) } else { Ok(None) };
    let Ok(Some((file, _))) = opened else { return false };
    log.keep_after_image(&changed.new, AfterImage::File(&file))
}

/// Keeps the file that a command left in the workspace; true if it is kept.
pub fn keep_left_file(log: &RunLog, world: &World, changed: &Changed) -> bool {
    let is_file = matches!(changed.new, KeyState::File { .. });
    if !log.keeps_after_images() || !is_file || changed.moved.is_some() {
        return false;
    }
    match world.peek(&changed.key()) {
        Ok(value) if value.state() == changed.new => match value {
            Value::File { bytes, .. } => log.keep_after_image(&changed.new, AfterImage::Bytes(&bytes)),
            _ => false,
        },
        _ => false,
    }
}

/// Reads a before-image from the workspace.
///
/// # Errors
/// When they can't be read, or changed since.
pub fn read_before_image(world: &World, changed: &Changed) -> Result<Vec<u8>, String> {
    match world.peek(&changed.key()) {
        Ok(value) if value.state() == changed.old => match value {
            Value::File { bytes, .. } => Ok(bytes),
            _ => Err("it was not a file".into()),
        },
        Ok(_) => Err("its before-image is lost: it changed while it was read".into()),
        Err(error) => Err(format!("its before-image is lost: failed to {error}")),
    }
}

/// Applies one change; `false` when it is neither file, folder nor link, and stays where it is.
fn put_new(world: &World, changed: &Changed, source: &NewFiles<'_>, later: bool) -> Result<bool, String> {
    let how = Put { later, modified: (source.modified)(changed), irregular: changed.left_out.is_some(), open: false };
    let done = |put: Result<(), WorldError>| put.map(|()| true).map_err(|error| format!("failed to {error}"));
    if let Some(moved) = &changed.moved {
        let is_old = changed.new == KeyState::Absent;
        return if is_old { done(world.rename(&changed.key(), &Key::file(moved))) } else { Ok(true) };
    }
    let value = match &changed.new {
        // A path left out of capture has no state, and is applied like any other.
        KeyState::File { .. } | KeyState::Unknown => {
            let Some((mut file, mode)) = (source.file)(changed)? else { return Ok(false) };
            return done(world.copy(&changed.key(), &mut file, mode, how));
        }
        KeyState::Directory { mode } => Value::Directory { mode: Some(*mode), entries: Vec::new() },
        KeyState::Symlink { target } => Value::Symlink { target: target.clone() },
        _ => Value::Absent,
    };
    done(world.put_as(&changed.key(), &value, how))
}
