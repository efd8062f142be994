//! Puts recorded states back into the world.

use crate::model::{Key, KeyState};
use crate::store::RunLog;
use crate::world::{Value, World};

/// Returns the value to put for a recorded state.
///
/// # Errors
/// When its content is not kept, or was never captured.
pub fn value_of(log: &RunLog, state: &KeyState) -> Result<Value, String> {
    Ok(match state {
        KeyState::Absent => Value::Absent,
        KeyState::Text { text } => Value::Text(text.clone()),
        KeyState::List { elements } => Value::List(elements.clone()),
        KeyState::File { blob, mode, .. } => {
            let bytes = log.recorder().blob(*blob).map_err(|error| format!("failed to {error}"))?;
            Value::File { bytes, mode: Some(*mode) }
        }
        KeyState::Directory { mode } => Value::Directory { mode: Some(*mode), entries: Vec::new() },
        KeyState::Symlink { target } => Value::Symlink { target: target.clone() },
        KeyState::Unknown => return Err("its state was not captured".into()),
    })
}

/// Sets a memory key to a folded state.
pub(super) fn put_memory(log: &RunLog, world: &World, name: &str, state: &KeyState) -> Result<(), String> {
    let value = value_of(log, state)?;
    world.put(&Key::memory(name), &value).map_err(|error| format!("failed to {error}"))
}
