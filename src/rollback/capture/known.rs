//! Hashes of files that were read before, so that a file that has not changed since is not read again.
//!
//! A file counts as unchanged by device, inode, size and times, as in git's index; what was read right after a change is
//! read again. A shared mapping can write without a new time for some seconds: such a write is found by a look that knows
//! nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::entry::Stat;
use crate::model::BlobHash;

/// The hashes of one look, for the next one.
#[derive(Debug, Default)]
pub struct KnownHashes {
    upper: Mutex<Known>,
    lower: Mutex<Known>,
}

/// The hashes of files in one layer.
#[derive(Debug, Default)]
pub(super) struct Known {
    earlier: HashMap<Vec<u8>, (Stat, BlobHash)>,
    now: HashMap<Vec<u8>, (Stat, BlobHash)>,
}

impl KnownHashes {
    /// Takes the hashes of both layers, the upper one first.
    pub(super) fn take(&self) -> (Known, Known) {
        let take = |of: &Mutex<Known>| std::mem::take(&mut *of.lock().unwrap_or_else(PoisonError::into_inner));
        (take(&self.upper), take(&self.lower))
    }

    /// Keeps the hashes of a look that is over; what it did not come to is forgotten.
    pub(super) fn keep(&self, upper: Known, lower: Known) {
        for (of, known) in [(&self.upper, upper), (&self.lower, lower)] {
            let next = Known { earlier: known.now, now: HashMap::new() };
            *of.lock().unwrap_or_else(PoisonError::into_inner) = next;
        }
    }
}

impl Known {
    /// The hash of a file that has not changed since it was read.
    pub(super) fn find(&mut self, path: &[u8], stat: &Stat) -> Option<BlobHash> {
        let (read, hash) = self.earlier.get(path)?;
        // Permissions are compared apart from the bytes.
        if (Stat { mode: stat.mode, ..*read }) != *stat {
            return None;
        }
        self.now.insert(path.to_vec(), (*read, *hash));
        Some(*hash)
    }

    /// Notes a hash. `began`: the time at which the reading began, as in [`Stat`].
    pub(super) fn note(&mut self, path: &[u8], stat: Stat, hash: BlobHash, began: i64) {
        if !stat.is_racy(began) {
            self.now.insert(path.to_vec(), (stat, hash));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hash_blob;

    #[test]
    fn only_a_file_that_is_the_same_is_known_and_only_until_a_look_passes_it_by() {
        let (stat, hash, later) =
            (Stat { ino: 7, size: 3, mtime: 5, ctime: 5, ..Stat::default() }, hash_blob(b"abc"), 1 << 62);
        let all = KnownHashes::default();
        let (mut upper, lower) = all.take();
        upper.note(b"f", stat, hash, later);
        upper.note(b"fresh", Stat { mtime: later, ..stat }, hash, later);
        all.keep(upper, lower);
        let (mut upper, mut lower) = all.take();
        assert_eq!(upper.find(b"f", &Stat { mode: 0o600, ..stat }), Some(hash));
        assert_eq!(upper.find(b"f", &Stat { ctime: 6, ..stat }), None);
        assert_eq!(upper.find(b"fresh", &Stat { mtime: later, ..stat }), None, "it was read right after a change");
        assert_eq!(lower.find(b"f", &stat), None, "the other layer");
        all.keep(Known::default(), lower);
        assert_eq!(all.take().0.find(b"f", &stat), None);
    }
}
