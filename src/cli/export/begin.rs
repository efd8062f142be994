//! The files that a run began with, as far as its record knows them.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path};

use color_eyre::eyre::eyre;

use super::{Gaps, failed};
use crate::app::text::plural;
use crate::model::{Key, KeyKind, KeyState, RunState, SpanEnd, TraceBody, TraceEvent};
use crate::store::RunLog;

/// Bytes of a tool's result that surely holds a whole file.
const WHOLE: usize = 8_000;

/// Permission bits of a file that the run only read.
const USUAL_MODE: u32 = 0o644;

/// A path as the run found it.
pub(super) enum Found {
    /// A file, with its permission bits.
    File { bytes: Vec<u8>, mode: u32 },
    /// A folder, with its permission bits.
    Folder { mode: u32 },
    /// A symbolic link and its target.
    Link { target: String },
}

/// Lists the paths that the run found, by name.
pub(super) fn files(
    log: &RunLog,
    events: &[TraceEvent],
    gaps: &mut Gaps,
) -> color_eyre::Result<BTreeMap<String, Found>> {
    let state = log.with(RunState::clone);
    let mut first: BTreeMap<String, KeyState> = BTreeMap::new();
    for entry in state.ledger.entries().iter() {
        let key = &entry.record.key;
        if is_path(key) {
            first.entry(key.name.clone()).or_insert_with(|| entry.record.old.clone());
        }
    }
    let mut found = BTreeMap::new();
    for (name, old) in &first {
        match old {
            KeyState::File { blob, mode, .. } => match log.recorder().blob(*blob) {
                Ok(bytes) => drop(found.insert(name.clone(), Found::File { bytes, mode: *mode })),
                Err(error) => gaps.push(format!("{name}: its content is not kept ({error})")),
            },
            KeyState::Directory { mode } => drop(found.insert(name.clone(), Found::Folder { mode: *mode })),
            KeyState::Symlink { target } => drop(found.insert(name.clone(), Found::Link { target: target.clone() })),
            KeyState::Unknown => gaps.push(format!("{name}: what was there before is not known")),
            KeyState::Absent | KeyState::Text { .. } | KeyState::List { .. } => {}
        }
    }
    add_read(log, events, &state, &first, &mut found, gaps)?;
    Ok(found)
}

fn is_path(key: &Key) -> bool {
    matches!(key.kind, KeyKind::File | KeyKind::Directory | KeyKind::Symlink)
}

/// Adds the files that the run only read, and tells what it can't know.
fn add_read(
    log: &RunLog,
    events: &[TraceEvent],
    state: &RunState,
    first: &BTreeMap<String, KeyState>,
    found: &mut BTreeMap<String, Found>,
    gaps: &mut Gaps,
) -> color_eyre::Result<()> {
    let ends: HashMap<_, &SpanEnd> = events
        .iter()
        .filter_map(|event| if let TraceBody::SpanEnded(end) = &event.body { Some((end.span, end)) } else { None })
        .collect();
    let mut commands = 0;
    for event in events {
        let (span, key) = match &event.body {
            TraceBody::Read { span, key, action: None } if is_path(key) => (span, key),
            TraceBody::CommandStarted(_) => {
                commands += 1;
                continue;
            }
            _ => continue,
        };
        let is_known = first.contains_key(&key.name) || found.contains_key(&key.name);
        if is_known || first.keys().any(|changed| key.is_inside(&Key::directory(changed.as_str()))) {
            continue;
        }
        let text = ends.get(span).and_then(|end| end.output).map(|hash| log.recorder().text(hash)).transpose();
        let text = text.map_err(|error| eyre!("failed to {error}"))?.unwrap_or_default();
        if text == format!("there is no file {:?}", key.name) || text == format!("there is no folder {:?}", key.name) {
            continue;
        }
        if state.trace.name(*span) == "tama_files_read" && text.len() < WHOLE {
            found.insert(key.name.clone(), Found::File { bytes: text.into_bytes(), mode: USUAL_MODE });
        } else {
            let name = if key.name.is_empty() { "." } else { &key.name };
            gaps.push(format!("what the run read in {name}: copy it into the folder work"));
        }
    }
    if commands > 0 {
        gaps.push(format!("what {} only read: copy it into the folder work", plural(commands, "command")));
    }
    Ok(())
}

/// Writes them below a folder that is there; folders get their bits last, so that a read-only one can be filled.
pub(super) fn write(folder: &Path, files: &BTreeMap<String, Found>) -> color_eyre::Result<()> {
    for (name, found) in files {
        let path = folder.join(name);
        if !is_below(name) {
            return Err(eyre!("failed to write {name:?}: it is no path inside of a workspace"));
        }
        let above = path.parent().map_or(Ok(()), fs::create_dir_all);
        let written = above.and_then(|()| match found {
            Found::File { bytes, mode } => {
                fs::write(&path, bytes)?;
                fs::set_permissions(&path, Permissions::from_mode(*mode))
            }
            Found::Folder { .. } => fs::create_dir_all(&path),
            Found::Link { target } => symlink(target, &path),
        });
        written.map_err(|error| failed(&path, &error))?;
    }
    for (name, found) in files.iter().rev() {
        if let Found::Folder { mode } = found {
            let path = folder.join(name);
            fs::set_permissions(&path, Permissions::from_mode(*mode)).map_err(|error| failed(&path, &error))?;
        }
    }
    Ok(())
}

/// True for a path that stays below the folder. A record made elsewhere can hold any name.
fn is_below(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}
