//! The time axis of the Spans panel. Times in which the whole run only waited take no room on it.

use crate::model::{Millis, Trace};

/// The axis: so many columns for all the work of the run.
pub(super) struct Axis {
    columns: u64,
    whole: u64,
}

impl Axis {
    /// The axis of a run, up to its end or to now.
    pub(super) fn new(trace: &Trace, now: Millis, columns: usize) -> Self {
        let end = trace.spans().first().and_then(|run| run.end).unwrap_or(now);
        Self { columns: columns as u64, whole: trace.work_at(end).max(1) }
    }

    /// The bar of a span; it has one cell at least.
    pub(super) fn bar(&self, trace: &Trace, start: Millis, end: Millis) -> String {
        if self.columns == 0 {
            return String::new();
        }
        let place = |at: Millis| trace.work_at(at).min(self.whole) * self.columns / self.whole;
        let from = place(start).min(self.columns - 1);
        let to = place(end).max(from + 1);
        (0..self.columns).map(|at| if (from..to).contains(&at) { '━' } else { ' ' }).collect()
    }
}
