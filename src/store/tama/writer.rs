//! The events of an imported run, folded as they are written, and its log.

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::{Keyframes, Millis, RunState, Seq, TextHash, TraceBody, TraceEvent};
use crate::store::{Publish, Row, RunLog, Volatile, hash_text};

/// The latest moment that is shown: the end of the year 9999.
const LATEST: i64 = 253_402_300_799_999;

/// Writes the events of a run.
#[derive(Default)]
pub(super) struct Writer {
    rows: Vec<Row>,
    events: Vec<TraceEvent>,
    state: RunState,
    keyframes: Keyframes,
    texts: HashSet<TextHash>,
    last: Seq,
}

impl Writer {
    /// Stores a text once, and names it.
    pub(super) fn text(&mut self, text: &str) -> TextHash {
        let hash = hash_text(text);
        if self.texts.insert(hash) {
            let (seq, at) = (self.next(), self.state.last_at);
            self.rows.push(Row::Text { seq, at, hash, text: text.to_owned() });
        }
        hash
    }

    /// Writes an event that happened at a moment; returns its seq.
    pub(super) fn event(&mut self, happened: Millis, body: TraceBody) -> Seq {
        let event = TraceEvent { seq: self.next(), at: happened, happened: Some(happened), body };
        self.state.apply(&event);
        self.keyframes.follow(&mut self.state);
        self.rows.push(Row::Event(event.clone()));
        self.events.push(event);
        self.last
    }

    /// The run's log, which keeps nothing on disk, and its events.
    pub(super) fn finish(self, publish: Publish) -> (RunLog, Vec<TraceEvent>) {
        let recorder = Arc::new(Volatile::holding(publish, self.rows));
        let log = RunLog::new(recorder, self.state, self.last, self.texts).with_keyframes(self.keyframes);
        (log, self.events)
    }

    fn next(&mut self) -> Seq {
        self.last = Seq(self.last.0 + 1);
        self.last
    }
}

/// A moment as it can be shown.
pub(super) fn moment(milliseconds: i64) -> Millis {
    Millis(u64::try_from(milliseconds.clamp(0, LATEST)).unwrap_or_default())
}
