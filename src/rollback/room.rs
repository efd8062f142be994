//! Looks for room on the disk of the workspace before changes are applied to it.

use std::os::unix::fs::MetadataExt;

use super::apply::NewFiles;
use super::capture::Changed;
use super::record::Recorded;
use crate::model::{KeyState, Seq};
use crate::store::room::check_room;
use crate::world::World;

/// Files up to this size are taken at their size; of larger ones only the blocks count that they have.
const LARGE: u64 = 4 << 20;

/// Returns the first change with the reason, when the new files have no room. What they replace goes one by one, so it
/// makes room for the others.
pub(super) fn check<'a>(
    world: &World,
    recorded: &'a Recorded,
    source: &NewFiles<'_>,
) -> Option<(Seq, &'a Changed, String)> {
    let mut needed: u64 = 0;
    let mut freed: u64 = 0;
    let mut largest: u64 = 0;
    for changed in recorded.changes() {
        let new = size_of_new(changed, source);
        largest = largest.max(new);
        needed = needed.saturating_add(new);
        if let KeyState::File { size, .. } = changed.old {
            freed = freed.saturating_add(size);
        }
    }
    let error = check_room(world.root(), needed.saturating_sub(freed).max(largest)).err()?;
    recorded.actions().next().map(|(action, changed)| (action, changed, error.to_string()))
}

fn size_of_new(changed: &Changed, source: &NewFiles<'_>) -> u64 {
    match changed.new {
        _ if changed.moved.is_some() => 0,
        KeyState::File { size, .. } if size <= LARGE => size,
        KeyState::File { .. } | KeyState::Unknown => {
            let opened = (source.file)(changed).ok().flatten();
            opened.and_then(|(file, _)| file.metadata().ok()).map_or(0, |found| found.blocks().saturating_mul(512))
        }
        _ => 0,
    }
}
