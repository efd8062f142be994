//! Actions on the world outside that a command makes up for: recorded before they happen, like all others, and undone
//! by running that command.

use std::pin::Pin;

use super::act::{ActError, Doer};
use super::check::Step;
use super::undo::event;
use crate::model::{ActionChange, ActionOp, ActionRecord, Compensation, Key, KeyKind, KeyState, Undoability};
use crate::store::RunLog;

/// A command that makes up for an action, ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amends {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Seconds it may take.
    pub timeout_seconds: u64,
    /// Whether it may use the network.
    pub network: bool,
}

/// What a command that makes up for an action printed, or why it failed.
pub type Amended<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// Whoever can run the commands that make up for actions.
pub trait Compensate: Send + Sync {
    /// Runs a command in the workspace, to its end. An error means that the action is still there.
    fn compensate<'a>(&'a self, amends: &'a Amends) -> Amended<'a>;

    /// Whether no command is to be started any more.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Runs nothing: every compensation fails.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCompensation;

impl Compensate for NoCompensation {
    fn compensate<'a>(&'a self, _: &'a Amends) -> Amended<'a> {
        Box::pin(std::future::ready(Err("no command can be run here".to_owned())))
    }
}

/// The row of a call that a compensation can make up for. `command`: as it is run, for people; `before`: what the
/// command before it printed.
///
/// # Errors
/// When it can't be written down; then it must not run.
pub fn compensable(
    doer: &Doer,
    command: &str,
    before: Option<String>,
    compensation: &Compensation,
) -> Result<ActionRecord, ActError> {
    let intended = serde_json::to_string(compensation)
        .map_err(|error| crate::store::StoreError::Damaged(format!("the compensation: {error}")))?;
    Ok(ActionRecord {
        span: doer.span,
        tool_span: doer.tool_span,
        tool_name: doer.tool_name.clone(),
        key: Key { kind: KeyKind::Compensation, name: command.to_owned() },
        op: ActionOp::External,
        old: before.map_or(KeyState::Absent, |text| KeyState::Text { text }),
        intended: KeyState::Text { text: intended },
        undo: Undoability::Undo,
    })
}

/// What a recorded compensation runs. `after`: the state that the action left.
pub(super) fn amends(record: &ActionRecord, after: &KeyState) -> Result<Amends, String> {
    let text = |state: &KeyState| match state {
        KeyState::Text { text } => Some(text.clone()),
        _ => None,
    };
    let stored = text(&record.intended).ok_or("its compensation is not on record")?;
    let stored: Compensation =
        serde_json::from_str(&stored).map_err(|error| format!("its compensation can't be read: {error}"))?;
    let argv = stored.command(text(&record.old).as_deref(), text(after).as_deref())?;
    Ok(Amends { argv, timeout_seconds: stored.timeout_seconds, network: stored.network })
}

/// Runs the compensation of an action, recorded before and after; why the action is still there otherwise.
pub(super) async fn make_up(log: &RunLog, by: &dyn Compensate, step: &Step, forced: bool) -> Result<(), String> {
    let failed = |why: &str| format!("its compensation failed, so it stays: {why}");
    let amends = amends(&step.record, &step.present).map_err(|why| failed(&why))?;
    let started = log.append_durable(vec![event(step.action, ActionChange::UndoStarted)]).durable().await;
    started.map_err(|error| format!("its compensation was not run: failed to {error}"))?;
    let result = by.compensate(&amends).await.map_err(|why| failed(&why))?;
    let rows = [ActionChange::Compensated { result }, ActionChange::Undone { forced }];
    let recorded = log.append_durable(rows.map(|change| event(step.action, change)).into()).durable().await;
    recorded
        .map(drop)
        .map_err(|error| format!("its compensation was run, and that is not on record: failed to {error}"))
}
