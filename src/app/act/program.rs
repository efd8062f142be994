//! Copy, cancel, quit.

use crate::app::{Ask, Command, Pane, Popup, State};
use crate::model::{self, RunStatus};

/// Copies what the focus is on.
pub(super) fn copy(state: &mut State) -> Vec<Command> {
    let (what, text) = match state.focus {
        Pane::Tree => ("path", Some(state.run.trace.path(state.selected()))),
        Pane::Detail => ("text", state.detail.selected_text()),
        Pane::Log => ("line", state.log.selected().map(|line| line.text.clone())),
        Pane::Rollback => {
            let entry = state.rollback.selected().and_then(|seq| state.run.ledger.get(seq));
            ("key", entry.map(|entry| entry.record.key.name.clone()))
        }
    };
    let Some(text) = text else {
        state.say("nothing here to copy");
        return Vec::new();
    };
    state.say(format!("{what} copied"));
    vec![Command::Copy(text)]
}

pub(super) fn ask_cancel(state: &mut State) {
    let lines = vec!["What runs is cancelled. Everything recorded stays, and can be undone.".into()];
    let ask = Ask::enter("Cancel the run", lines, vec![Command::Run(model::Command::Cancel)]);
    state.popup = Some(Popup::Ask(ask));
}

/// Quits; asks first while the run is live.
pub(super) fn quit(state: &mut State) -> Vec<Command> {
    let commands = leave(state);
    if !state.is_live() {
        return commands;
    }
    let lines = vec!["The run is still under way: quitting cancels it. Everything recorded stays.".into()];
    state.popup = Some(Popup::Ask(Ask::enter("Quit", lines, commands)));
    Vec::new()
}

/// Ends the session. The exit code tells how the run ended.
pub(super) fn leave(state: &State) -> Vec<Command> {
    let code = match state.run.status {
        RunStatus::Ok => 0,
        RunStatus::Failed => 1,
        RunStatus::Running if state.run.trace.is_empty() => 0,
        RunStatus::Running | RunStatus::Cancelled | RunStatus::Interrupted => 130,
    };
    vec![Command::Run(model::Command::Quit), Command::Exit(code)]
}
