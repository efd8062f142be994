//! The overlay lane: what the command wrote beside the workspace lands in it, recorded first, if it may.

use super::super::exec::{Done, ToolRun};
use super::landing::Written;
use super::{answer, stopped};
use crate::effects::confine::Ran;
use crate::effects::tools::ShellCall;
use crate::rollback::{ActError, command_ended};

impl ToolRun {
    pub(super) async fn run_overlay(&self, call: &ShellCall) -> Result<Done, ActError> {
        if self.stop.is_cancelled() {
            return Ok(stopped());
        }
        let since = self.means.commands.shell.file_time().await;
        let started = self.start(call, None).await?;
        let ran = self.execute(call, true).await;
        self.outside_ended(&started, &ran);
        let command = started.command;
        let dropped = match (&ran.upper, why_dropped(&ran)) {
            (_, Some(why)) => Some(why),
            (None, None) => None,
            (Some(upper), None) => {
                let upper = upper.path().to_owned();
                Written { run: self, command, upper, since }.settle().await?
            }
        };
        let said = dropped.as_ref().map(|why| format!("none of its changes was kept: {why}"));
        command_ended(&self.log, command, dropped);
        Ok(answer(&ran, said.as_deref()))
    }
}

/// A command that was ended from outside stopped half-way: nothing of it is kept.
fn why_dropped(ran: &Ran) -> Option<String> {
    if !ran.outcome.started {
        return Some("it could not be started".into());
    }
    ran.killed.then(|| "it was killed half-way".into())
}
