//! Waits: the times in which nothing at or below a span worked, and why. They are stored with the span's end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::span_map::SpanMap;
use super::{Millis, Seq, SpanId};

/// Why a span waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// For the user's answer: to an approval, to an error, or until a retry opened it again.
    Person,
    /// For the workspace or the memory, which another call had.
    #[default]
    Lock,
    /// For its turn among the effects that run at once.
    Permit,
    /// Until a model's server takes calls again: for the time that it named, or a growing one.
    RetryAfter,
    /// At a breakpoint, a step, a limit, or because the user asked for a pause.
    Pause,
}

impl WaitFor {
    /// True for a lock: the kind of all waits that a span of an earlier version tells of.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn is_lock(&self) -> bool {
        *self == Self::Lock
    }
}

/// A time in which a span waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitInterval {
    /// Why; of several reasons the first of person, pause, and what a call waits for.
    pub why: WaitFor,
    /// When it began.
    pub from: Millis,
    /// When it was over.
    pub to: Millis,
}

impl WaitInterval {
    /// Its length in milliseconds.
    #[must_use]
    pub fn ms(&self) -> u64 {
        self.to.0.saturating_sub(self.from.0)
    }
}

/// The waits of spans that can still end, or end anew. Only spans that waited take room.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Waits {
    open: BTreeMap<SpanId, (WaitFor, Millis)>,
    over: SpanMap<Vec<WaitInterval>>,
    /// The first end that has its waits with it: ends before it are of an earlier format.
    known_from: Option<Seq>,
}

impl Waits {
    /// A wait begins.
    pub(super) fn begin(&mut self, span: SpanId, why: WaitFor, at: Millis) {
        self.open.insert(span, (why, at));
    }

    /// A wait is over.
    pub(super) fn end(&mut self, span: SpanId, at: Millis) {
        if let Some((why, from)) = self.open.remove(&span) {
            self.add(span, WaitInterval { why, from, to: at });
        }
    }

    /// Adds a wait that is over.
    pub(super) fn add(&mut self, span: SpanId, wait: WaitInterval) {
        if wait.to > wait.from {
            self.over.change(span, |over| over.push(wait));
        }
    }

    /// The waits of a span up to a moment, oldest first.
    pub(super) fn of(&self, span: SpanId, now: Millis) -> Vec<WaitInterval> {
        let open = self.open.get(&span).map(|(why, from)| WaitInterval { why: *why, from: *from, to: now });
        let over = self.over.get(span).into_iter().flatten().copied();
        over.chain(open.filter(|wait| wait.to > wait.from)).collect()
    }

    /// A span has its end, with its waits or (of an earlier format) without. One that can't end anew is forgotten.
    pub(super) fn ended(&mut self, span: SpanId, seq: Seq, stored: bool, can_reopen: bool) {
        if stored && self.known_from.is_none() {
            self.known_from = Some(seq);
        }
        if !can_reopen {
            self.forget(span);
        }
    }

    /// Forgets a span that a later try replaced.
    pub(super) fn forget(&mut self, span: SpanId) {
        self.open.remove(&span);
        self.over.remove(span);
    }

    /// True if the waits of a span that ended there are stored.
    pub(super) fn are_known(&self, ended: Seq) -> bool {
        self.known_from.is_some_and(|first| ended >= first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_listed_with_the_one_that_goes_on() {
        let mut waits = Waits::default();
        let (one, wait) = (SpanId(1), |why, from, to| WaitInterval { why, from: Millis(from), to: Millis(to) });
        waits.begin(one, WaitFor::Lock, Millis(10));
        waits.end(one, Millis(10));
        waits.end(one, Millis(12));
        waits.begin(one, WaitFor::Lock, Millis(20));
        waits.end(one, Millis(50));
        waits.begin(one, WaitFor::Person, Millis(60));
        let both = [wait(WaitFor::Lock, 20, 50), wait(WaitFor::Person, 60, 70)];
        assert_eq!(waits.of(one, Millis(70)), both);
        assert_eq!(waits.of(SpanId(2), Millis(70)), []);
        waits.ended(one, Seq(9), true, false);
        assert_eq!(waits.of(one, Millis(80)), []);
        assert!(waits.are_known(Seq(9)) && !waits.are_known(Seq(8)));
    }
}
