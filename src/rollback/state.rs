//! Compares and describes the states of keys.

use crate::model::{ActionRecord, Key, KeyState, readable_name};
use crate::world::{Value, World, WorldError};

/// A key's location: true for a path, and the name. All kinds of paths share one name space.
pub(super) type Location = (bool, String);

/// Returns the location of a key.
pub(super) fn location(key: &Key) -> Location {
    (key.kind.is_path(), key.name.clone())
}

/// Reads the present state of a key, and its value; what is neither file, folder nor link has no known state.
///
/// # Errors
/// When it can't be read.
pub(super) fn read_present(world: &World, key: &Key) -> Result<(KeyState, Option<Value>), WorldError> {
    match world.peek(key) {
        Ok(value) => Ok((value.state(), Some(value))),
        Err(WorldError::NotRegular { .. }) => Ok((KeyState::Unknown, None)),
        Err(error) => Err(error),
    }
}

/// Does the same without the value: a file is not held in memory.
///
/// # Errors
/// When it can't be read.
pub(super) fn read_state(world: &World, key: &Key) -> Result<KeyState, WorldError> {
    match world.state(key) {
        Err(WorldError::NotRegular { .. }) => Ok(KeyState::Unknown),
        other => other,
    }
}

/// True when an action created a folder.
pub(super) fn makes_folder(record: &ActionRecord) -> bool {
    record.old == KeyState::Absent && matches!(record.intended, KeyState::Directory { .. })
}

/// True when two states differ in mode bits only, or not at all.
pub(super) fn same_content(one: &KeyState, other: &KeyState) -> bool {
    match (one, other) {
        (KeyState::File { blob: a, .. }, KeyState::File { blob: b, .. }) => a == b,
        (KeyState::Directory { .. }, KeyState::Directory { .. }) => true,
        _ => one == other,
    }
}

/// Describes the present state, highlighting how it differs from the expected one.
pub(super) fn describe_state(found: &KeyState, expected: &KeyState) -> String {
    match (found, expected) {
        (KeyState::File { mode, .. }, KeyState::File { mode: other, .. })
        | (KeyState::Directory { mode }, KeyState::Directory { mode: other })
            if same_content(found, expected) =>
        {
            format!("permissions {mode:o} instead of {other:o}")
        }
        (KeyState::File { .. }, KeyState::File { .. }) => format!("other content, {}", found.summary()),
        (KeyState::File { .. }, _) => format!("a file of {}", found.summary()),
        (KeyState::Absent, _) => "nothing".into(),
        (KeyState::Directory { .. }, _) => "a folder".into(),
        (KeyState::Symlink { target }, _) => format!("a link to {}", readable_name(target)),
        (KeyState::Unknown, _) => "a pipe, a socket or a device".into(),
        _ => found.summary(),
    }
}
