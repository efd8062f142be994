//! A task's permit: given back while the task waits for something else, and taken again before it goes on.

use std::sync::{Mutex, PoisonError};

use super::turns::wait_of;
use super::{Permit, Permits, wait_over};
use crate::model::SpanId;
use crate::store::RunLog;

/// The permit of a task.
pub(in super::super::super) struct HeldPermit {
    permits: Permits,
    log: RunLog,
    span: SpanId,
    held: Mutex<Option<Permit>>,
}

impl HeldPermit {
    /// The turn of a span's task, which has a permit.
    pub fn new(permits: Permits, permit: Permit, log: RunLog, span: SpanId) -> Self {
        Self { permits, log, span, held: Mutex::new(Some(permit)) }
    }

    /// Gives the permit back: the task begins to wait.
    pub fn pause(&self) {
        drop(self.held.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Takes a permit again: the task goes on. A wait for it is recorded.
    pub async fn resume(&self) {
        let permit = match self.permits.take_or_wait() {
            Ok(permit) => Some(permit),
            Err(coming) => {
                self.log.append(vec![wait_of(self.span)]);
                // The permits live as long as the turn.
                let permit = coming.await.ok();
                self.log.append(vec![wait_over(self.span)]);
                permit
            }
        };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = permit;
    }
}
