//! Records commands, and their changes as actions.
//!
//! In snapshot mode a change has happened when it is found: its row and its outcome are written together. In overlay
//! mode it is recorded first, and applied later (see [`super::apply_changes`]).

use std::collections::BTreeSet;

use super::act::{ActError, Origin};
use super::capture::{Changed, renames};
use super::row::outcome_row;
use crate::model::{
    ActionChange, ActionOp, ActionRecord, CommandStart, Key, KeyKind, KeyState, Seq, TraceBody, Undoability,
};
use crate::store::{RunLog, crash_point};

/// Bytes of before-images in memory at once.
const BATCH: u64 = 64 << 20;

/// Reads the before-image or the after-image of a change.
pub type Content<'a> = &'a (dyn Fn(&Changed) -> Result<Vec<u8>, String> + Sync);

/// Changes that the log has as actions, in the order in which they are applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    changes: Vec<(Seq, Changed)>,
}

impl Recorded {
    /// The changes.
    pub fn changes(&self) -> impl Iterator<Item = &Changed> {
        self.changes.iter().map(|(_, changed)| changed)
    }

    /// Their actions.
    pub fn seqs(&self) -> impl Iterator<Item = Seq> {
        self.changes.iter().map(|(seq, _)| *seq)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// True when none is left.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Takes out the changes of these actions.
    #[must_use]
    pub fn take(&mut self, actions: &BTreeSet<Seq>) -> Self {
        let all = std::mem::take(&mut self.changes);
        let (taken, left) = all.into_iter().partition(|(seq, _)| actions.contains(seq));
        self.changes = left;
        Self { changes: taken }
    }

    pub(super) fn actions(&self) -> impl DoubleEndedIterator<Item = (Seq, &Changed)> {
        self.changes.iter().map(|(seq, changed)| (*seq, changed))
    }
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
        undo: Undoability::NoUndo { why },
    }
}

/// Records the end of a command: the log has all of its changes, or they were discarded, and why.
pub fn record_command_end(log: &RunLog, command: Seq, dropped: Option<String>) {
    log.append(vec![TraceBody::CommandEnded { command, dropped }]);
}

/// Records changes that a command has made already, each with its outcome, and the command's end. `before` reads their
/// before-images; `left` returns the after-image of each, and whether it is kept.
///
/// # Errors
/// When they can't be recorded; the command then stays open, and opening the run again finds them.
pub async fn record_applied(
    log: &RunLog,
    origin: &Origin,
    command: Seq,
    changes: Vec<Changed>,
    before: Content<'_>,
    left: &(dyn Fn(&Changed) -> (KeyState, bool) + Sync),
) -> Result<(), ActError> {
    let recorded = append(log, origin, changes, before)?;
    let outcome = |changed: &Changed| {
        let (after, kept) = left(changed);
        ActionChange::Applied { after, kept }
    };
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
    let of = |changed: &Changed| changed.moved.is_none() && matches!(changed.new, KeyState::File { .. });
    keep(log, &mut changes.to_vec(), of, after)
}

/// Records that held changes were discarded.
pub fn discard_changes(log: &RunLog, recorded: &Recorded, why: &str) {
    let rows = recorded.actions().map(|(action, _)| outcome_row(action, ActionChange::Discarded { why: why.into() }));
    log.append(rows.collect());
}

/// Stores the before-images, and appends the rows and the renames among them.
fn append(log: &RunLog, origin: &Origin, mut changes: Vec<Changed>, before: Content<'_>) -> Result<Recorded, ActError> {
    let is_left_out = |changed: &Changed| changed.left_out.is_some() || changed.moved.is_some();
    let of = |changed: &Changed| !is_left_out(changed) && matches!(changed.old, KeyState::File { .. });
    keep(log, &mut changes, of, before)?;
    crash_point("before-images-kept");
    let rows: Vec<TraceBody> = changes.iter().map(|changed| TraceBody::Action(row(origin, changed))).collect();
    let first = log.append(rows);
    let at = |index: usize| Seq(first.0 + index as u64);
    let pairs = renames(&changes).into_iter();
    log.append(pairs.map(|(from, to)| TraceBody::Renamed { from: at(from), to: at(to) }).collect());
    Ok(Recorded { changes: (first.0..).map(Seq).zip(changes).collect() })
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
        Some(why) => Undoability::NoUndo { why: why.clone() },
    };
    ActionRecord {
        span: origin.span,
        tool_span: origin.tool_span,
        tool_name: origin.tool_name.clone(),
        key: changed.key(),
        op: if changed.new == KeyState::Absent { ActionOp::Delete } else { ActionOp::Set },
        old: changed.old.clone(),
        intended: changed.new.clone(),
        undo,
    }
}
