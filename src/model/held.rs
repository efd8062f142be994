//! Held changes taken one by one: which others must be applied, or discarded, together with those that were chosen.

use std::collections::BTreeSet;

use super::held_index::HeldIndex;
use super::{Key, KeyKind, KeyState, Ledger, LedgerEntry, RunState, Seq, SpanId};

/// A decision on held changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldChoice {
    /// They are made in the workspace.
    Apply,
    /// They are given up; the workspace stays as it is.
    Discard,
}

impl RunState {
    /// Every held action.
    #[must_use]
    pub fn all_held(&self) -> BTreeSet<Seq> {
        self.held.values().flatten().copied().collect()
    }

    /// How many changes of a command are held: a rename is one.
    #[must_use]
    pub fn held_changes(&self, span: SpanId) -> usize {
        self.held.get(&span).map_or(0, |held| self.ledger.changes(held).count())
    }
}

impl Ledger {
    /// The actions that stand for a change each: where both halves of a rename are there, the one at the new path
    /// stands for both.
    pub fn changes<'a>(&'a self, actions: &'a BTreeSet<Seq>) -> impl DoubleEndedIterator<Item = Seq> + 'a {
        actions.iter().copied().filter(|seq| {
            let half = self.get(*seq).filter(|entry| entry.record.intended == KeyState::Absent);
            half.and_then(|entry| entry.renamed).is_none_or(|other| !actions.contains(&other))
        })
    }

    /// The chosen ones of the held changes, with those that can't stay behind: a file is applied with the new folders
    /// above it, a folder is removed with what is removed in it, a change on top of another with that one, and a rename is
    /// one thing. Discarding is the reverse.
    #[must_use]
    pub fn held_together(&self, held: &BTreeSet<Seq>, chosen: &BTreeSet<Seq>, choice: HeldChoice) -> BTreeSet<Seq> {
        let index = HeldIndex::new(self, held);
        let mut together = BTreeSet::new();
        let mut open: Vec<Seq> = chosen.intersection(held).copied().collect();
        while let Some(seq) = open.pop() {
            let Some(taken) = self.get(seq).filter(|_| together.insert(seq)) else { continue };
            let is_needed = |entry: &&LedgerEntry| match choice {
                HeldChoice::Apply => needs(taken, entry),
                HeldChoice::Discard => needs(entry, taken),
            };
            open.extend(index.near(taken, choice).filter(is_needed).map(|entry| entry.seq));
        }
        together
    }
}

/// True when `change` can't be applied without `other`.
fn needs(change: &LedgerEntry, other: &LedgerEntry) -> bool {
    let (key, old) = (&change.record.key, &change.record.old);
    let is_earlier = other.seq < change.seq;
    let on_top = is_earlier && other.record.key.same_place(key);
    // A folder that is made again later is none that this change needs.
    let makes_folder = is_folder(&other.record.intended) && (is_earlier || is_folder(&other.record.old));
    let made_above = makes_folder && is_below(key, &other.record.key);
    let leaves_folder = is_folder(old) && !is_folder(&change.record.intended);
    let removed_below = is_earlier && leaves_folder && is_below(&other.record.key, key);
    // What is made where a file or link was needs that it is gone.
    let replaced_above = is_earlier && !is_folder(&other.record.intended) && is_below(key, &other.record.key);
    on_top || made_above || removed_below || replaced_above || change.renamed == Some(other.seq)
}

fn is_folder(state: &KeyState) -> bool {
    matches!(state, KeyState::Directory { .. })
}

/// True for a path inside a folder.
fn is_below(key: &Key, folder: &Key) -> bool {
    let paths = key.kind.is_path() && folder.kind.is_path() && folder.kind != KeyKind::External;
    paths && key.name.strip_prefix(&folder.name).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ActionOp, ActionRecord, SpanId, Undoability};

    /// A ledger of held changes: key, before, after (`d` folder, `f` file, `-` nothing).
    fn ledger(changes: &[(&str, char, char)]) -> (Ledger, BTreeSet<Seq>) {
        let state = |letter: char| match letter {
            'd' => KeyState::Directory { mode: 0o755 },
            'f' => KeyState::Text { text: "x".into() },
            _ => KeyState::Absent,
        };
        let mut ledger = Ledger::default();
        for (at, (name, old, new)) in (1..).zip(changes) {
            let kind = if *old == 'd' || *new == 'd' { KeyKind::Directory } else { KeyKind::File };
            ledger.record(
                Seq(at),
                &ActionRecord {
                    span: SpanId(1),
                    tool_span: SpanId(2),
                    tool_name: "tama_bash".into(),
                    key: Key { kind, name: (*name).into() },
                    op: ActionOp::Set,
                    old: state(*old),
                    intended: state(*new),
                    undo: Undoability::Undo,
                },
            );
        }
        let held = (1..=changes.len() as u64).map(Seq).collect();
        (ledger, held)
    }

    fn together(changes: &[(&str, char, char)], chosen: &[u64], choice: HeldChoice) -> Vec<u64> {
        let (ledger, held) = ledger(changes);
        let chosen = chosen.iter().copied().map(Seq).collect();
        ledger.held_together(&held, &chosen, choice).into_iter().map(|seq| seq.0).collect()
    }

    #[test]
    fn a_new_file_comes_with_its_new_folders_and_a_folder_goes_with_all_in_it() {
        let made = [("a", '-', 'd'), ("a/b", '-', 'd'), ("a/b/f", '-', 'f'), ("ab", '-', 'f')];
        assert_eq!(together(&made, &[3], HeldChoice::Apply), [1, 2, 3]);
        assert_eq!(together(&made, &[1], HeldChoice::Apply), [1]);
        assert_eq!(together(&made, &[2], HeldChoice::Discard), [2, 3]);
        assert_eq!(together(&made, &[4], HeldChoice::Discard), [4]);
    }

    #[test]
    fn a_removed_folder_comes_with_what_is_removed_in_it() {
        let removed = [("d/f", 'f', '-'), ("d/g", 'f', '-'), ("d", 'd', '-')];
        assert_eq!(together(&removed, &[3], HeldChoice::Apply), [1, 2, 3]);
        assert_eq!(together(&removed, &[1], HeldChoice::Apply), [1]);
        // A file that stays keeps its folder.
        assert_eq!(together(&removed, &[1], HeldChoice::Discard), [1, 3]);
    }

    #[test]
    fn a_change_on_top_of_another_comes_with_it() {
        let twice = [("f", '-', 'f'), ("f", 'f', 'f'), ("g", '-', 'f')];
        assert_eq!(together(&twice, &[2], HeldChoice::Apply), [1, 2]);
        assert_eq!(together(&twice, &[1], HeldChoice::Apply), [1]);
        assert_eq!(together(&twice, &[1], HeldChoice::Discard), [1, 2]);
        assert_eq!(together(&twice, &[2], HeldChoice::Discard), [2]);
    }

    #[test]
    fn a_folder_that_is_made_again_comes_after_it_was_removed() {
        let again = [("d/f", 'f', 'f'), ("d/f", 'f', '-'), ("d", 'd', '-'), ("d", '-', 'd'), ("d/g", '-', 'f')];
        assert_eq!(together(&again, &[5], HeldChoice::Apply), [1, 2, 3, 4, 5]);
        assert_eq!(together(&again, &[1], HeldChoice::Apply), [1]);
        assert_eq!(together(&again, &[3], HeldChoice::Apply), [1, 2, 3]);
        assert_eq!(together(&again, &[5], HeldChoice::Discard), [5]);
        assert_eq!(together(&again, &[4], HeldChoice::Discard), [4, 5]);
    }

    #[test]
    fn a_rename_is_one_thing() {
        let (mut ledger, held) = ledger(&[("old", 'f', '-'), ("new", '-', 'f'), ("other", '-', 'f')]);
        ledger.rename(Seq(1), Seq(2));
        for choice in [HeldChoice::Apply, HeldChoice::Discard] {
            let both: Vec<Seq> = ledger.held_together(&held, &[Seq(2)].into(), choice).into_iter().collect();
            assert_eq!(both, [Seq(1), Seq(2)]);
        }
    }

    /// Every choice out of changes of many shapes draws in what a comparison of each with each would.
    #[test]
    fn what_belongs_together_is_found_whatever_the_shape() {
        let names = ["a", "a/b", "a/b/c", "a-b", "a/d", "e"];
        for round in 0..200_usize {
            let pick = |at: usize, of: usize| (round * 7919 + at * 104_729 + round * at * 31) / 3 % of;
            let changes: Vec<(&str, char, char)> = (0..9)
                .map(|at| (names[pick(at, 6)], ['d', 'f', '-'][pick(at + 11, 3)], ['d', 'f', '-'][pick(at + 23, 3)]))
                .collect();
            let (ledger, held) = ledger(&changes);
            for choice in [HeldChoice::Apply, HeldChoice::Discard] {
                for one in &held {
                    let mut wanted = BTreeSet::from([*one]);
                    for _ in &held {
                        let entry = |seq: &Seq| ledger.get(*seq).unwrap();
                        let is_needed = |seq: &&Seq| {
                            wanted.iter().any(|taken| match choice {
                                HeldChoice::Apply => needs(entry(taken), entry(seq)),
                                HeldChoice::Discard => needs(entry(seq), entry(taken)),
                            })
                        };
                        let more: Vec<Seq> = held.iter().filter(is_needed).copied().collect();
                        wanted.extend(more);
                    }
                    let found = ledger.held_together(&held, &[*one].into(), choice);
                    assert_eq!(found, wanted, "{changes:?} {one} {choice:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_held_is_never_taken() {
        assert_eq!(together(&[("a", '-', 'f')], &[1, 7], HeldChoice::Apply), [1]);
    }
}
