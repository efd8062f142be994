//! Finds changes that others made to the paths of a running command.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::capture::{Changed, OverlayChanges};
use crate::model::{KeyState, Seq, SpanId, name_to_bytes};
use crate::store::RunLog;

/// The start of a command: later changes by others are concurrent with it.
#[derive(Debug, Clone, Copy)]
pub struct CommandStarted {
    /// The seq of its start.
    pub command: Seq,
    /// The same on the clock of the workspace's file system: later changes have this time or a later one.
    pub at: SystemTime,
    /// The tool's span.
    pub span: SpanId,
}

/// Describes who changed, since a command began, a path that the command changed too; names the first few.
pub fn describe_concurrent_changes(
    log: &RunLog,
    root: &Path,
    found: &OverlayChanges,
    since: CommandStarted,
) -> Option<String> {
    const NAMED: usize = 3;
    let removed = |changed: &Changed| found.orphans.contains(&changed.path);
    let mut found =
        found.changes.iter().filter_map(|changed| Some((changed, who(log, root, changed, removed(changed), since)?)));
    let lines: Vec<String> = found
        .by_ref()
        .take(NAMED)
        .map(|(changed, who)| format!("{} was changed meanwhile by {who}", changed.key()))
        .collect();
    let more = found.count();
    let more = (more > 0).then(|| format!("{more} more paths too"));
    let lines: Vec<String> = lines.into_iter().chain(more).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn who(log: &RunLog, root: &Path, changed: &Changed, removed: bool, since: CommandStarted) -> Option<String> {
    let location = changed.key();
    let action = log.with(|state| {
        let at = || state.ledger.all_at(&location).rev();
        let reversed = at().filter_map(|entry| Some((entry, entry.turned.filter(|turned| *turned > since.command)?)));
        if let Some((entry, _)) = reversed.max_by_key(|(_, reversed)| *reversed) {
            let what = if entry.is_applied() { "redo" } else { "undo" };
            return Some(format!("the {what} of {}", entry.seq));
        }
        let mut later = at().take_while(|entry| entry.seq > since.command);
        let entry = later.find(|entry| entry.is_applied() && entry.record.tool_span != since.span)?;
        Some(format!("{} in {}", entry.seq, state.trace.label(entry.record.span)))
    });
    // A folder's time changes with its entries, which are reported by themselves.
    let is_folder = matches!(changed.old, KeyState::Directory { .. } | KeyState::Absent);
    let touched = || {
        if removed {
            return Some("another program or person, who removed it".to_owned());
        }
        let at = changed_at(root, &changed.path).filter(|_| !is_folder)?;
        (at >= since.at).then(|| "another program or person".to_owned())
    };
    action.or_else(touched)
}

/// Reads the time of the last change at a path of the workspace, permissions and name included; `None` when it is
/// absent.
pub(super) fn changed_at(root: &Path, path: &str) -> Option<SystemTime> {
    let found = root.join(OsString::from_vec(name_to_bytes(path))).symlink_metadata().ok()?;
    let (seconds, nanos) = (u64::try_from(found.ctime()).ok()?, u32::try_from(found.ctime_nsec()).ok()?);
    Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos))
}
