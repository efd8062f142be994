//! Capture mode overlay: changes that the command wrote beside the workspace are recorded, and then applied.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use super::super::exec::{Done, ToolRun};
use super::apply::{Discarded, Outcome, Written};
use super::outside::first_of;
use super::{NotRun, SnapshotFolders, answer, stopped};
use crate::effects::confine::ShellRun;
use crate::effects::tools::{ShellCall, ToolError};
use crate::model::{ActionRecord, EffectClass, EndCause};
use crate::rollback::{ActError, record_command_end};

impl ToolRun {
    pub(super) async fn run_overlay(
        &self,
        call: &ShellCall,
        effect: EffectClass,
        folders: &SnapshotFolders,
    ) -> Result<Done, NotRun> {
        if self.stop.is_cancelled() {
            return Ok(stopped());
        }
        let before = match first_of(call) {
            Some(first) => Some(self.before_over(&first, folders).await?),
            None => None,
        };
        let outside = self.outside(call, effect, before)?;
        let (ran, outcome) = self.over(call, effect, outside, folders).await?;
        let by_user = outcome.discarded.as_ref().is_some_and(|discarded| discarded.by_user);
        let why = outcome.discarded.map(|discarded| discarded.why);
        let note = why.as_ref().map(|why| format!("its changes were discarded: {why}")).or(outcome.note);
        let done = answer(&ran, note.as_deref());
        Ok(if by_user { discarded(done) } else { done })
    }

    /// Runs the command before another one. The other one finds its changes in the workspace.
    async fn before_over(&self, first: &ShellCall, folders: &SnapshotFolders) -> Result<String, NotRun> {
        let (ran, outcome) = self.over(first, EffectClass::Read, None, folders).await?;
        let printed = self.printed_before(first, ran.outcome)?;
        match outcome.discarded {
            None => Ok(printed),
            Some(Discarded { why, .. }) => {
                let tool = &self.origin.tool_name;
                let why = format!("{tool} was not run: the changes of the command before it were discarded: {why}");
                Err(NotRun::Before(ToolError(why)))
            }
        }
    }

    /// Runs a command over the workspace, and applies its changes.
    async fn over(
        &self,
        call: &ShellCall,
        effect: EffectClass,
        outside: Option<ActionRecord>,
        folders: &SnapshotFolders,
    ) -> Result<(ShellRun, Outcome), NotRun> {
        let before = async {
            let since = file_time(&folders.run).await.map_err(|error| ActError::NotFound(error.to_string()))?;
            Ok((since, self.start(call, outside, None).await?))
        };
        let ((since, started), ran) = self.execute_after(call.job(), before).await?;
        self.outside_ended(&started, call, effect, &ran);
        let command = started.command;
        let outcome = match (&ran.written, why_discarded(&ran)) {
            (_, Some(why)) => Outcome { discarded: Some(Discarded { why, by_user: false }), note: None },
            (None, None) => Outcome::default(),
            (Some(written), None) => {
                let (upper, printed) = (written.upper(), ran.outcome.text.as_str());
                Written { run: self, command, upper, since, printed, discarded: Mutex::default() }.finish().await?
            }
        };
        record_command_end(&self.log, command, outcome.discarded.as_ref().map(|discarded| discarded.why.clone()));
        Ok((ran, outcome))
    }
}

/// A result whose changes the user discarded.
fn discarded(done: Done) -> Done {
    match done {
        Done::Tool { text, fault: false, cause: None } => {
            Done::Tool { text, fault: false, cause: Some(EndCause::Discarded) }
        }
        other => other,
    }
}

/// A command that was ended from outside stopped half-way: nothing of it is kept.
fn why_discarded(ran: &ShellRun) -> Option<String> {
    if !ran.outcome.started {
        return Some("it failed to start".into());
    }
    (ran.killed || ran.signal.is_some()).then(|| "it was killed half-way".into())
}

/// A moment on the clock of the file system: what is changed after this returned has this time or a later one, and what
/// was changed before it was called an earlier one.
async fn file_time(folder: &Path) -> io::Result<SystemTime> {
    let before = now_in(folder)?;
    loop {
        let now = now_in(folder)?;
        if now > before {
            return Ok(now);
        }
        // The clock of files goes in steps of some milliseconds.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn now_in(folder: &Path) -> io::Result<SystemTime> {
    tempfile::tempfile_in(folder)?.metadata()?.modified()
}
