//! A moment of a run: its state as it was when an event had happened, and nothing after it.

use super::{RunState, Seq, TraceEvent};

/// The moment that is asked for: an event of the run, or one so many events from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MomentAsked {
    /// The event from which it is counted.
    pub from: Seq,
    /// How many events later; below 0: earlier.
    pub by: i64,
}

/// A moment of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// The question that it answers.
    pub asked: MomentAsked,
    /// The run as it was then.
    pub run: RunState,
    /// The event that had just happened; its texts may be left out.
    pub event: Option<TraceEvent>,
}
