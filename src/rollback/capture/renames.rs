//! Finds the renames among a command's changes.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::changed::Changed;
use crate::model::{BlobHash, KeyState};

/// Groups of more pairs than this are not compared pair by pair.
const COMPARED: usize = 10_000;

/// Pairs of a removed and a made thing that are the same: a file with the same bytes (some) and mode, a link with the
/// same target. Each is in one pair at most; the names that are most alike go together. Places in the list, ordered
/// by the first.
#[must_use]
pub fn renames(changes: &[Changed]) -> Vec<(usize, usize)> {
    let mut groups: HashMap<Same<'_>, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (at, change) in changes.iter().enumerate().filter(|(_, change)| change.left_out.is_none()) {
        if let (Some(same), KeyState::Absent) = (Same::of(&change.old), &change.new) {
            groups.entry(same).or_default().0.push(at);
        } else if let (KeyState::Absent, Some(same)) = (&change.old, Same::of(&change.new)) {
            groups.entry(same).or_default().1.push(at);
        }
    }
    let mut pairs = Vec::new();
    for (from, to) in groups.into_values() {
        if from.len().saturating_mul(to.len()) <= COMPARED {
            pair_best(changes, &from, &to, &mut pairs);
        } else {
            pair_by_name(changes, from, to, &mut pairs);
        }
    }
    pairs.sort_unstable();
    pairs
}

/// The properties that a renamed path keeps.
#[derive(PartialEq, Eq, Hash)]
enum Same<'a> {
    File(BlobHash, u32),
    Link(&'a str),
}

impl<'a> Same<'a> {
    fn of(state: &'a KeyState) -> Option<Self> {
        match state {
            KeyState::File { blob, size: 1.., mode } => Some(Self::File(*blob, *mode)),
            KeyState::Symlink { target } => Some(Self::Link(target)),
            _ => None,
        }
    }
}

/// Pairs what is most alike first.
fn pair_best(changes: &[Changed], from: &[usize], to: &[usize], pairs: &mut Vec<(usize, usize)>) {
    let mut scored = Vec::new();
    for (one, other) in from.iter().flat_map(|one| to.iter().map(move |other| (*one, *other))) {
        scored.push((likeness(&changes[one].path, &changes[other].path), one, other));
    }
    // The best first; among equals the first by path.
    scored.sort_by_key(|(score, one, other)| (Reverse(*score), &changes[*one].path, &changes[*other].path));
    let mut used = HashSet::new();
    for (_, one, other) in scored {
        if !used.contains(&one) && !used.contains(&other) {
            used.extend([one, other]);
            pairs.push((one, other));
        }
    }
}

/// Scores how alike two paths are: parts in common at the end, then at the start.
fn likeness(one: &str, other: &str) -> (usize, usize) {
    let end = one.rsplit('/').zip(other.rsplit('/')).take_while(|(a, b)| a == b).count();
    let start = one.split('/').zip(other.split('/')).take_while(|(a, b)| a == b).count();
    (end, start)
}

/// Pairs many by the order of their paths from the end: moving a folder keeps it.
fn pair_by_name(changes: &[Changed], mut from: Vec<usize>, mut to: Vec<usize>, pairs: &mut Vec<(usize, usize)>) {
    let name = |at: &usize| changes[*at].path.rsplit('/').next().unwrap_or_default();
    let order = |a: &usize, b: &usize| name(a).cmp(name(b)).then_with(|| changes[*a].path.cmp(&changes[*b].path));
    from.sort_by(order);
    to.sort_by(order);
    let (mut left, mut right) = (vec![], vec![]);
    let mut others = to.into_iter().peekable();
    for one in from {
        while let Some(other) = others.next_if(|other| name(other) < name(&one)) {
            right.push(other);
        }
        match others.next_if(|other| name(other) == name(&one)) {
            Some(other) => pairs.push((one, other)),
            None => left.push(one),
        }
    }
    right.extend(others);
    pairs.extend(left.into_iter().zip(right));
}
