//! The run's work clock: wall time without the times in which the whole run only waited.

use serde::{Deserialize, Serialize};

use super::{Millis, Pages};

/// The times in which the whole run waited, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct WorkClock {
    waits: Pages<Wait>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Wait {
    from: Millis,
    to: Millis,
    /// Milliseconds waited before it.
    before: u64,
}

impl Wait {
    /// Milliseconds waited up to a moment that is not before it.
    fn up_to(&self, at: Millis) -> u64 {
        self.before + at.min(self.to).0.saturating_sub(self.from.0)
    }
}

impl WorkClock {
    /// Adds a wait that is over.
    pub(super) fn add(&mut self, from: Millis, to: Millis) {
        if to <= from {
            return;
        }
        let before = self.waited_before(from);
        let last = self.waits.len().wrapping_sub(1);
        if self.waits.last().is_some_and(|last| last.to == from) {
            self.waits.change(last, |last| last.to = to);
        } else {
            self.waits.push(Wait { from, to, before });
        }
    }

    /// Milliseconds waited before a moment.
    pub(super) fn waited_before(&self, at: Millis) -> u64 {
        let next = self.waits.partition_point(|wait| wait.from < at);
        next.checked_sub(1).map_or(0, |last| self.waits[last].up_to(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_take_no_time() {
        let mut clock = WorkClock::default();
        for (from, to) in [(10, 30), (30, 40), (100, 100), (200, 1_200)] {
            clock.add(Millis(from), Millis(to));
        }
        let waited = |at| clock.waited_before(Millis(at));
        assert_eq!([waited(5), waited(10), waited(20), waited(40), waited(150)], [0, 0, 10, 30, 30]);
        assert_eq!([waited(200), waited(700), waited(5_000)], [30, 530, 1_030]);
        assert_eq!(clock.waits.len(), 2);
    }
}
