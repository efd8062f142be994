//! After a crash: what a command of the portable lane had changed when the process ended is found and recorded.

use std::collections::HashSet;
use std::path::Path;

use super::act::Doer;
use super::capture::{Changed, Rules, Snapshots};
use super::land::{command_ended, record_done};
use crate::model::{CommandStart, KeyState, Lane, Seq, SpanId};
use crate::store::RunLog;
use crate::world::World;

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
        let name = crate::model::readable_name(&start.command);
        match said {
            Ok(said) => {
                // In the portable lane its changes are on record: none was dropped.
                command_ended(log, command, (start.lane == Lane::Overlay).then(|| "the process ended".into()));
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
    record_done(log, &doer, changes, &|changed| kept(&snapshots, changed)).await.map_err(|error| failed(&error))?;
    snapshots.settled().map_err(|error| failed(&error))?;
    Ok(match count {
        0 => "it had changed nothing".into(),
        1 => "the one thing that it had changed is on record now".into(),
        many => format!("the {many} things that it had changed are on record now"),
    })
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
