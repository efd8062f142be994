//! Compares two lists.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::changed::Changed;
use super::entry::{Entry, Kind, compare_paths};
use super::left_out::LeftOut;
use super::rules::Rules;
use super::tree::ROOT;
use crate::model::KeyState;

/// Lists the differences between two lists, in their order.
pub(super) fn differences(old: &[Entry], new: &[Entry], rules: &Rules) -> Vec<Changed> {
    let mut found = Differences { rules, changes: Vec::new(), closed: HashSet::new() };
    let (mut before, mut after) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return found.changes,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) if old.path == new.path => Ordering::Equal,
            (Some(old), Some(new)) => compare_paths(&old.path, &new.path),
        };
        let old = if order.is_le() { before.next() } else { None };
        let new = if order.is_ge() { after.next() } else { None };
        found.compare(old, new);
    }
}

struct Differences<'a> {
    rules: &'a Rules,
    changes: Vec<Changed>,
    /// Folders whose content is in one list only, because they could not be looked into for the other.
    closed: HashSet<&'a [u8]>,
}

impl<'a> Differences<'a> {
    fn compare(&mut self, old: Option<&'a Entry>, new: Option<&'a Entry>) {
        match (old, new) {
            (Some(old), Some(new)) => self.both(old, new),
            // The root exists, whatever a list has.
            (Some(root), None) | (None, Some(root)) if root.path == ROOT => {}
            (Some(old), None) if self.is_in_closed(old) => {
                self.push(old, state(old), KeyState::Unknown, Some(LeftOut::InUnreadable));
            }
            (None, Some(new)) if self.is_in_closed(new) => {
                self.push(new, KeyState::Unknown, state(new), Some(LeftOut::InUnreadable));
            }
            (Some(old), None) => self.push(old, state(old), KeyState::Absent, lost(old)),
            (None, Some(new)) => self.push(new, KeyState::Absent, state(new), new.left_out),
            (None, None) => {}
        }
    }

    fn both(&mut self, old: &'a Entry, new: &'a Entry) {
        let folders = old.kind == Kind::Folder && new.kind == Kind::Folder;
        if folders && old.is_closed_folder() != new.is_closed_folder() {
            self.closed.insert(&new.path);
        }
        let unreadable = |entry: &Entry| matches!(entry.left_out, None | Some(LeftOut::Unreadable));
        if folders && unreadable(old) && unreadable(new) {
            if old.stat.mode != new.stat.mode {
                let mode = |entry: &Entry| KeyState::Directory { mode: entry.stat.mode };
                self.push(new, mode(old), mode(new), None);
            }
        } else if old.left_out.is_none() && new.left_out.is_none() {
            let (before, after) = (state(old), state(new));
            if before != after {
                self.push(new, before, after, lost(old));
            }
        } else if !looks_the_same(old, new) {
            // A pipe, a socket or a device has no bytes; what was in its place can come back.
            let comes_back = old.left_out.is_none() && new.kind.left_out().is_some();
            let left_out = if comes_back { lost(old) } else { new.left_out.or(old.left_out) };
            self.push(new, state(old), state(new), left_out);
        }
    }

    fn is_in_closed(&self, entry: &Entry) -> bool {
        let slashes = entry.path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        !self.closed.is_empty() && slashes.into_iter().any(|(at, _)| self.closed.contains(&entry.path[..at]))
    }

    fn push(&mut self, at: &Entry, old: KeyState, new: KeyState, left_out: Option<LeftOut>) {
        let left_out = left_out.map(|why| self.rules.describe(why));
        self.changes.push(Changed { path: at.name(), old, new, left_out, moved: None });
    }
}

fn state(entry: &Entry) -> KeyState {
    entry.state()
}

/// Returns why a former entry can't be restored.
fn lost(old: &Entry) -> Option<LeftOut> {
    let kept = old.kind != Kind::File || old.bytes.is_some_and(|bytes| bytes.place.is_some());
    old.left_out.or(if kept { None } else { Some(LeftOut::Lost) })
}

/// True when an entry left out seems unchanged.
fn looks_the_same(old: &Entry, new: &Entry) -> bool {
    let (a, b) = (&old.stat, &new.stat);
    let same = old.kind == new.kind && (a.dev, a.ino, a.mode) == (b.dev, b.ino, b.mode);
    let opened = |entry: &Entry| matches!(entry.left_out, Some(LeftOut::Mount));
    match old.kind {
        // Writing to these is no change of the workspace.
        Kind::Pipe | Kind::Socket | Kind::Device => same,
        Kind::Folder if opened(old) && opened(new) => same,
        _ => same && (a.size, a.mtime, a.ctime) == (b.size, b.mtime, b.ctime),
    }
}
