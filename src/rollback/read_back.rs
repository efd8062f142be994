//! Reads every touched key again after an undo, with other code than that which restored it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::state::{Location, describe_state};
use crate::model::{KeyState, ReadBack, name_from_bytes, name_to_bytes, readable_name};
use crate::store::RunLog;
use crate::world::{Value, World};

/// The expected state of every touched key, by location (a path and a memory key may have the same name).
pub(super) type Expected = BTreeMap<Location, KeyState>;

/// Compares every touched key with the state that it should have, and counts those that have it.
///
/// A path is read with plain system calls instead of through the world, and should have its expected state. A memory
/// key is read from the world, and should have the state that the ledger computes from its applied actions.
pub(super) fn read_back(log: &RunLog, world: &World, expected: &Expected) -> ReadBack {
    let mut report = ReadBack { total: expected.len(), ..ReadBack::default() };
    // Where it is now: a run can be opened with its workspace elsewhere.
    let workspace = world.root();
    let mut memory = if expected.keys().all(|(is_path, _)| *is_path) { BTreeMap::new() } else { world.memory() };
    for ((is_path, name), state) in expected {
        let (wanted, found) = if *is_path {
            (state.clone(), read_path(workspace, &name_to_bytes(name)).map_err(|error| error.to_string()))
        } else {
            let found = memory.remove(name).unwrap_or(KeyState::Absent);
            (log.with(|run| run.ledger.memory(name)), Ok(found))
        };
        let name = readable_name(name);
        match found {
            Ok(found) if found == wanted => report.restored += 1,
            Ok(found) => {
                let line = format!("{name}: should be {}, found {}", wanted.summary(), describe_state(&found, &wanted));
                report.differs.push(line);
            }
            Err(error) => report.differs.push(format!("{name}: failed to read it back: {error}")),
        }
    }
    report
}

fn read_path(workspace: &Path, name: &[u8]) -> io::Result<KeyState> {
    let mut path = workspace.to_owned();
    let mut parts = name.split(|byte| *byte == b'/').peekable();
    while let Some(part) = parts.next() {
        path.push(OsStr::from_bytes(part));
        // The world follows no symlink, so nothing below one belongs to this key.
        if parts.peek().is_some() && fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            return Ok(KeyState::Absent);
        }
    }
    let path = path.as_path();
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(KeyState::Absent);
        }
        Err(error) => return Err(error),
    };
    let mode = found.mode() & 0o7777;
    if found.is_symlink() {
        let target = name_from_bytes(fs::read_link(path)?.as_os_str().as_encoded_bytes());
        return Ok(KeyState::Symlink { target });
    }
    if found.is_dir() {
        return Ok(KeyState::Directory { mode });
    }
    let bytes = fs::read(path)?;
    Ok(Value::File { bytes, mode: Some(mode) }.state())
}
