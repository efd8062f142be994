//! The calls that wait for a permit before they start.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{ITS_TURN, Permit, Permits};
use crate::model::{SpanId, TraceBody, WaitFor};

/// A shorter wait is neither recorded nor shown: hundreds of workers with quick calls wait all the time.
const SHOWN_AFTER: Duration = Duration::from_millis(100);

/// The calls that wait for a permit.
pub(in super::super) struct Turns {
    permits: Permits,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    path: String,
    span: SpanId,
    since: Instant,
    /// True when its wait is recorded.
    shown: bool,
}

/// Something that the calls that wait were waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super::super) enum TurnStep {
    /// A permit may be free.
    Free,
    /// A wait is long enough to be shown.
    Due,
}

/// A call whose turn it is.
pub(in super::super) struct NextTurn {
    pub path: String,
    pub span: SpanId,
    /// True when its wait is recorded.
    pub shown: bool,
    pub permit: Permit,
}

impl Turns {
    /// No call waits.
    pub fn new(permits: Permits) -> Self {
        Self { permits, waiting: VecDeque::new() }
    }

    /// Returns the permits.
    pub fn permits(&self) -> &Permits {
        &self.permits
    }

    /// Takes a permit for a call; `None`: it waits for its turn.
    pub fn ask(&mut self, path: &str, span: SpanId, now: Instant) -> Option<Permit> {
        if self.waiting.is_empty()
            && let Some(permit) = self.permits.try_take()
        {
            return Some(permit);
        }
        self.waiting.push_back(Waiting { path: path.to_owned(), span, since: now, shown: false });
        None
    }

    /// Takes the next call whose turn it is.
    pub fn next_turn(&mut self) -> Option<NextTurn> {
        if self.waiting.is_empty() {
            return None;
        }
        let permit = self.permits.try_take()?;
        let Waiting { path, span, shown, .. } = self.waiting.pop_front()?;
        Some(NextTurn { path, span, shown, permit })
    }

    /// Takes a call out that waits no more; returns the event of the end of its wait, if that is recorded.
    pub fn leave(&mut self, span: SpanId) -> Option<TraceBody> {
        let at = self.waiting.iter().position(|waiting| waiting.span == span)?;
        self.waiting.remove(at).filter(|waiting| waiting.shown).map(|_| wait_over(span))
    }

    /// The events of the waits that are long enough by now. `waits_still`: calls that were stopped meanwhile have none.
    pub fn due(&mut self, now: Instant, waits_still: impl Fn(&str, SpanId) -> bool) -> Vec<TraceBody> {
        self.waiting.retain(|waiting| waits_still(&waiting.path, waiting.span));
        let due = self.waiting.iter_mut().filter(|waiting| !waiting.shown && now >= waiting.since + SHOWN_AFTER);
        due.map(|waiting| {
            waiting.shown = true;
            wait_of(waiting.span)
        })
        .collect()
    }

    /// Waits for a step; for ever when no call waits.
    pub async fn next(&self) -> TurnStep {
        if self.waiting.is_empty() {
            return std::future::pending().await;
        }
        // They are in the order of their beginnings.
        let first = self.waiting.iter().find(|waiting| !waiting.shown).map(|waiting| waiting.since + SHOWN_AFTER);
        let due = async {
            match first {
                Some(first) => tokio::time::sleep_until(first).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.permits.freed() => TurnStep::Free,
            () = due => TurnStep::Due,
        }
    }
}

/// The event of the beginning of a wait.
pub(super) fn wait_of(span: SpanId) -> TraceBody {
    TraceBody::SpanWaiting { span, on: Some(ITS_TURN.to_owned()), why: WaitFor::Permit }
}

/// The event of the end of a wait.
pub(in super::super) fn wait_over(span: SpanId) -> TraceBody {
    TraceBody::SpanWaiting { span, on: None, why: WaitFor::Permit }
}
