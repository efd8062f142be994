//! After a crash: what the layer of a reviewed agent shows and the log has not is recorded as held.

use std::path::Path;

use super::super::act::Origin;
use super::super::capture::{Rules, Snapshots};
use super::super::interrupted_commands::read_end_mark;
use super::super::record::record_command_end;
use super::{HeldLayer, look};
use crate::model::{CaptureMode, CommandStart, Seq};
use crate::store::RunLog;
use crate::world::World;

/// Records what an interrupted agent wrote and the log has not, and closes its commands; returns one line for each thing
/// to say. `layer`: `None` when it is gone. The caller holds the lock.
pub async fn recover_held(
    log: &RunLog,
    world: &World,
    layer: Option<&HeldLayer>,
    run: &Path,
    rules: &Rules,
) -> Vec<String> {
    let open: Vec<(Seq, CommandStart)> = log.with(|state| {
        let open = state.commands.iter().filter(|(_, start)| start.capture == CaptureMode::Overlay);
        open.map(|(seq, start)| (*seq, start.clone())).collect()
    });
    // The newest is a tool of the agent's own, or its program.
    let Some((_, newest)) = open.last() else { return Vec::new() };
    // Its processes are killed at once; what they write until then counts.
    read_end_mark(&Snapshots::agent_mark(run)).await;
    let found = match layer {
        None => Err("its layer is gone, and with it what was not recorded yet".to_owned()),
        Some(layer) => {
            let origin = log.with(|state| Origin {
                span: state.trace.agent_of(newest.span),
                tool_span: newest.span,
                tool_name: state.trace.name(newest.span).to_owned(),
            });
            look(log, world, layer, rules, &origin).await.map_err(|error| format!("failed to {error}"))
        }
    };
    let lost = match &found {
        Ok(_) => None,
        Err(why) if layer.is_none() => Some(why.clone()),
        // Opening the run again tries again.
        Err(why) => return vec![format!("failed to record what the agent wrote before it was interrupted: {why}")],
    };
    for (command, _) in &open {
        record_command_end(log, *command, lost.clone());
    }
    match found {
        Ok(0) => vec!["the agent was interrupted; all that it wrote was recorded".to_owned()],
        Ok(1) => vec!["the agent was interrupted; one change of it is recorded now, and held".to_owned()],
        Ok(many) => vec![format!("the agent was interrupted; {many} changes of it are recorded now, and held")],
        Err(why) => vec![format!("the agent was interrupted: {why}")],
    }
}
