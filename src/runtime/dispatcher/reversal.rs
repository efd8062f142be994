//! The retry or undo under way. Only the driver waits for it; while it goes on, the run's calls outside of it, cancel and
//! quit are heard.
//!
//! A retry first has the calls of its set stopped ([`Halting`]), then takes every lock ([`Holding`]), so that nobody
//! reads or changes what will be undone; then it plans again, and compares with the plan that was shown; then it undoes
//! ([`Undoing`]), and runs on.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::retry::Retrying;
use super::undo::{Undoing, undo_finished};
use crate::model::{SpanId, UndoReport};
use crate::world::Guard;

/// The longest wait for calls to stop.
pub(super) const HALT_BOUND: Duration = Duration::from_secs(60);
/// The longest wait for the workspace.
pub(super) const HOLD_BOUND: Duration = Duration::from_secs(10);

/// The retry or undo under way.
#[derive(Default)]
pub(in super::super) enum Reversal {
    /// None.
    #[default]
    Idle,
    /// The calls of a retry's set are being stopped.
    Halting(Halting),
    /// A retry waits for the workspace.
    Holding(Holding),
    /// Actions are undone or redone.
    Undoing(Undoing),
}

/// A retry whose calls are being stopped.
pub(in super::super) struct Halting {
    retrying: Box<Retrying>,
    /// Paths of the tools that have not stopped yet.
    waiting: BTreeSet<String>,
    until: Instant,
}

/// A retry that waits for the workspace.
pub(in super::super) struct Holding {
    retrying: Box<Retrying>,
    task: JoinHandle<Option<Guard>>,
}

/// A step of the reversal that the driver waited for.
pub(in super::super) enum ReversalStep {
    /// A tool did not stop in time.
    HaltTimedOut,
    /// Every lock was taken; `None`: not in time.
    Held(Option<Guard>),
    /// The undo is through; `None`: the program failed in it.
    Undone(Option<UndoReport>),
}

impl Reversal {
    /// Starts to wait for the tools at these paths.
    pub(super) fn halting(retrying: Retrying, waiting: BTreeSet<String>) -> Self {
        Self::Halting(Halting { retrying: Box::new(retrying), waiting, until: Instant::now() + HALT_BOUND })
    }

    /// Starts to wait for the locks.
    pub(super) fn holding(retrying: Box<Retrying>, task: JoinHandle<Option<Guard>>) -> Self {
        Self::Holding(Holding { retrying, task })
    }

    /// Waits for the next step; for ever when none is under way.
    pub async fn next(&mut self) -> ReversalStep {
        match self {
            Self::Idle => std::future::pending().await,
            Self::Halting(halting) => {
                tokio::time::sleep_until(halting.until).await;
                ReversalStep::HaltTimedOut
            }
            // A task that failed holds nothing.
            Self::Holding(holding) => ReversalStep::Held((&mut holding.task).await.ok().flatten()),
            Self::Undoing(undoing) => ReversalStep::Undone(undo_finished(undoing).await),
        }
    }

    /// True when none is under way.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    /// The spans whose changes are being undone, everything below them included.
    pub fn spans(&self) -> &[SpanId] {
        match self {
            Self::Idle => &[],
            Self::Halting(Halting { retrying, .. }) | Self::Holding(Holding { retrying, .. }) => retrying.spans(),
            Self::Undoing(undoing) => undoing.spans(),
        }
    }

    /// Takes the end of a tool that a retry stopped; returns true when it was one.
    pub fn stopped(&mut self, path: &str) -> bool {
        match self {
            Self::Halting(halting) => halting.waiting.remove(path),
            _ => false,
        }
    }

    /// Takes the retry out when all its tools have stopped.
    pub(super) fn take_halted(&mut self) -> Option<Box<Retrying>> {
        match std::mem::take(self) {
            Self::Halting(halting) if halting.waiting.is_empty() => Some(halting.retrying),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Ends a retry that has undone nothing yet; returns it, and the paths of the tools that have not stopped.
    pub(super) fn give_up(&mut self) -> Option<(Box<Retrying>, BTreeSet<String>)> {
        match std::mem::take(self) {
            Self::Halting(halting) => Some((halting.retrying, halting.waiting)),
            Self::Holding(holding) => {
                holding.task.abort();
                Some((holding.retrying, BTreeSet::new()))
            }
            other => {
                *self = other;
                None
            }
        }
    }
}
