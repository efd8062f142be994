//! Runs compensations: commands that make up for what a tool of the user's own did.

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::{Program, ShellCall, ShellLimits, ShellOutcome, clip, run_shell};
use crate::effects::Masker;
use crate::rollback::{Amended, Amends, Compensate};

/// Characters of a compensation's output that are recorded.
const KEPT: usize = 4_000;

/// Runs one command to its end.
pub type Run = Arc<dyn Fn(ShellCall) -> BoxFuture<'static, ShellOutcome> + Send + Sync>;

/// Runs compensations by the rules of every other command.
#[derive(Clone)]
pub struct Compensator {
    run: Run,
    masker: Arc<Masker>,
}

impl Compensator {
    /// For a workspace; secrets are masked in what is recorded.
    #[must_use]
    pub fn new(workspace: PathBuf, masker: Arc<Masker>) -> Self {
        let run: Run = Arc::new(move |call| {
            let dir = workspace.clone();
            Box::pin(async move { run_shell(&call, &dir, ShellLimits::default()).await })
        });
        Self::with(run, masker)
    }

    /// With another way to run a command.
    #[must_use]
    pub fn with(run: Run, masker: Arc<Masker>) -> Self {
        Self { run, masker }
    }
}

impl Compensate for Compensator {
    fn compensate<'a>(&'a self, amends: &'a Amends) -> Amended<'a> {
        Box::pin(async move {
            let Amends { argv, timeout_seconds, network } = amends.clone();
            let program = Program::Argv(argv);
            let line = program.to_string();
            let outcome = (self.run)(ShellCall { program, timeout_seconds, network, compensation: None }).await;
            let text = clip(&self.masker.mask(&format!("{line}\n{}", outcome.text)), KEPT);
            // Only the command's own word that all went well counts.
            if outcome.exit == Some(0) { Ok(text) } else { Err(text) }
        })
    }
}
