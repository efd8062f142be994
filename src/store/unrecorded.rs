//! Rows that can't be recorded any more: the screen still has to see that the run stands still and why.
//!
//! Rows that the database does not take are kept in memory and published all the same, in order, so that the screen
//! folds them like any other. They are gone when the process ends, and the log says so in a note of its own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Publish, Row};
use crate::model::{Seq, TextHash, TraceEvent};

/// Rows that are not stored, and who hears of them.
pub(super) struct Unrecorded {
    publish: Publish,
    kept: Mutex<Kept>,
    /// Held while publishing, so that batches keep their order; who listens may look at the store meanwhile.
    turn: Mutex<()>,
}

#[derive(Default)]
struct Kept {
    events: Vec<TraceEvent>,
    texts: HashMap<TextHash, String>,
    published: usize,
}

impl Unrecorded {
    /// Nothing yet.
    pub(super) fn new(publish: Publish) -> Self {
        Self { publish, kept: Mutex::default(), turn: Mutex::default() }
    }

    /// Publishes what is committed.
    pub(super) fn publish(&self, events: Vec<TraceEvent>) {
        if !events.is_empty() {
            (self.publish)(events);
        }
    }

    /// Keeps rows, in the order of their seq; [`Unrecorded::tell`] publishes them.
    pub(super) fn keep(&self, rows: Vec<Row>) {
        let mut kept = self.lock();
        for row in rows {
            match row {
                Row::Event(event) => kept.events.push(event),
                Row::Text { hash, text, .. } => drop(kept.texts.insert(hash, text)),
            }
        }
    }

    /// Publishes what was kept since.
    pub(super) fn publish_kept(&self) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = self.lock();
        let events = kept.events[kept.published..].to_vec();
        kept.published = kept.events.len();
        drop(kept);
        self.publish(events);
    }

    /// Events after a seq.
    pub(super) fn after(&self, after: Seq, limit: usize) -> Vec<TraceEvent> {
        self.lock().events.iter().filter(|event| event.seq > after).take(limit).cloned().collect()
    }

    /// A text that is not stored.
    pub(super) fn text(&self, hash: TextHash) -> Option<String> {
        self.lock().texts.get(&hash).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
