//! Performs changes: the log has a change and its before-image on disk before the world changes.

use std::collections::HashMap;

use super::row::outcome_row;
use super::state::{Location, location, same_content};
use crate::model::{
    ActionChange, ActionOp, ActionRecord, Element, Key, KeyKind, KeyState, Seq, SpanId, TraceBody, Undoability,
};
use crate::store::{AfterImage, RunLog, StoreError};
use crate::world::{Change, Value, World};

/// The agent and tool that make an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The agent's span.
    pub span: SpanId,
    /// The tool's own span.
    pub tool_span: SpanId,
    /// The tool.
    pub tool_name: String,
}

/// An error while performing a change; phrased to follow "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The row was not written, so nothing was done.
    #[error("record the action, so it was not done: {0}")]
    NotRecorded(#[from] StoreError),
    /// The present state was not readable, so nothing was done.
    #[error("read {key} before changing it, so nothing was done: {why}")]
    NotRead {
        /// The key.
        key: String,
        /// The world's error.
        why: String,
    },
    /// The changes of a command were not found.
    #[error("find the command's changes: {0}")]
    NotFound(String),
    /// A change failed; those before it in the same call are done.
    #[error("change {key}: {why}")]
    NotDone {
        /// The action that failed.
        action: Seq,
        /// Its key.
        key: String,
        /// The world's error.
        why: String,
    },
}

/// Performs changes, each recorded before it happens; returns their actions, in order. The caller holds the lock.
///
/// # Errors
/// When a change could not be recorded (then nothing happened) or not be made (then those before it are applied).
pub async fn perform(log: &RunLog, world: &World, origin: &Origin, changes: Vec<Change>) -> Result<Vec<Seq>, ActError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let olds = read_before(log, world, &changes)?;
    let rows = changes.iter().zip(&olds).map(|(change, old)| TraceBody::Action(row(origin, change, old))).collect();
    let rows = log.append_durable(rows);
    let actions: Vec<Seq> = (rows.first.0..).take(changes.len()).map(Seq).collect();
    if let Err(error) = rows.durable().await {
        // Only observers see it: the log can't record it either.
        let not_applied = |action| outcome_row(action, ActionChange::NotApplied);
        log.append(actions.into_iter().map(not_applied).collect());
        return Err(error.into());
    }
    let mut outcomes = Vec::with_capacity(changes.len());
    let mut failed: Option<ActError> = None;
    for ((change, old), action) in changes.iter().zip(&olds).zip(&actions) {
        let outcome = match &failed {
            Some(before) => ActionChange::Failed { error: format!("not tried: failed to {before}") },
            None => match put_change(world, change, old, *action) {
                Ok(after) => ActionChange::Applied { kept: keep_after(log, change, &after), after },
                Err((outcome, why)) => {
                    failed = Some(ActError::NotDone { action: *action, key: change.key.to_string(), why });
                    outcome
                }
            },
        };
        outcomes.push(outcome_row(*action, outcome));
    }
    log.append(outcomes);
    failed.map_or(Ok(actions), Err)
}

/// Keeps the file that a change left; true if it is kept.
fn keep_after(log: &RunLog, change: &Change, after: &KeyState) -> bool {
    match &change.new {
        Value::File { bytes, .. } => log.keep_after_image(after, AfterImage::Bytes(bytes)),
        _ => false,
    }
}

/// Reads the before-image of each change: the world's state, or the state that an earlier change of the call leaves.
fn read_before(log: &RunLog, world: &World, changes: &[Change]) -> Result<Vec<Value>, ActError> {
    let mut states: HashMap<Location, Value> = HashMap::new();
    let mut olds = Vec::with_capacity(changes.len());
    for change in changes {
        let at = location(&change.key);
        let old = match states.get(&at) {
            Some(value) => value.clone(),
            None => world
                .read(&change.key)
                .map_err(|error| ActError::NotRead { key: change.key.to_string(), why: error.to_string() })?,
        };
        if let Value::File { bytes, .. } = &old {
            log.recorder().put_blob(bytes)?;
        }
        // The seq is not known yet; only the element's text matters to a later change of the same call.
        states.insert(at, apply_change(change, &old, Seq(0)));
        olds.push(old);
    }
    Ok(olds)
}

fn row(origin: &Origin, change: &Change, old: &Value) -> ActionRecord {
    let intended = match change.op {
        ActionOp::Append => change.new.state(),
        _ => apply_change(change, old, Seq(0)).state(),
    };
    ActionRecord {
        span: origin.span,
        tool_span: origin.tool_span,
        tool_name: origin.tool_name.clone(),
        key: change.key.clone(),
        op: change.op,
        old: old.state(),
        intended,
        undo: Undoability::Undo,
    }
}

/// Returns the value that a change makes of the present one.
#[must_use]
pub fn apply_change(change: &Change, old: &Value, action: Seq) -> Value {
    match (change.op, &change.new, old) {
        (ActionOp::Append, Value::Text(text), old) => {
            match old.state().with_element(Element { by: action, text: text.clone() }) {
                KeyState::List { elements } => Value::List(elements),
                _ => change.new.clone(),
            }
        }
        (_, Value::File { bytes, mode: None }, Value::File { mode, .. }) => {
            Value::File { bytes: bytes.clone(), mode: *mode }
        }
        _ => change.new.clone(),
    }
}

/// Puts one change into the world and returns the after-image; on failure, the outcome to record and the error.
pub(super) fn put_change(
    world: &World,
    change: &Change,
    old: &Value,
    action: Seq,
) -> Result<KeyState, (ActionChange, String)> {
    let key = &change.key;
    if key.kind == KeyKind::Memory {
        // Read again: an append keeps the elements of the same call, with their actions.
        let now = world.read(key).unwrap_or_else(|_| old.clone());
        return match world.put(key, &apply_change(change, &now, action)) {
            Ok(()) => Ok(change.new.state()),
            Err(error) => Err((ActionChange::Failed { error: error.to_string() }, error.to_string())),
        };
    }
    // Read again: another program or person may have changed it during the commit.
    if let Ok(found) = world.peek(key)
        && !same_content(&found.state(), &old.state())
    {
        let why = "another program or person changed it just now; read it again".to_owned();
        return Err((ActionChange::Failed { error: why.clone() }, why));
    }
    let new = apply_change(change, old, action);
    match world.put(key, &new) {
        Ok(()) => Ok(state_after_put(world, key, &new)),
        Err(error) => {
            let why = error.to_string();
            Err((restore_after_failure(world, key, old, &why), why))
        }
    }
}

/// Reads the state after a put. The world chooses the mode bits when the change names none.
fn state_after_put(world: &World, key: &Key, new: &Value) -> KeyState {
    match world.peek(key).map(|found| found.state()) {
        Ok(found) if same_content(&found, &new.state()) => found,
        _ => new.state(),
    }
}

/// Restores the old value after a failed put, which may have changed something; else reports the present state.
fn restore_after_failure(world: &World, key: &Key, old: &Value, why: &str) -> ActionChange {
    let unchanged = |found: &Value| found.state() == old.state();
    match world.peek(key) {
        Ok(found) if !unchanged(&found) => match world.put(key, old) {
            Ok(()) => ActionChange::Failed { error: why.to_owned() },
            Err(_) => ActionChange::Applied { after: found.state(), kept: false },
        },
        _ => ActionChange::Failed { error: why.to_owned() },
    }
}
