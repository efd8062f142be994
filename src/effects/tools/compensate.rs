//! Runs compensations: commands that make up for what a tool of the user's own did.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Program, ShellCall, ShellLimits, ShellOutcome, clip};
use crate::effects::Masker;
use crate::effects::confine::Shell;
use crate::rollback::{Compensate, CompensationCommand, CompensationRun};

/// Characters of a compensation's output that are recorded.
const KEPT: usize = 4_000;

/// Runs one command to its end, or until it is stopped.
pub type Run = Arc<dyn Fn(ShellCall, CancellationToken) -> BoxFuture<'static, ShellOutcome> + Send + Sync>;

/// Runs compensations by the rules of every other command.
#[derive(Clone)]
pub struct Compensator {
    run: Run,
    masker: Arc<Masker>,
    stop: CancellationToken,
}

impl Compensator {
    /// Runs them as every other command; secrets are masked in what is recorded. What one writes into the workspace
    /// is dropped where commands run in an overlay: undoing the files is the business of their own actions.
    #[must_use]
    pub fn new(shell: Shell, masker: Arc<Masker>) -> Self {
        let run: Run = Arc::new(move |call, stop| {
            let shell = shell.clone();
            Box::pin(async move { shell.run(call.job(), ShellLimits::default(), stop).await.outcome })
        });
        Self::with(run, masker)
    }

    /// With another way to run a command.
    #[must_use]
    pub fn with(run: Run, masker: Arc<Masker>) -> Self {
        Self { run, masker, stop: CancellationToken::new() }
    }

    /// One that can be stopped: the command under way is killed, and no other is started.
    #[must_use]
    pub fn until(&self, stop: CancellationToken) -> Self {
        Self { stop, ..self.clone() }
    }
}

impl Compensate for Compensator {
    fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    fn compensate<'a>(&'a self, command: &'a CompensationCommand) -> CompensationRun<'a> {
        Box::pin(async move {
            let CompensationCommand { argv, timeout_seconds, network } = command.clone();
            let program = Program::Argv(argv);
            let line = program.to_string();
            let call = ShellCall { program, timeout_seconds, network, compensation: None };
            let outcome = (self.run)(call, self.stop.clone()).await;
            let text = clip(&self.masker.mask(&format!("{line}\n{}", outcome.text)), KEPT);
            // Only the command's own word that all went well counts.
            if outcome.exit == Some(0) { Ok(text) } else { Err(text) }
        })
    }
}
