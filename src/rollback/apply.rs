//! Records a command's changes as actions, and in overlay mode applies them after that.
//!
//! In snapshot mode a change has happened when it is found: its row and its outcome are written together. In overlay
//! mode it is applied to the workspace only when its row is durable, through [`World`] as every other change.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::act::{ActError, Origin};
use super::capture::{Changed, OverlayChanges, renames};
use super::undo::outcome_row;
use crate::model::{
    ActionChange, ActionOp, ActionRecord, CommandStart, Key, KeyKind, KeyState, Seq, SpanId, TraceBody, Undoability,
    name_to_bytes,
};
use crate::store::{RunLog, crash_point};
use crate::world::{Put, Value, World, WorldError};

/// Bytes of before-images in memory at once.
const BATCH: u64 = 64 << 20;
/// More changes than this are synced together instead of one by one.
const MANY: usize = 8;

/// Reads the before-image or the after-image of a change.
pub type Content<'a> = &'a (dyn Fn(&Changed) -> Result<Vec<u8>, String> + Sync);

/// Changes that the log has as actions, in the order in which they are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    changes: Vec<Changed>,
    first: Seq,
}

impl Recorded {
    /// The changes.
    pub fn changes(&self) -> &[Changed] {
        &self.changes
    }

    fn actions(&self) -> impl DoubleEndedIterator<Item = (Seq, &Changed)> {
        (self.first.0..).map(Seq).take(self.changes.len()).zip(&self.changes).collect::<Vec<_>>().into_iter()
    }
}

/// The open file that a change leaves, with its permission bits; `None` when it leaves none.
pub type Opened = Result<Option<(File, u32)>, String>;

/// Reads the files that held changes leave.
pub struct NewFiles<'a> {
    /// Opens the file that a change leaves.
    pub file: &'a (dyn Fn(&Changed) -> Opened + Sync),
    /// Reads the file's time of last change.
    pub modified: &'a (dyn Fn(&Changed) -> Option<SystemTime> + Sync),
}

/// Records the start of a command, with the action for its possible effects outside of the workspace.
///
/// # Errors
/// When it can't be recorded; then it must not run.
pub async fn record_command_start(
    log: &RunLog,
    start: CommandStart,
    outside: Option<ActionRecord>,
) -> Result<(Seq, Option<Seq>), ActError> {
    let has_outside = outside.is_some();
    let rows = std::iter::once(TraceBody::CommandStarted(start)).chain(outside.map(TraceBody::Action)).collect();
    let command = log.append_durable(rows).durable().await?;
    crash_point("command-started");
    Ok((command, has_outside.then_some(Seq(command.0 + 1))))
}

/// Builds the action for effects of a command that can't be observed or undone, and why.
#[must_use]
pub fn external_record(origin: &Origin, command: &str, why: String) -> ActionRecord {
    ActionRecord {
        span: origin.span,
        tool_span: origin.tool_span,
        tool_name: origin.tool_name.clone(),
        key: Key { kind: KeyKind::External, name: command.to_owned() },
        op: ActionOp::External,
        old: KeyState::Unknown,
        intended: KeyState::Unknown,
        undo: Undoability::Permanent { why },
    }
}

/// Records the end of a command: the log has all of its changes, or they were discarded, and why.
pub fn record_command_end(log: &RunLog, command: Seq, dropped: Option<String>) {
    log.append(vec![TraceBody::CommandEnded { command, dropped }]);
}

/// Records changes that a command has made already, each with its outcome, and the command's end. `before` reads their
/// before-images, and `left` returns the after-image of each.
///
/// # Errors
/// When they can't be recorded; the command then stays open, and opening the run again finds them.
pub async fn record_applied(
    log: &RunLog,
    origin: &Origin,
    command: Seq,
    changes: Vec<Changed>,
    before: Content<'_>,
    left: &(dyn Fn(&Changed) -> KeyState + Sync),
) -> Result<(), ActError> {
    let recorded = append(log, origin, changes, before)?;
    let outcome = |changed: &Changed| ActionChange::Applied { after: left(changed) };
    let rows = recorded.actions().map(|(action, changed)| outcome_row(action, outcome(changed)));
    // In the same commit, so that the command's changes are never searched again.
    let end = TraceBody::CommandEnded { command, dropped: None };
    log.append_durable(rows.chain([end]).collect()).durable().await?;
    crash_point("changes-recorded");
    Ok(())
}

/// Records changes that are not applied yet; durable when it returns. `held`: the user looks at them first.
///
/// # Errors
/// When they can't be recorded; then they must not be applied.
pub async fn record_pending(
    log: &RunLog,
    origin: &Origin,
    changes: Vec<Changed>,
    before: Content<'_>,
    held: bool,
) -> Result<Recorded, ActError> {
    let recorded = append(log, origin, changes, before)?;
    let rows = if held {
        recorded.actions().map(|(action, _)| outcome_row(action, ActionChange::Held)).collect()
    } else {
        Vec::new()
    };
    log.append_durable(rows).durable().await?;
    crash_point("changes-pending");
    Ok(recorded)
}

/// Stores the after-images of held changes, so that the user can look at them first.
///
/// # Errors
/// When they can't be written.
pub fn store_after_images(log: &RunLog, changes: &[Changed], after: Content<'_>) -> Result<(), ActError> {
    let of = |changed: &Changed| matches!(changed.new, KeyState::File { .. });
    keep(log, &mut changes.to_vec(), of, after)
}

/// Records that held changes were discarded.
pub fn discard_changes(log: &RunLog, recorded: &Recorded, why: &str) {
    let rows = recorded.actions().map(|(action, _)| outcome_row(action, ActionChange::Dropped { why: why.into() }));
    log.append(rows.collect());
}

/// Applies recorded changes to the workspace, in order: all of them, or none. The caller holds the lock.
///
/// # Errors
/// When one can't be made. Those before it are undone; the log has those that can't be undone as applied.
pub fn apply_changes(log: &RunLog, world: &World, recorded: &Recorded, source: &NewFiles<'_>) -> Result<(), ActError> {
    let many = recorded.changes.len() > MANY;
    let mut rows = Vec::with_capacity(recorded.changes.len());
    let mut failed = None;
    let mut done: Vec<(Seq, &Changed)> = Vec::new();
    for (action, changed) in recorded.actions() {
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
            rows.extend(done.iter().map(|(action, changed)| applied(*action, changed)));
            Ok(())
        }
        Some((action, changed, why)) => {
            rows = recorded
                .actions()
                .map(|(at, _)| outcome_row(at, ActionChange::Failed { error: why.clone() }))
                .collect();
            rows.extend(restore_old(log, world, &done));
            Err(ActError::NotDone { action, key: key(changed).to_string(), why })
        }
    };
    log.append(rows);
    crash_point("landed");
    result
}

/// Checks that the workspace still has the before-image: another program or person may have changed it during the
/// commit.
fn check_unchanged(world: &World, changed: &Changed) -> Result<(), String> {
    if changed.left_out.is_some() {
        return Ok(());
    }
    match world.peek(&key(changed)) {
        Ok(found) if found.state() == changed.old => Ok(()),
        Ok(_) => Err("someone else changed it just now".into()),
        Err(error) => Err(format!("failed to {error}")),
    }
}

/// Undoes applied changes, newest first; returns the rows of those that can't be undone.
fn restore_old(log: &RunLog, world: &World, done: &[(Seq, &Changed)]) -> Vec<TraceBody> {
    let stuck = done.iter().rev().filter(|(_, changed)| {
        let old = super::check::value_of(log, &changed.old);
        old.is_err() || old.is_ok_and(|old| world.put(&key(changed), &old).is_err())
    });
    stuck.map(|(action, changed)| applied(*action, changed)).collect()
}

fn applied(action: Seq, changed: &Changed) -> TraceBody {
    outcome_row(action, ActionChange::Applied { after: changed.new.clone() })
}

/// The start of a command: later changes by others are concurrent with it.
#[derive(Debug, Clone, Copy)]
pub struct CommandStarted {
    /// The seq of its start.
    pub command: Seq,
    /// The same on the clock of the workspace's file system: later changes have this time or a later one.
    pub at: SystemTime,
    /// The tool's span.
    pub span: SpanId,
}

/// Describes who changed, since a command began, a path that the command changed too; names the first few.
pub fn describe_concurrent_changes(
    log: &RunLog,
    root: &Path,
    found: &OverlayChanges,
    since: CommandStarted,
) -> Option<String> {
    const NAMED: usize = 3;
    let removed = |changed: &Changed| found.orphans.contains(&changed.path);
    let mut found =
        found.changes.iter().filter_map(|changed| Some((changed, who(log, root, changed, removed(changed), since)?)));
    let lines: Vec<String> = found
        .by_ref()
        .take(NAMED)
        .map(|(changed, who)| format!("{} was changed meanwhile by {who}", key(changed)))
        .collect();
    let more = found.count();
    let more = (more > 0).then(|| format!("{more} more paths too"));
    let lines: Vec<String> = lines.into_iter().chain(more).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn who(log: &RunLog, root: &Path, changed: &Changed, removed: bool, since: CommandStarted) -> Option<String> {
    let place = key(changed);
    let action = log.with(|state| {
        let at = || state.ledger.all_at(&place).rev();
        let reversed = at().filter_map(|entry| Some((entry, entry.turned.filter(|turned| *turned > since.command)?)));
        if let Some((entry, _)) = reversed.max_by_key(|(_, reversed)| *reversed) {
            let what = if entry.is_applied() { "redo" } else { "undo" };
            return Some(format!("the {what} of {}", entry.seq));
        }
        let mut later = at().take_while(|entry| entry.seq > since.command);
        let entry = later.find(|entry| entry.is_applied() && entry.record.tool_span != since.span)?;
        Some(format!("{} in {}", entry.seq, state.trace.label(entry.record.span)))
    });
    // A folder's time changes with its entries, which are reported by themselves.
    let is_folder = matches!(changed.old, KeyState::Directory { .. } | KeyState::Absent);
    let touched = || {
        if removed {
            return Some("someone outside, who removed it".to_owned());
        }
        let at = changed_at(root, &changed.path).filter(|_| !is_folder)?;
        (at >= since.at).then(|| "someone outside".to_owned())
    };
    action.or_else(touched)
}

/// Reads the time of the last change at a path of the workspace, permissions and name included; `None` when it is
/// absent.
pub(super) fn changed_at(root: &Path, path: &str) -> Option<SystemTime> {
    let found = root.join(OsString::from_vec(name_to_bytes(path))).symlink_metadata().ok()?;
    let (seconds, nanos) = (u64::try_from(found.ctime()).ok()?, u32::try_from(found.ctime_nsec()).ok()?);
    Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos))
}

/// Reads a before-image from the workspace.
///
/// # Errors
/// When they can't be read, or changed since.
pub fn read_before_image(world: &World, changed: &Changed) -> Result<Vec<u8>, String> {
    match world.peek(&key(changed)) {
        Ok(value) if value.state() == changed.old => match value {
            Value::File { bytes, .. } => Ok(bytes),
            _ => Err("it was no file".into()),
        },
        Ok(_) => Err("its before-image is lost: it changed while it was read".into()),
        Err(error) => Err(format!("its before-image is lost: failed to {error}")),
    }
}

/// Applies one change; `false` when it is neither file, folder nor link, and stays where it is.
fn put_new(world: &World, changed: &Changed, source: &NewFiles<'_>, later: bool) -> Result<bool, String> {
    let how = Put { later, modified: (source.modified)(changed), irregular: changed.left_out.is_some() };
    let done = |put: Result<(), WorldError>| put.map(|()| true).map_err(|error| format!("failed to {error}"));
    let value = match &changed.new {
        // A path left out of capture has no state, and is applied like any other.
        KeyState::File { .. } | KeyState::Unknown => {
            let Some((mut file, mode)) = (source.file)(changed)? else { return Ok(false) };
            return done(world.copy(&key(changed), &mut file, mode, how));
        }
        KeyState::Directory { mode } => Value::Directory { mode: Some(*mode), entries: Vec::new() },
        KeyState::Symlink { target } => Value::Symlink { target: target.clone() },
        _ => Value::Absent,
    };
    done(world.put_as(&key(changed), &value, how))
}

/// Stores the before-images, and appends the rows and the renames among them.
fn append(log: &RunLog, origin: &Origin, mut changes: Vec<Changed>, before: Content<'_>) -> Result<Recorded, ActError> {
    let of = |changed: &Changed| changed.left_out.is_none() && matches!(changed.old, KeyState::File { .. });
    keep(log, &mut changes, of, before)?;
    crash_point("before-images-kept");
    let rows: Vec<TraceBody> = changes.iter().map(|changed| TraceBody::Action(row(origin, changed))).collect();
    let first = log.append(rows);
    let at = |index: usize| Seq(first.0 + index as u64);
    let pairs = renames(&changes).into_iter();
    log.append(pairs.map(|(from, to)| TraceBody::Renamed { from: at(from), to: at(to) }).collect());
    Ok(Recorded { changes, first })
}

/// Stores the bytes of the changes that `of` picks; marks a change whose bytes are lost as one that can't be undone.
fn keep(
    log: &RunLog,
    changes: &mut [Changed],
    of: impl Fn(&Changed) -> bool,
    content: Content<'_>,
) -> Result<(), ActError> {
    let mut batch: Vec<Vec<u8>> = Vec::new();
    let mut held = 0;
    for changed in changes.iter_mut().filter(|changed| of(changed)) {
        match content(changed) {
            Ok(bytes) => {
                held += bytes.len() as u64;
                batch.push(bytes);
            }
            Err(why) => changed.left_out = Some(why),
        }
        if held > BATCH {
            put(log, &batch)?;
            batch.clear();
            held = 0;
        }
    }
    put(log, &batch)?;
    Ok(())
}

fn put(log: &RunLog, batch: &[Vec<u8>]) -> Result<(), ActError> {
    let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
    log.recorder().put_blobs(&batch)?;
    Ok(())
}

fn row(origin: &Origin, changed: &Changed) -> ActionRecord {
    let undo = match &changed.left_out {
        None => Undoability::Undo,
        Some(why) => Undoability::Permanent { why: why.clone() },
    };
    ActionRecord {
        span: origin.span,
        tool_span: origin.tool_span,
        tool_name: origin.tool_name.clone(),
        key: key(changed),
        op: if changed.new == KeyState::Absent { ActionOp::Delete } else { ActionOp::Set },
        old: changed.old.clone(),
        intended: changed.new.clone(),
        undo,
    }
}

/// Returns the key of a change; its kind is that of the after-image, or of the before-image when it was removed.
pub(super) fn key(changed: &Changed) -> Key {
    let state = if changed.new == KeyState::Absent { &changed.old } else { &changed.new };
    let kind = match state {
        KeyState::Directory { .. } => KeyKind::Directory,
        KeyState::Symlink { .. } => KeyKind::Symlink,
        _ => KeyKind::File,
    };
    Key { kind, name: changed.path.clone() }
}
