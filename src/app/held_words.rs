//! Held changes as text, with the marks on them: for the footer and for the border of Detail.

use std::collections::BTreeSet;

use super::State;
use super::text::{grouped, plural};
use crate::model::{Seq, SpanId};

/// Held changes as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldWords {
    /// `4 held changes`, `2 of 4 marked`.
    pub what: String,
    /// The keys that decide on them.
    pub keys: &'static str,
}

impl std::fmt::Display for HeldWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.keys)
    }
}

/// The held changes of a command, or the marked ones of them.
#[must_use]
pub fn held_words(state: &State, span: SpanId) -> HeldWords {
    let held = state.run.held_changes(span);
    let marked = marked(state, span);
    if marked.is_empty() {
        return HeldWords { what: plural(held, "held change"), keys: "c applies, D discards" };
    }
    let marked = state.run.ledger.changes(&marked).count() as u64;
    HeldWords {
        what: format!("{} of {} marked", grouped(marked), grouped(held as u64)),
        keys: "c applies them, D discards them",
    }
}

/// The marked ones of a command's held changes.
pub(super) fn marked(state: &State, span: SpanId) -> BTreeSet<Seq> {
    let held = state.run.held.get(&span);
    held.map(|held| state.rollback.marked().intersection(held).copied().collect()).unwrap_or_default()
}
