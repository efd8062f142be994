//! Reads every key back after an undo, by another way than the one that restored it.

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

/// The expected state of every touched key, by location (paths apart from memory).
pub(super) type Expected = BTreeMap<Location, KeyState>;

/// Compares the touched keys with the record: memory with a fresh fold of the log, paths by the system's own calls.
pub(super) fn read_back(log: &RunLog, world: &World, expected: &Expected) -> ReadBack {
    let mut report = ReadBack { total: expected.len(), ..ReadBack::default() };
    let workspace = log.with(|state| state.workspace.clone());
    let mut memory = if expected.keys().all(|(is_path, _)| *is_path) { BTreeMap::new() } else { world.memory() };
    for ((is_path, name), recorded) in expected {
        let (wanted, found) = if *is_path {
            (
                recorded.clone(),
                read_path(Path::new(&workspace), &name_to_bytes(name)).map_err(|error| error.to_string()),
            )
        } else {
            let found = memory.remove(name).unwrap_or(KeyState::Absent);
            (log.with(|state| state.ledger.memory(name)), Ok(found))
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
        // The target of a link is outside of the path.
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
