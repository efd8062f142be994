//! Looks again before each replace, as often as it can be done without slowing many of them down.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cap_std::fs::{Dir, Metadata, MetadataExt};

use super::FileId;
use super::companions::companions;
use super::holder::{Hold, Holder};
use super::scan::Scan;

/// A look counts for this long.
const FRESH: Duration = Duration::from_millis(20);
/// And for so many times as it took, so that a tenth of the time goes into looking.
const SHARE: u32 = 10;
/// But no longer than this.
const OLD: Duration = Duration::from_millis(250);

/// The programs that have one file open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Held {
    /// One that can write to the file, or to a file that belongs to it.
    pub writer: Option<Holder>,
    /// One that only reads it.
    pub reader: Option<Holder>,
    /// True when adding to the end of the file, or cutting it, harms nobody.
    pub may_grow: bool,
}

/// The newest look at each device, and what there is to say about replaced files.
#[derive(Debug, Default)]
pub(in super::super) struct Watch {
    scans: Mutex<HashMap<u64, (Instant, Arc<Scan>)>>,
    notes: Mutex<Vec<String>>,
}

impl Watch {
    /// The programs that have the file `found` at a name open, or one that belongs to it.
    pub(in super::super) fn held(&self, folder: &Dir, name: &OsStr, found: Option<&Metadata>) -> Held {
        let id = |found: &Metadata| found.is_file().then(|| (found.dev(), found.ino()));
        let own = found.and_then(id);
        let beside = companions(name).into_iter().filter_map(|name| folder.symlink_metadata(name).ok());
        let beside: Vec<FileId> = beside.filter_map(|found| id(&found)).collect();
        if own.is_none() && beside.is_empty() {
            return Held::default();
        }
        let held = self.look(own.as_ref(), &beside, false);
        if held.writer.is_none() && held.reader.is_none() {
            return held;
        }
        // An earlier look may mean another file, gone by now, whose inode this one has.
        self.look(own.as_ref(), &beside, true)
    }

    /// The programs that have a file open, or one of those beside it. `anew`: an earlier look does not count.
    fn look(&self, own: Option<&FileId>, beside: &[FileId], anew: bool) -> Held {
        let mut held = Held { may_grow: beside.is_empty(), ..Held::default() };
        let Some(device) = own.or(beside.first()).map(|id| id.0) else { return held };
        let scan = self.scan(device, anew);
        let holders = |id: &FileId| scan.holders(*id).to_vec();
        for holder in own.into_iter().flat_map(holders) {
            held.may_grow &= holder.hold() <= Hold::Writing;
            let of = if holder.writes() { &mut held.writer } else { &mut held.reader };
            of.get_or_insert(holder);
        }
        let writer = || beside.iter().flat_map(holders).find(Holder::writes);
        held.writer = held.writer.or_else(writer);
        held
    }

    /// Remembers to say that a program goes on reading a file that was replaced.
    pub(in super::super) fn note(&self, path: &str, reader: &Holder) {
        let path = crate::model::readable_name(path);
        let note =
            format!("{path} was replaced while {reader} has it open: that program continues to read the old file");
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    /// Takes what there is to say.
    pub(in super::super) fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn scan(&self, device: u64, anew: bool) -> Arc<Scan> {
        let mut scans = self.scans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, scan)) = scans.get(&device)
            && !anew
            && at.elapsed() < FRESH.max(scan.took() * SHARE).min(OLD)
        {
            return scan.clone();
        }
        let scan = Arc::new(Scan::of(device));
        scans.insert(device, (Instant::now(), scan.clone()));
        scan
    }
}
