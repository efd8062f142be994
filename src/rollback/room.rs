//! Looks for room on the disk of the workspace before changes are applied to it or undone.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

use super::capture::Changed;
use super::record::Recorded;
use super::step::Step;
use crate::model::{KeyState, Seq};
use crate::store::RunLog;
use crate::store::room::check_room;
use crate::world::World;

/// Files up to this size are taken at their size; of larger ones only the blocks count that they have.
const LARGE: u64 = 4 << 20;

/// Returns the first change with the reason, when the new files have no room; `open` opens a new file. What they replace goes one by one, so it
/// makes room for the others.
pub(super) fn check<'a>(
    world: &World,
    recorded: &'a Recorded,
    open: &dyn Fn(&Changed) -> Option<File>,
) -> Option<(Seq, &'a Changed, String)> {
    let mut room = Room::default();
    for changed in recorded.changes() {
        room.replace(size_of_new(changed, open), &changed.old);
    }
    let why = room.check(world).err()?;
    recorded.actions().next().map(|(action, changed)| (action, changed, why))
}

/// Checks that the files that an undo brings back have room.
///
/// # Errors
/// When they have none; it says how much is needed and how much there is.
pub(super) fn check_undo(log: &RunLog, world: &World, steps: &[Step]) -> Result<(), String> {
    let mut room = Room::default();
    for step in steps {
        let kept = match step.record.old {
            KeyState::File { blob, .. } => log.recorder().blob_on_disk(blob).unwrap_or_default(),
            _ => 0,
        };
        room.replace(kept, &step.present);
    }
    room.check(world)
}

/// Checks that new files have room. `puts`: the size of each, and what it replaces.
///
/// # Errors
/// When they have none; it says how much is needed and how much there is.
pub(super) fn check_puts<'a>(world: &World, puts: impl Iterator<Item = (u64, &'a KeyState)>) -> Result<(), String> {
    let mut room = Room::default();
    puts.for_each(|(new, old)| room.replace(new, old));
    room.check(world)
}

/// The room that replaced files need, in bytes.
#[derive(Default)]
struct Room {
    needed: u64,
    freed: u64,
    largest: u64,
}

impl Room {
    /// A new file of so many bytes comes in the place of what is there.
    fn replace(&mut self, new: u64, old: &KeyState) {
        self.needed = self.needed.saturating_add(new);
        self.largest = self.largest.max(new);
        if let KeyState::File { size, .. } = old {
            self.freed = self.freed.saturating_add(*size);
        }
    }

    fn check(&self, world: &World) -> Result<(), String> {
        let needed = self.needed.saturating_sub(self.freed).max(self.largest);
        check_room(world.root(), needed).map_err(|error| error.to_string())
    }
}

fn size_of_new(changed: &Changed, open: &dyn Fn(&Changed) -> Option<File>) -> u64 {
    match changed.new {
        _ if changed.moved.is_some() => 0,
        KeyState::File { size, .. } if size <= LARGE => size,
        KeyState::File { .. } | KeyState::Unknown => {
            open(changed).and_then(|file| file.metadata().ok()).map_or(0, |found| found.blocks().saturating_mul(512))
        }
        _ => 0,
    }
}
