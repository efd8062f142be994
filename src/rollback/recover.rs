//! After a crash: what a command of the portable lane had changed when the process ended is found and recorded.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::act::Doer;
use super::capture::{Changed, Rules, Snapshots};
use super::land::{changed_at, command_ended, record_done};
use crate::model::{CommandStart, KeyState, Lane, Seq, SpanId, first_names, readable_name};
use crate::store::RunLog;
use crate::world::World;

/// So many paths are named at once.
const NAMED: usize = 5;

/// Settles the commands that a killed process left open, and says what was found. The caller holds the lock.
pub async fn recover(log: &RunLog, world: &World, run: &Path, rules: &Rules) -> Vec<String> {
    let open: Vec<(Seq, CommandStart)> =
        log.with(|state| state.commands.iter().map(|(seq, start)| (*seq, start.clone())).collect());
    let mut lines = Vec::new();
    for (command, start) in open {
        let said = match start.lane {
            Lane::Overlay => Ok("nothing of it that had not landed is kept".to_owned()),
            Lane::Portable => look(log, world, run, rules, (command, &start)).await,
        };
        let name = readable_name(&start.command);
        match said {
            Ok(said) => {
                if start.lane == Lane::Overlay {
                    command_ended(log, command, Some("the process ended".into()));
                }
                lines.push(format!("the command `{name}` was interrupted: {said}"));
            }
            Err(why) => lines.push(format!("what the command `{name}` changed is not on record: {why}")),
        }
    }
    lines
}

async fn look(
    log: &RunLog,
    world: &World,
    run: &Path,
    rules: &Rules,
    (command, start): (Seq, &CommandStart),
) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("failed to {error}");
    let until = end_of(&Snapshots::end_mark(run)).await.unwrap_or_else(|| last_sign(log));
    let recovered = Snapshots::recover(run, world.root(), rules.clone()).map_err(|error| failed(&error))?;
    let Some(mut snapshots) = recovered else { return Err("its snapshot is gone".into()) };
    let mut changes = snapshots.changes().map_err(|error| failed(&error))?;
    // The process may have died between their rows and the command's end; rows of one command are all there or none.
    let known = recorded(log, command, start.span);
    let count = changes.len();
    changes.retain(|changed| !known.contains(&changed.path));
    let doer = log.with(|state| Doer {
        span: state.trace.agent_of(start.span),
        tool_span: start.span,
        tool_name: tool_name(state, start.span),
    });
    let later: HashSet<String> =
        changes.iter().filter(|changed| is_later(world, changed, until)).map(|changed| changed.path.clone()).collect();
    // What nobody knows to be the command's own is not undone unasked: as it is now it is a conflict.
    let left = |changed: &Changed| if later.contains(&changed.path) { KeyState::Unknown } else { changed.new.clone() };
    let before = |changed: &Changed| kept(&snapshots, changed);
    record_done(log, &doer, command, changes, &before, &left).await.map_err(|error| failed(&error))?;
    snapshots.settled().map_err(|error| failed(&error))?;
    let found = match count {
        0 => "it had changed nothing".into(),
        1 => "the one thing that is other than before it is on record now".into(),
        many => format!("the {many} things that are other than before it are on record now"),
    };
    if later.is_empty() {
        return Ok(found);
    }
    let mut names: Vec<String> = later.iter().map(|path| readable_name(path)).collect();
    names.sort();
    let names = first_names(&names, NAMED);
    Ok(format!("{found}; changed after it ended, so maybe by someone else, and a conflict: {names}"))
}

/// When the last process of a command was gone, or was last known to be there; `None`: nobody wrote it down.
async fn end_of(mark: &Path) -> Option<SystemTime> {
    /// Those of a command that lost its debugger are killed at once.
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

/// When the program was last known to live.
fn last_sign(log: &RunLog) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(log.with(|state| state.last_at.0))
}

/// Whether what is at a changed path was changed after that. Bringing back what is gone takes nothing from anybody.
fn is_later(world: &World, changed: &Changed, until: SystemTime) -> bool {
    changed.new != KeyState::Absent && changed_at(world.root(), &changed.path).is_some_and(|at| at > until)
}

/// The paths of the actions that a command has on record.
fn recorded(log: &RunLog, command: Seq, span: SpanId) -> HashSet<String> {
    log.with(|state| {
        let later = state.ledger.entries().iter().rev().take_while(|entry| entry.seq > command);
        let own = later.filter(|entry| entry.record.tool_span == span && entry.record.key.kind.is_path());
        own.map(|entry| entry.record.key.name.clone()).collect()
    })
}

fn tool_name(state: &crate::model::RunState, span: SpanId) -> String {
    state.trace.name(span).to_owned()
}

/// A before-image from the snapshots.
///
/// # Errors
/// When it is lost.
pub fn kept(snapshots: &Snapshots, changed: &Changed) -> Result<Vec<u8>, String> {
    let KeyState::File { blob, .. } = &changed.old else { return Err("it was no file".into()) };
    snapshots.content(*blob).map_err(|error| format!("its before-image is lost: failed to {error}"))
}
