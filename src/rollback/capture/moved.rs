//! Files over the size limit that a command only renamed: nothing has to be kept to undo that.

use super::changed::Changed;
use super::entry::{Entry, Kind, Stat, compare_paths};
use super::left_out::LeftOut;
use super::read::hash_file;
use super::tree::{Opener, Tree};
use crate::model::{BlobHash, KeyState, name_to_bytes};

/// Files up to this size are hashed; larger ones are left out as before.
const LARGEST: u64 = 16 << 30;

/// Pairs what is gone with what was made, by what a rename keeps; each is in one pair at most.
pub(super) fn pairs<'a, T: PartialEq>(
    gone: &'a [Entry],
    made: &'a [Entry],
    kept: impl Fn(&Stat) -> T,
) -> Vec<(&'a Entry, &'a Entry)> {
    let mut left: Vec<&Entry> = made.iter().filter(|new| new.stat.size <= LARGEST).collect();
    let pair = |old: &'a Entry| {
        let at = left.iter().position(|new| kept(&new.stat) == kept(&old.stat))?;
        Some((old, left.swap_remove(at)))
    };
    gone.iter().filter(|old| old.kind == Kind::File).filter_map(pair).collect()
}

/// Gives both changes of a renamed file their states.
pub(super) fn mark(changes: &mut [Changed], (old, new): (&Entry, &Entry), hash: BlobHash) {
    let (from, to) = (old.name(), new.name());
    let state = KeyState::File { blob: hash, size: new.stat.size, mode: new.stat.mode };
    for change in changes.iter_mut().filter(|change| change.path == from || change.path == to) {
        let is_old = change.path == from;
        let here = if is_old { &mut change.old } else { &mut change.new };
        *here = state.clone();
        change.left_out = None;
        change.moved = Some(if is_old { to.clone() } else { from.clone() });
    }
}

/// Finds the renamed files among the changes between two lists: the same file at another path.
pub(super) fn find(tree: &Tree, before: &[Entry], after: &[Entry], changes: &mut [Changed]) {
    let is_large = |entry: &Entry| entry.left_out == Some(LeftOut::TooLarge);
    let at = |list: &[Entry], change: &Changed| -> Option<Entry> {
        let path = name_to_bytes(&change.path);
        let at = list.binary_search_by(|entry| compare_paths(&entry.path, &path)).ok()?;
        Some(list[at].clone()).filter(is_large)
    };
    let listed = |list: &[Entry], is_it: fn(&Changed) -> bool| -> Vec<Entry> {
        let changes = changes.iter().filter(|change| change.left_out.is_some() && is_it(change));
        changes.filter_map(|change| at(list, change)).collect()
    };
    let gone = listed(before, |change| change.new == KeyState::Absent);
    let made = listed(after, |change| change.old == KeyState::Absent);
    let mut opener = tree.opener();
    for pair in pairs(&gone, &made, |stat| (stat.dev, stat.ino, stat.size, stat.mtime, stat.mode)) {
        if let Some(hash) = hash(&mut opener, pair.1) {
            mark(changes, pair, hash);
        }
    }
}

/// Hashes a file that is as it was listed.
fn hash(opener: &mut Opener, entry: &Entry) -> Option<BlobHash> {
    let mut file = opener.file(&entry.path).ok()?;
    let hash = hash_file(&mut file).ok()?;
    let (_, stat) = Stat::of(&nix::sys::stat::fstat(&file).ok()?);
    (stat == entry.stat).then_some(hash)
}
