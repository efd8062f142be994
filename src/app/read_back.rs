//! The second reading after an undo or redo, as text.

use super::text::plural;
use crate::model::{KeyKind, RunState, Seq, UndoReport};

/// Formats it: `restored 3/3, read back`. Several actions can be on one file or key; where there are more of them it
/// says why: `restored 10/10, read back (17 actions on 10 files and folders)`. `None` when nothing was read back.
#[must_use]
pub fn read_back_text(run: &RunState, report: &UndoReport) -> Option<String> {
    let (restored, total) = (report.read_back.restored, report.read_back.total);
    if total == 0 {
        return None;
    }
    // The result of an undo command is outside, and can't be read back.
    let is_read = |action: &&Seq| !report.compensated.contains(action);
    let actions: Vec<&Seq> = report.undone.iter().chain(&report.redone).filter(is_read).collect();
    let text = format!("restored {restored}/{total}, read back");
    if actions.len() <= total {
        return Some(text);
    }
    let kinds = actions.iter().filter_map(|action| run.ledger.get(**action)).map(|entry| entry.record.key.kind);
    Some(format!("{text} ({} on {})", plural(actions.len(), "action"), places(total, &kinds.collect::<Vec<_>>())))
}

/// `1 file`, `10 files and folders`.
fn places(total: usize, kinds: &[KeyKind]) -> String {
    let has = |of: &[KeyKind]| kinds.iter().any(|kind| of.contains(kind));
    let mut names = Vec::new();
    names.extend(has(&[KeyKind::File, KeyKind::Symlink]).then_some("file"));
    names.extend(has(&[KeyKind::Directory]).then_some("folder"));
    names.extend(has(&[KeyKind::Memory]).then_some("key"));
    match names[..] {
        [one] => plural(total, one),
        [first, last] => format!("{total} {first}s and {last}s"),
        _ => format!("{total} files, folders and keys"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_what_was_read_are_named() {
        assert_eq!(places(1, &[KeyKind::File, KeyKind::Symlink]), "1 file");
        assert_eq!(places(3, &[KeyKind::Memory, KeyKind::Memory]), "3 keys");
        assert_eq!(places(10, &[KeyKind::Directory, KeyKind::File]), "10 files and folders");
        assert_eq!(places(4, &[KeyKind::Memory, KeyKind::File, KeyKind::Directory]), "4 files, folders and keys");
    }
}
