//! Commands that a compensation can make up for: what runs before them, and their rows.

use super::super::ask::Failure;
use super::exec::{Done, ToolRun, fault};
use crate::effects::tools::{Compensation, Program, ShellCall, ShellLimits, ShellOutcome, ToolError, run_shell};
use crate::model::{EffectClass, Seq};
use crate::rollback::{compensable_done, external_done, record_compensable, record_external, record_permanent};

/// The row of what a command does to the world outside.
pub(super) enum Outside {
    /// It does nothing there.
    None,
    /// It can't be taken back.
    Permanent(Seq),
    /// A compensation can make up for it.
    Compensable(Seq),
}

impl ToolRun {
    /// Runs what has to run before a command, and records what the command will do outside, durably. On an error the
    /// command must not run.
    pub(super) async fn record_outside(&self, call: &ShellCall, effect: EffectClass) -> Result<Outside, Done> {
        let line = self.means.masker.mask(&call.program.to_string()).into_owned();
        let recorded = match &call.compensation {
            Some(compensation) => {
                let before = self.before(call, compensation).await.map_err(|error| fault(&error))?;
                record_compensable(&self.log, &self.doer, &line, before, compensation).await.map(Outside::Compensable)
            }
            None if effect == EffectClass::Read => return Ok(Outside::None),
            None if matches!(call.program, Program::Argv(_)) && effect == EffectClass::Irreversible => {
                let why = "can't be taken back";
                record_permanent(&self.log, &self.doer, &line, why).await.map(Outside::Permanent)
            }
            None => record_external(&self.log, &self.doer, &line).await.map(Outside::Permanent),
        };
        recorded.map_err(|error| Done::Broken(Failure::new(format!("failed to {error}"))))
    }

    /// What the command before prints; `None` when there is no such command.
    async fn before(&self, call: &ShellCall, compensation: &Compensation) -> Result<Option<String>, ToolError> {
        let Some(argv) = &compensation.before else { return Ok(None) };
        let program = Program::Argv(argv.clone());
        let line = program.to_string();
        let before = ShellCall { program, compensation: None, ..call.clone() };
        let outcome = run_shell(&before, self.means.world.root(), ShellLimits::default()).await;
        if outcome.exit == Some(0) {
            return Ok(Some(outcome.printed));
        }
        let tool = &self.doer.tool_name;
        let text = outcome.text;
        Err(ToolError(format!("{tool} was not run: the command before it failed: {line}\n{text}")))
    }

    /// Records how the command ended.
    pub(super) fn outside_done(&self, row: &Outside, outcome: &ShellOutcome) {
        let result = if outcome.started { Ok(outcome.printed.clone()) } else { Err(outcome.text.clone()) };
        match row {
            Outside::None => {}
            Outside::Permanent(action) => external_done(&self.log, *action, result.map(drop)),
            Outside::Compensable(action) => compensable_done(&self.log, *action, result),
        }
    }
}
