//! The shell tool.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::args::{Args, Param, ParamType};
use super::builtin::Builtin;
use super::tool::{Prepared, Program, ShellCall, ToolError};
use crate::effects::confine::{Job, Shell, ShellLimits, ShellOutcome};
use crate::model::EffectClass;

/// Seconds a command may take when it does not say.
const USUAL_TIMEOUT: u64 = 120;
/// Seconds a command may ask for.
const LONGEST_TIMEOUT: u64 = 3600;
/// The shell tool.
pub(super) static TOOLS: [Builtin; 1] = [Builtin {
    name: "tama_bash",
    about: "Runs a shell command in the workspace; answers with its output and exit code.",
    effect: EffectClass::Reversible,
    params: &[
        Param::required("command", ParamType::Text, "the command, for bash"),
        Param::optional("timeout", ParamType::Count, "seconds it may take; 120 when left out, 3600 at most"),
    ],
    prepare: bash,
}];

fn bash(args: &Args<'_>) -> Result<Prepared, ToolError> {
    let command = args.text("command");
    if command.trim().is_empty() {
        return Err(ToolError("\"command\" must not be empty".into()));
    }
    if command.contains('\0') {
        return Err(ToolError("\"command\" must not contain a NUL character".into()));
    }
    let timeout_seconds = args.count("timeout").unwrap_or(USUAL_TIMEOUT).min(LONGEST_TIMEOUT);
    let program = Program::Shell(command);
    Ok(Prepared::Shell(ShellCall {
        program,
        timeout_seconds,
        network: false,
        local_sockets: false,
        compensation: None,
    }))
}

impl ShellCall {
    /// Converts the call into a job.
    pub fn job(&self) -> Job {
        let mut job = match &self.program {
            Program::Shell(command) => Job::shell(command, Duration::ZERO),
            Program::Argv(argv) => {
                Job { programs: vec![argv.iter().map(Into::into).collect()], ..Job::shell("", Duration::ZERO) }
            }
        };
        job.timeout = Duration::from_secs(self.timeout_seconds);
        job.network = self.network;
        job.local_sockets = self.local_sockets;
        job
    }
}

/// Runs a command in a folder, without confinement. Kills every process of its group when the shell ends, at the
/// timeout, or when the future is dropped.
pub async fn run_shell(call: &ShellCall, dir: &Path, limits: ShellLimits) -> ShellOutcome {
    Shell::unconfined(dir).run(call.job(), limits, CancellationToken::new()).await.outcome
}
