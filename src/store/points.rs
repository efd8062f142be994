//! Named places where a test can have the process die, or a file operation fail. Nothing happens there otherwise.
//!
//! `TAMA_TUI_CRASH_POINT=name:n` ends the process, as `kill -9` would, when it passes the place for the n-th time
//! (the first when `:n` is left out). `TAMA_TUI_FAIL_POINT=name:n` lets the file operation at the place fail as on a
//! full disk, from its n-th time on.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Every place where the process can be made to die. Each is passed by one of the crash tests.
pub const CRASH_POINTS: &[&str] = &[
    // Creating a run.
    "create-manifest",
    "create-mark",
    "create-database",
    "create-log",
    // Before-images.
    "blob-written",
    "blob-renamed",
    "blobs-written",
    "blobs-renamed",
    // One round, from the rows given in to those who wait for them.
    "record-queued",
    "log-begin",
    "log-half",
    "log-written",
    "log-synced",
    "mark-half",
    "mark-written",
    "commit-told",
    // Rows moved from the log file into the database.
    "commit-begin",
    "commit-rows",
    "commit-done",
    "mark-synced",
    "log-cut",
    // The manifest.
    "manifest-before",
    "manifest-after",
    // Closing.
    "close-checkpoint",
    "close-closed",
    "log-removed",
    "sealed",
    "snapshot-half",
    "snapshot-written",
];

/// The same for places beyond the store: commands, their landing, and undo.
pub const EFFECT_CRASH_POINTS: &[&str] = &[
    // A command.
    "command-started",
    "before-images-kept",
    "changes-recorded",
    "changes-pending",
    "landing",
    "landed",
    // Undo.
    "undo-announced",
    "undo-putting",
    "undo-put",
];

/// The same for held changes: a look at them, applying, and discarding.
pub const HELD_CRASH_POINTS: &[&str] = &["after-images-kept", "held-applied", "held-discarded"];

/// Every place where a file operation can be made to fail.
pub const FAIL_POINTS: &[&str] = &[
    "file-write",
    "file-sync",
    "file-rename",
    "folder-sync",
    "log-write",
    "log-sync",
    "log-cut",
    "mark-write",
    "mark-sync",
    "commit",
];

/// Ends the process here when a test asked for it.
pub fn crash_point(name: &'static str) {
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    let lists = [CRASH_POINTS, EFFECT_CRASH_POINTS, HELD_CRASH_POINTS];
    debug_assert!(lists.iter().any(|list| list.contains(&name)), "{name} is not in a list");
    if let Some(armed) = ARMED.get_or_init(|| Armed::from("TAMA_TUI_CRASH_POINT"))
        && armed.passes(name) == Some(armed.at)
    {
        std::process::abort();
    }
}

/// Fails here when a test asked for it.
pub(super) fn fail_point(name: &'static str) -> io::Result<()> {
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    debug_assert!(FAIL_POINTS.contains(&name), "{name} is not in the list");
    match ARMED.get_or_init(|| Armed::from("TAMA_TUI_FAIL_POINT")) {
        Some(armed) if armed.passes(name).is_some_and(|passed| passed >= armed.at) => {
            Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device (a test's)"))
        }
        _ => Ok(()),
    }
}

/// A place and the time that counts.
struct Armed {
    name: String,
    at: u64,
    passed: AtomicU64,
}

impl Armed {
    fn from(variable: &str) -> Option<Self> {
        let named = std::env::var(variable).ok()?;
        let (name, at) = named.split_once(':').unwrap_or((&named, "1"));
        Some(Self { name: name.to_owned(), at: at.parse().ok()?, passed: AtomicU64::new(0) })
    }

    /// How often the place was passed, this time included; `None`: it is another.
    fn passes(&self, name: &str) -> Option<u64> {
        (self.name == name).then(|| self.passed.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
