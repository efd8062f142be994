//! The counts in the panel's title: how many changes are held, discarded, undone.

use std::collections::BTreeSet;

use crate::model::{ActionStatus, RunState, Seq};

/// How many actions of a list stand how.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Changes that are held.
    held: usize,
    /// Changes that failed: they never changed the world.
    never: usize,
    /// Changes that were discarded.
    thrown: usize,
    /// Actions that changed the world, undone or not.
    done: usize,
    /// Those of them that are undone.
    undone: usize,
}

impl Counts {
    /// Counts held and discarded changes, of which a rename is one; and the actions that can be undone, each half of a
    /// rename alone.
    pub(super) fn of(rows: &[Seq], run: &RunState, discarded: &BTreeSet<Seq>) -> Self {
        use ActionStatus as S;
        let (mut held, mut thrown, mut never) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut applied, mut undone) = (0, 0);
        for seq in rows {
            match run.ledger.head(*seq).map(|head| head.status) {
                Some(S::Held) => drop(held.insert(*seq)),
                Some(S::NotApplied) if discarded.contains(seq) => drop(thrown.insert(*seq)),
                Some(S::NotApplied) => drop(never.insert(*seq)),
                // What never changed the world can't be counted among what is undone of it.
                Some(S::Undone) => undone += 1,
                Some(S::Applied | S::Intent) => applied += 1,
                None => {}
            }
        }
        let changes = |found: BTreeSet<Seq>| run.ledger.changes(&found).count();
        Self { held: changes(held), never: changes(never), thrown: changes(thrown), done: applied + undone, undone }
    }

    /// ` · 2 held · 0 of 3 undone`: each with a dot before it, as far as there is any.
    pub(super) fn title(&self) -> String {
        let part = |count: usize, what: &str| if count > 0 { format!(" · {count} {what}") } else { String::new() };
        let Self { held, never, thrown, done, undone } = *self;
        let undone = if done > 0 { format!(" · {undone} of {done} undone") } else { String::new() };
        [part(held, "held"), part(never, "not done"), part(thrown, "discarded"), undone].concat()
    }
}
