//! The heads of a ledger's actions: what lists of many actions go by, at hand without unpacking the actions.

use serde::{Deserialize, Serialize};

use super::ActionStatus;
use crate::model::{Pages, Seq, SpanId};

/// The head of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionHead {
    /// Its row.
    pub seq: Seq,
    /// The agent's span.
    pub span: SpanId,
    /// The tool's own span.
    pub tool_span: SpanId,
    /// Its status.
    pub status: ActionStatus,
    /// True if its before-image is kept.
    pub undoable: bool,
}

impl ActionHead {
    /// True if it has (or may have) changed the world and was not undone.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        matches!(self.status, ActionStatus::Applied | ActionStatus::Intent)
    }
}

/// The heads of all actions, by seq.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Heads(Pages<ActionHead>);

impl Heads {
    /// All of them, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &ActionHead> {
        self.0.iter()
    }

    /// The place of an action in the list: seqs grow.
    pub(super) fn index(&self, action: Seq) -> Option<usize> {
        let at = self.0.partition_point(|head| head.seq < action);
        self.0.get(at).filter(|head| head.seq == action).map(|_| at)
    }

    /// The one at a place of the list.
    pub(super) fn at(&self, at: usize) -> Option<&ActionHead> {
        self.0.get(at)
    }

    /// Those after a seq, oldest first.
    pub(super) fn after(&self, seq: Seq) -> impl Iterator<Item = &ActionHead> {
        self.0.iter_from(self.0.partition_point(|head| head.seq <= seq))
    }

    /// One of them.
    pub(super) fn get(&self, action: Seq) -> Option<&ActionHead> {
        self.0.get(self.index(action)?)
    }

    /// Adds one at the end.
    pub(super) fn push(&mut self, head: ActionHead) {
        self.0.push(head);
    }

    /// Sets the status of the one at a place.
    pub(super) fn set_status(&mut self, at: usize, status: ActionStatus) {
        if self.0.get(at).is_some_and(|head| head.status != status) {
            self.0.change(at, |head| head.status = status);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
