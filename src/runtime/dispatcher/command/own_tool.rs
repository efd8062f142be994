//! A tool of a wrapped agent's own: the agent runs it, between two looks at the workspace.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::super::exec::{Done, ToolRun, fault};
use super::{NotRun, SnapshotFolders, stopped};
use crate::effects::tools::ToolError;
use crate::model::EffectClass;
use crate::rollback::record_command_end;
use crate::runtime::review::Review;
use crate::runtime::wrap::{ToolEnd, ToolUnderWay};
use crate::world::{Guard, Scope};

/// How long a tool of the agent's may keep the workspace from another one.
const PATIENCE: Duration = Duration::from_secs(3);

impl ToolRun {
    /// Lets the agent run a tool, and records what it changes. `line`: the use on one line.
    pub(in super::super) async fn run_outside(&self, line: String, effect: EffectClass) -> Done {
        let announced = self.services.agent.as_ref().and_then(|agent| agent.announced().take_tool(&self.path));
        let Some(tool) = announced else {
            return fault(&ToolError("the agent no longer waits for it".into()));
        };
        // One that only reads leaves the workspace to others.
        let folders = self.services.commands.folders.as_ref().filter(|_| effect != EffectClass::Read);
        let ran = match (folders, &self.services.commands.review) {
            (Some(_), Some(review)) => self.run_over_layer(tool, line, review).await,
            (Some(folders), None) => self.run_between_looks(tool, line, folders).await,
            (None, _) => Ok(self.let_run(tool).await),
        };
        ran.unwrap_or_else(|not_run| match not_run {
            NotRun::Before(error) => fault(&error),
            NotRun::Act(error) => Done::from_error(&error),
        })
    }

    async fn run_between_looks(
        &self,
        tool: ToolUnderWay,
        line: String,
        folders: &SnapshotFolders,
    ) -> Result<Done, NotRun> {
        let Some(guard) = self.lock_in_queue().await else { return Ok(stopped()) };
        self.check_recorded()?;
        let line = self.services.masker.mask(&line).into_owned();
        let snapshot = self.snapshot_following(folders, &line).await?;
        let started = self.start_line(line, None, Some(snapshot)).await?;
        let mut run = pin!(self.let_run(tool));
        let done = self.unless_in_the_way(&mut run).await;
        self.record_changes(started.command).await?;
        drop(guard);
        match done {
            Some(done) => Ok(done),
            None => Ok(run.await),
        }
    }

    /// Takes the workspace, in which another tool of the agent may be at work.
    async fn lock_in_queue(&self) -> Option<Guard> {
        let _waiting = self.services.agent.as_ref().map(|agent| agent.queue().enter());
        self.lock_unless_stopped(&Scope::Shell).await
    }

    /// Waits for a tool's end; `None`: another tool of the agent has waited for it for too long. The agent may wait for
    /// that one and never tell of this one: its own rules refused it.
    async fn unless_in_the_way(&self, run: impl Future<Output = Done>) -> Option<Done> {
        let Some(agent) = &self.services.agent else { return Some(run.await) };
        tokio::select! {
            biased;
            done = run => Some(done),
            () = agent.queue().blocked_for(PATIENCE) => {
                let text = "it has not ended, and another tool waits: what it changes from here on counts to others";
                self.note_error(text);
                None
            }
        }
    }

    /// Does the same where the agent's changes are held: what its layer shows after the tool is the tool's.
    async fn run_over_layer(&self, tool: ToolUnderWay, line: String, review: &Arc<Review>) -> Result<Done, NotRun> {
        let Some(guard) = self.lock_in_queue().await else { return Ok(stopped()) };
        let program = review.program().unwrap_or(&self.origin);
        let (guard, looked) = self.look_at_layer(guard, review.layer_since(), program).await;
        looked?;
        let line = self.services.masker.mask(&line).into_owned();
        let started = self.start_line(line, None, None).await?;
        let mut run = pin!(self.let_run(tool));
        let done = self.unless_in_the_way(&mut run).await;
        if let Some(guard) = guard {
            let (_guard, looked) = self.look_at_layer(guard, review.layer_since(), &self.origin).await;
            looked?;
            record_command_end(&self.log, started.command, None);
        }
        match done {
            Some(done) => Ok(done),
            None => Ok(run.await),
        }
    }

    /// Lets the agent run it, and waits until the agent tells of its end.
    async fn let_run(&self, tool: ToolUnderWay) -> Done {
        let edited = (tool.asked != self.call.args).then(|| self.call.args.clone());
        if tool.start.send(edited).is_err() {
            return fault(&ToolError("the agent no longer waits for it".into()));
        }
        let Some(end) = self.unless_stopped(tool.end).await else { return stopped() };
        match end {
            Ok(ToolEnd { text, failed }) => {
                let text = self.services.masker.mask(&text).into_owned();
                Done::Tool { text, fault: failed, cause: None }
            }
            Err(_) => fault(&ToolError("the agent ended before it told how this ended".into())),
        }
    }
}
