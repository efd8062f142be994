//! Finds and records the changes of commands that a crash interrupted (snapshot mode).

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::act::Origin;
use super::apply::keep_left_file;
use super::capture::{Changed, Rules, Snapshots};
use super::concurrent::changed_at;
use super::record::{record_applied, record_command_end};
use crate::model::{CaptureMode, CommandStart, KeyState, Seq, SpanId, first_names, readable_name};
use crate::store::RunLog;
use crate::world::World;

/// Paths named in one line.
const NAMED: usize = 5;

/// Records the changes of every command that a killed process left open, and closes it; returns one line per command.
/// The caller holds the lock.
pub async fn resolve_interrupted_commands(log: &RunLog, world: &World, run: &Path, rules: &Rules) -> Vec<String> {
    let open: Vec<(Seq, CommandStart)> = log.with(|state| {
        // Those of a reviewed agent are for [`super::recover_held`].
        let is_reviewed = |start: &CommandStart| start.capture == CaptureMode::Overlay && state.is_reviewed(start.span);
        let open = state.commands.iter().filter(|(_, start)| !is_reviewed(start));
        open.map(|(seq, start)| (*seq, start.clone())).collect()
    });
    let mut lines = Vec::new();
    for (command, start) in open {
        let outcome = match start.capture {
            CaptureMode::Overlay => Ok("its changes that were not applied are discarded".to_owned()),
            CaptureMode::Snapshot => record_found(log, world, run, rules, (command, &start)).await,
        };
        let name = readable_name(&start.command);
        match outcome {
            Ok(outcome) => {
                if start.capture == CaptureMode::Overlay {
                    record_command_end(log, command, Some("the process ended".into()));
                }
                lines.push(format!("the command `{name}` was interrupted: {outcome}"));
            }
            Err(why) => lines.push(format!("failed to record the changes of the command `{name}`: {why}")),
        }
    }
    lines
}

async fn record_found(
    log: &RunLog,
    world: &World,
    run: &Path,
    rules: &Rules,
    (command, start): (Seq, &CommandStart),
) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("failed to {error}");
    // An agent of another program outlives each of the snapshots that are taken while it runs.
    let marks = [read_end_mark(&Snapshots::end_mark(run)).await, read_end_mark(&Snapshots::agent_mark(run)).await];
    let until = marks.into_iter().flatten().max().unwrap_or_else(|| last_row_time(log));
    let recovered = Snapshots::recover(run, world.root(), rules.clone()).map_err(|error| failed(&error))?;
    let Some(mut snapshots) = recovered else { return Err("its snapshot is gone".into()) };
    let mut changes = snapshots.changes().map_err(|error| failed(&error))?;
    // The process may have died between their rows and the command's end; rows of one command are all there or none.
    let known = recorded_paths(log, command, start.span);
    let count = changes.len();
    changes.retain(|changed| !known.contains(&changed.path));
    let origin = log.with(|state| Origin {
        span: state.trace.agent_of(start.span),
        tool_span: start.span,
        tool_name: tool_name(state, start.span),
    });
    let later: HashSet<String> =
        changes.iter().filter(|changed| is_later(world, changed, until)).map(|changed| changed.path.clone()).collect();
    // A change that may be another program's is not undone unasked: an unknown state makes it a conflict.
    let left = |changed: &Changed| {
        if later.contains(&changed.path) {
            (KeyState::Unknown, false)
        } else {
            (changed.new.clone(), keep_left_file(log, world, changed))
        }
    };
    let before = |changed: &Changed| read_snapshot_image(&snapshots, changed);
    record_applied(log, &origin, command, changes, &before, &left).await.map_err(|error| failed(&error))?;
    snapshots.close().map_err(|error| failed(&error))?;
    let found = match count {
        0 => "nothing had changed since it started".into(),
        1 => "the one change since it started is recorded now".into(),
        many => format!("the {many} changes since it started are recorded now"),
    };
    if later.is_empty() {
        return Ok(found);
    }
    let mut names: Vec<String> = later.iter().map(|path| readable_name(path)).collect();
    names.sort();
    let names = first_names(&names, NAMED);
    Ok(format!("{found}; changed after it ended, so maybe by another program or person, and a conflict: {names}"))
}

/// Reads the time at which the command's last process ended, or was last known to run; `None` without an end mark.
pub(super) async fn read_end_mark(mark: &Path) -> Option<SystemTime> {
    /// The processes of a command that lost its debugger are killed at once.
    const LONGEST: Duration = Duration::from_secs(15);
    const STEP: Duration = Duration::from_millis(5);
    let file = File::open(mark).ok()?;
    let waits = async {
        while file.try_lock_shared().is_err() {
            tokio::time::sleep(STEP).await;
        }
    };
    // One that can't be killed just now is still at work: what it does after this is not known to be its own.
    let _ = tokio::time::timeout(LONGEST, waits).await;
    file.metadata().and_then(|found| found.modified()).ok()
}

/// Returns the time of the log's last row: the program was alive then.
fn last_row_time(log: &RunLog) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(log.with(|state| state.last_at.0))
}

/// True when a changed path changed again after `until`. A removed path counts as unchanged: restoring it overwrites
/// nothing.
fn is_later(world: &World, changed: &Changed, until: SystemTime) -> bool {
    changed.new != KeyState::Absent && changed_at(world.root(), &changed.path).is_some_and(|at| at > until)
}

/// Returns the paths of the actions that the log has for a command.
fn recorded_paths(log: &RunLog, command: Seq, span: SpanId) -> HashSet<String> {
    log.with(|state| {
        let later = state.ledger.entries().iter().rev().take_while(|entry| entry.seq > command);
        let own = later.filter(|entry| entry.record.tool_span == span && entry.record.key.kind.is_path());
        own.map(|entry| entry.record.key.name.clone()).collect()
    })
}

fn tool_name(state: &crate::model::RunState, span: SpanId) -> String {
    state.trace.name(span).to_owned()
}

/// Reads a before-image from the snapshots.
///
/// # Errors
/// When it is lost.
pub fn read_snapshot_image(snapshots: &Snapshots, changed: &Changed) -> Result<Vec<u8>, String> {
    let KeyState::File { blob, .. } = &changed.old else { return Err("it was not a file".into()) };
    snapshots.content(*blob).map_err(|error| format!("its before-image is lost: failed to {error}"))
}
