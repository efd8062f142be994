//! How much was written by this process, for benchmarks.

use std::sync::atomic::{AtomicU64, Ordering};

static SYNCS: AtomicU64 = AtomicU64::new(0);
static COMMITS: AtomicU64 = AtomicU64::new(0);

/// Counts of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Syncs of log files and marks, and those of the database's commits.
    pub syncs: u64,
    /// Commits of databases that moved rows.
    pub commits: u64,
}

/// Everything written so far.
#[must_use]
pub fn written() -> Written {
    Written { syncs: SYNCS.load(Ordering::Relaxed), commits: COMMITS.load(Ordering::Relaxed) }
}

/// Counts a sync.
pub(super) fn synced() {
    SYNCS.fetch_add(1, Ordering::Relaxed);
}

/// Counts a commit, which is a sync too.
pub(super) fn committed() {
    synced();
    COMMITS.fetch_add(1, Ordering::Relaxed);
}
