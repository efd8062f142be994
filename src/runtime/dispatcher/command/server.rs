//! Calls of servers that run in the workspace: found as the changes of a command in capture mode snapshot are, whatever
//! the mode of commands. A server sees the workspace as it is: an overlay that lives as long as it does would hide from
//! it what others write and what is undone meanwhile.
//!
//! It has the workspace alone while a call is open. What it changes between two calls is found as the change of another
//! program.

use std::path::PathBuf;
use std::time::Duration;

use super::super::exec::{Done, ToolRun};
use super::super::remote::{done, stopped};
use super::{NotRun, SnapshotFolders};
use crate::effects::remote::{RemoteAnswer, RemoteCall};
use crate::model::EffectClass;
use crate::rollback::capture::Snapshots;
use crate::world::Scope;

/// The time between two marks that the call is still open.
const TICK: Duration = Duration::from_secs(1);

impl ToolRun {
    /// Asks a server between two looks at the workspace, and records what was changed.
    pub(in super::super) async fn run_server(
        &self,
        call: &RemoteCall,
        effect: EffectClass,
        folders: &SnapshotFolders,
    ) -> Done {
        let asked = self.ask_server(call, effect, folders).await;
        asked.unwrap_or_else(|not_run| match not_run {
            NotRun::Before(error) => super::fault(&error),
            NotRun::Act(error) => Done::from_error(&error),
        })
    }

    async fn ask_server(
        &self,
        call: &RemoteCall,
        effect: EffectClass,
        folders: &SnapshotFolders,
    ) -> Result<Done, NotRun> {
        let Some(_guard) = self.lock_unless_stopped(&Scope::Shell).await else { return Ok(stopped()) };
        self.check_recorded()?;
        let outside = self.remote_record(call, effect)?;
        let snapshot = self.snapshot(folders).await?;
        let line = self.services.masker.mask(&call.line()).into_owned();
        let started = self.start_line(line, outside, Some(snapshot)).await?;
        let answer = self.ask_marked(call, Snapshots::end_mark(&folders.run)).await;
        if let Some(action) = started.outside {
            self.record_answer(action, call, &answer);
        }
        let said = self.record_changes(started.command).await?;
        Ok(done(answer, said.as_deref()))
    }

    /// Asks a server, and marks meanwhile that the call is open. When this process is killed, so is the server: changes
    /// after the last mark are by others.
    async fn ask_marked(&self, call: &RemoteCall, mark: PathBuf) -> RemoteAnswer {
        let answer = self.ask(call);
        tokio::pin!(answer);
        loop {
            // Without the mark, the time of the last row counts.
            let _ = tokio::fs::write(&mark, b".").await;
            tokio::select! {
                answer = &mut answer => {
                    let _ = tokio::fs::write(&mark, b".").await;
                    return answer;
                }
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }
}
