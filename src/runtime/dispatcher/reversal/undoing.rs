//! An undo or redo under way, in a task that holds the workspace: the undo command of an action may take an hour, and
//! the run goes on beside it.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Retrying, ReversalStep, STOP_BOUND};
use crate::model::{SpanId, UndoReport};

/// The longest that everything else waits for an undo. Most are through sooner, and what was typed ahead finds them done.
pub(super) const SOON: Duration = Duration::from_millis(100);

/// An undo or redo under way.
pub(in super::super::super) struct Undoing {
    task: JoinHandle<UndoReport>,
    /// Ends the undo command of an action; no other is started then.
    stop: CancellationToken,
    /// The spans that made the actions, everything below them included.
    spans: Vec<SpanId>,
    /// The retry that goes on with it.
    retry: Option<Box<Retrying>>,
    /// Everything else waits until then.
    alone_until: Option<Instant>,
    /// It was asked to stop, and is waited for until then.
    stop_until: Option<Instant>,
}

impl Undoing {
    /// Starts to wait for a task.
    pub fn new(
        task: JoinHandle<UndoReport>,
        stop: CancellationToken,
        spans: Vec<SpanId>,
        retry: Option<Box<Retrying>>,
    ) -> Self {
        Self { task, stop, spans, retry, alone_until: Some(Instant::now() + SOON), stop_until: None }
    }

    /// The spans whose actions they are.
    pub fn spans(&self) -> &[SpanId] {
        &self.spans
    }

    /// True while everything else waits for it.
    pub fn is_alone(&self) -> bool {
        self.alone_until.is_some() || self.stop_until.is_some()
    }

    /// Asks it to stop; what it has done is recorded.
    pub fn ask_to_stop(&mut self) {
        self.stop.cancel();
        self.stop_until.get_or_insert_with(|| Instant::now() + STOP_BOUND);
    }

    /// Shortens the wait after it was asked to stop.
    pub fn hurry(&mut self, bound: Duration) {
        self.stop_until = self.stop_until.map(|until| until.min(Instant::now() + bound));
    }

    /// Waits for the next step.
    pub async fn next(&mut self) -> ReversalStep {
        let until = [self.alone_until, self.stop_until].into_iter().flatten().min();
        let wait = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            report = &mut self.task => ReversalStep::Undone(report.ok()),
            () = wait => ReversalStep::UndoLasts,
        }
    }

    /// Takes the end of a wait; returns true when it was asked to stop and did not in time.
    pub fn has_timed_out(&mut self) -> bool {
        let now = Instant::now();
        self.alone_until = self.alone_until.filter(|until| *until > now);
        let timed_out = self.stop_until.is_some_and(|until| until <= now);
        if timed_out {
            self.stop_until = None;
        }
        timed_out
    }

    /// The retry that goes on with it.
    pub fn into_retry(self) -> Option<Box<Retrying>> {
        self.retry
    }
}
