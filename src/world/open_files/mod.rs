//! Files of the workspace that other programs have open.
//!
//! Who writes to a file through an open handle, a shared mapping or a lock loses what it writes when the file is
//! replaced by another one of the same name. So the files are looked up, by device and inode, before a command runs over
//! an overlay, and again before each replace.
//!
//! Sources, all of Linux (proc(5)): `/proc/PID/fd` (the permission bits of a link say how it is open), `fdinfo` (lines
//! `lock:`), `/proc/PID/maps`, and `/proc/locks` for the processes whose handles can't be read. Files that programs of
//! other users or of other process namespaces have open without a lock are not seen.

mod companions;
mod holder;
mod locks;
mod mounts;
mod process;
mod scan;
mod search;
mod watch;

pub use holder::{Hold, Holder, OpenFile, OpenFiles};
pub use process::unseen_processes;
pub(super) use scan::Scan;
pub(super) use search::Search;
pub(super) use watch::{Held, Watch};

/// Device and inode.
type FileId = (u64, u64);
