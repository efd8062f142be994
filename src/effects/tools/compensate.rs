//! Runs compensations: the undo commands of a user's own tools.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::bounded::keep_both_ends;
use super::tool::{Program, ShellCall};
use crate::effects::confine::{Shell, ShellLimits, ShellOutcome};
use crate::effects::mask::Masker;
use crate::effects::remote::{RemoteCall, Remotes, ServerHost};
use crate::model::UndoTool;
use crate::rollback::{Compensate, CompensationCommand, CompensationRun};

/// Characters of a compensation's output that are recorded.
const KEPT: usize = 4_000;

/// Runs one command until it ends or is stopped.
pub type Run = Arc<dyn Fn(ShellCall, CancellationToken) -> BoxFuture<'static, ShellOutcome> + Send + Sync>;

/// Runs compensations under the rules of every other command.
#[derive(Clone)]
pub struct Compensator {
    run: Run,
    masker: Arc<Masker>,
    stop: CancellationToken,
    /// Makes the calls of servers; without them, these compensations fail.
    remotes: Option<Remotes>,
}

impl Compensator {
    /// Runs them as every other command, and masks secrets in their recorded output. Where commands run in an
    /// overlay, their writes to the workspace are discarded: files are undone by their own actions.
    #[must_use]
    pub fn new(shell: Shell, masker: Arc<Masker>) -> Self {
        let run: Run = Arc::new(move |call, stop| {
            let shell = shell.clone();
            Box::pin(async move { shell.run(call.job(), ShellLimits::default(), stop).await.outcome })
        });
        Self::with_runner(run, masker)
    }

    /// Runs commands with another function.
    #[must_use]
    pub fn with_runner(run: Run, masker: Arc<Masker>) -> Self {
        Self { run, masker, stop: CancellationToken::new(), remotes: None }
    }

    /// Returns a copy that makes the undo calls of servers too.
    #[must_use]
    pub fn with_remotes(self, remotes: Remotes) -> Self {
        Self { remotes: Some(remotes), ..self }
    }

    /// Makes the undo call of a server.
    async fn call(&self, undo: UndoTool) -> Result<String, String> {
        let Some(remotes) = &self.remotes else { return Err("servers can't be asked here".into()) };
        let call = RemoteCall::undo(undo);
        let answer = remotes.run(&call, &ServerHost::default(), &self.stop).await;
        let text = keep_both_ends(&self.masker.mask(&format!("{}\n{}", call.line(), answer.text)), KEPT);
        if answer.fault { Err(text) } else { Ok(text) }
    }

    /// Returns a copy that `stop` cancels: it kills the running command and starts no other.
    #[must_use]
    pub fn with_stop(&self, stop: CancellationToken) -> Self {
        Self { stop, ..self.clone() }
    }
}

impl Compensate for Compensator {
    fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    fn compensate<'a>(&'a self, command: &'a CompensationCommand) -> CompensationRun<'a> {
        Box::pin(async move {
            let CompensationCommand { argv, tool, timeout_seconds, network, local_sockets } = command.clone();
            if let Some(undo) = tool {
                return self.call(undo).await;
            }
            let program = Program::Argv(argv);
            let line = program.to_string();
            let call = ShellCall { program, timeout_seconds, network, local_sockets, compensation: None };
            let outcome = (self.run)(call, self.stop.clone()).await;
            let text = keep_both_ends(&self.masker.mask(&format!("{line}\n{}", outcome.text)), KEPT);
            // Only exit code 0 counts as done.
            if outcome.exit == Some(0) { Ok(text) } else { Err(text) }
        })
    }
}
