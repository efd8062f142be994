//! Copy, cancel, quit.

use super::trying;
use crate::app::ask::YES_NO;
use crate::app::{AgentPane, Ask, Command, Pane, Popup, State, panel};
use crate::model::{self, RunStatus};

/// Copies what the focus is on.
pub(super) fn copy(state: &mut State) -> Vec<Command> {
    if state.focus == Pane::Agent {
        state.say("the agent's picture copied");
        return vec![Command::CopyAgent];
    }
    panel::copy(state)
}

pub(super) fn ask_cancel(state: &mut State) {
    if trying::is_busy(state) {
        return trying::ask_cancel(state);
    }
    let mut lines = Vec::new();
    lines.extend(running_undo(state));
    if state.is_live() {
        lines.push("Running calls are cancelled. Everything recorded stays, and can be undone.".into());
    }
    let title = if state.is_live() { "Cancel the run" } else { "Cancel the undo" };
    let ask = Ask::enter(title, YES_NO, lines, vec![Command::Run(model::Command::Cancel)]);
    state.popup = Some(Popup::Ask(ask));
}

/// Says what happens to a running undo command.
fn running_undo(state: &State) -> Option<String> {
    let action = state.rollback.under_way().undo_command()?;
    Some(format!("The undo command of {action} still runs: it is stopped half-way, and the action stays."))
}

/// Quits; asks first while something is under way.
pub(super) fn quit(state: &mut State) -> Vec<Command> {
    let commands = leave(state);
    let live = state.is_live().then(|| match state.agent.as_ref().filter(|agent| agent.end().is_none()) {
        Some(agent) => {
            format!("{} still runs: quitting ends it. Everything recorded stays, and can be undone.", agent.name())
        }
        None => "The run is live: quitting cancels it. Everything recorded stays.".to_owned(),
    });
    let tries = trying::is_busy(state).then(|| {
        "Tries are under way: quitting takes the last one back, and the run is as it was before R.".to_owned()
    });
    let lines: Vec<String> = running_undo(state).into_iter().chain(tries.or(live)).collect();
    if lines.is_empty() || state.closed {
        return commands;
    }
    state.popup = Some(Popup::Ask(Ask::enter("Quit", YES_NO, lines, commands)));
    Vec::new()
}

/// Ends the session. The exit code tells how the run ended.
pub(super) fn leave(state: &State) -> Vec<Command> {
    let agent = state.agent.as_ref().and_then(AgentPane::end).and_then(|end| end.exit);
    let code = match state.run.status {
        // The agent's own, as if it had run without this program.
        RunStatus::Ok | RunStatus::Failed if agent.is_some() => agent.map_or(1, |code| u8::try_from(code).unwrap_or(1)),
        RunStatus::Ok => 0,
        RunStatus::Failed => 1,
        // One that is live elsewhere goes on there.
        RunStatus::Running if state.run.trace.is_empty() || state.is_looked_at => 0,
        RunStatus::Running | RunStatus::Cancelled | RunStatus::Interrupted => 130,
    };
    vec![Command::Run(model::Command::Quit), Command::Exit(code)]
}
