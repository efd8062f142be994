//! Actions outside of the workspace that have a compensation (an undo command). They are recorded before they happen,
//! like all actions; running the command undoes them.

use std::pin::Pin;

use super::act::{ActError, Origin};
use super::row::outcome_row;
use super::step::Step;
use crate::model::{ActionChange, ActionOp, ActionRecord, Compensation, Key, KeyKind, KeyState, UndoTool, Undoability};
use crate::store::RunLog;

/// The command of a compensation, ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompensationCommand {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The call of a server to make instead.
    pub tool: Option<UndoTool>,
    /// The timeout in seconds.
    pub timeout_seconds: u64,
    /// True when it may use the network.
    pub network: bool,
    /// True when it may use Unix sockets, also without the network.
    pub local_sockets: bool,
}

/// A running compensation: resolves to its output, or to the reason why it failed.
pub type CompensationRun<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// Runs compensations.
pub trait Compensate: Send + Sync {
    /// Runs a command in the workspace and waits for its end. After an error the action counts as still applied.
    fn compensate<'a>(&'a self, command: &'a CompensationCommand) -> CompensationRun<'a>;

    /// True once no further command may start.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Runs nothing: every compensation fails.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCompensator;

impl Compensate for NoCompensator {
    fn compensate<'a>(&'a self, _: &'a CompensationCommand) -> CompensationRun<'a> {
        Box::pin(std::future::ready(Err("commands can't run here".to_owned())))
    }
}

/// Builds the record of a call that has a compensation. `command`: the command line as users see it; `before`: the
/// output of the tool's `before` command.
///
/// # Errors
/// When the compensation can't be written as JSON; then the call must not run.
pub fn compensation_record(
    origin: &Origin,
    command: &str,
    before: Option<String>,
    compensation: &Compensation,
) -> Result<ActionRecord, ActError> {
    let intended = serde_json::to_string(compensation)
        .map_err(|error| crate::store::StoreError::Damaged(format!("the undo command: {error}")))?;
    Ok(ActionRecord {
        span: origin.span,
        tool_span: origin.tool_span,
        tool_name: origin.tool_name.clone(),
        key: Key { kind: KeyKind::Compensation, name: command.to_owned() },
        op: ActionOp::External,
        old: before.map_or(KeyState::Absent, |text| KeyState::Text { text }),
        intended: KeyState::Text { text: intended },
        undo: Undoability::Undo,
    })
}

/// Returns the command of a recorded compensation. `after`: the after-image of the action.
pub(super) fn compensation_command(record: &ActionRecord, after: &KeyState) -> Result<CompensationCommand, String> {
    let text = |state: &KeyState| match state {
        KeyState::Text { text } => Some(text.clone()),
        _ => None,
    };
    let stored = text(&record.intended).ok_or("the log has no undo command for it")?;
    let stored: Compensation =
        serde_json::from_str(&stored).map_err(|error| format!("its undo command can't be read: {error}"))?;
    let tool = stored.tool_call(text(after).as_deref())?;
    let argv = stored.command(text(&record.old).as_deref(), text(after).as_deref())?;
    Ok(CompensationCommand {
        argv,
        tool,
        timeout_seconds: stored.timeout_seconds,
        network: stored.network,
        local_sockets: stored.local_sockets,
    })
}

/// Runs the compensation of an action, and records its start and its result. The error says why the action stays
/// applied, or that the command has run and its result is not recorded.
pub(super) async fn run_compensation(
    log: &RunLog,
    compensator: &dyn Compensate,
    step: &Step,
    forced: bool,
) -> Result<(), String> {
    let failed = |why: &str| format!("its undo command failed, so the action stays: {why}");
    let command = compensation_command(&step.record, &step.present).map_err(|why| failed(&why))?;
    let started = log.append_durable(vec![outcome_row(step.action, ActionChange::UndoStarted)]).durable().await;
    started.map_err(|error| format!("its undo command was not run: failed to {error}"))?;
    let result = compensator.compensate(&command).await.map_err(|why| failed(&why))?;
    let rows = [ActionChange::Compensated { result }, ActionChange::Undone { forced }];
    let recorded = log.append_durable(rows.map(|change| outcome_row(step.action, change)).into()).durable().await;
    recorded.map(drop).map_err(|error| format!("its undo command has run, but that is not recorded: failed to {error}"))
}
