//! A run that was made elsewhere: the first change of it shows its workspace and wants `y`.

use crate::app::ask::YES;
use crate::app::{Ask, Command, Popup, State, safe};
use crate::model::{self, MadeElsewhere};

/// Holds commands that would change a run that was made elsewhere, and asks whether its workspace may be changed.
pub(in crate::app) fn hold_changes(state: &mut State, commands: Vec<Command>) -> Vec<Command> {
    let Some(foreign) = &state.foreign else { return commands };
    if commands.contains(&Command::Run(model::Command::ConfirmWorkspace)) {
        return commands;
    }
    let (changes, others): (Vec<Command>, Vec<Command>) = commands.into_iter().partition(is_change);
    if !changes.is_empty() {
        let confirmed = std::iter::once(Command::Run(model::Command::ConfirmWorkspace)).chain(changes).collect();
        let ask = Ask::yes("Made elsewhere: change files here?", YES, lines(foreign), confirmed);
        state.popup = Some(Popup::Ask(ask));
    }
    others
}

fn lines(foreign: &MadeElsewhere) -> Vec<String> {
    vec![
        format!("workspace {}", safe::line(&foreign.workspace)),
        String::new(),
        format!("This run was made elsewhere: {}.", safe::line(&foreign.why)),
        "Undo and retry would change files in this workspace. What an interrupted undo left is finished too."
            .to_owned(),
        "This is asked once for each such run.".to_owned(),
    ]
}

/// True for a command that changes the run or its workspace, or leads to that.
fn is_change(command: &Command) -> bool {
    use model::Command as C;
    let Command::Run(command) = command else { return false };
    !matches!(command, C::Inspect { .. } | C::Plan { .. } | C::Diff { .. } | C::SetBreakpoints(_) | C::Quit)
}
