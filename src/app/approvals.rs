//! The approvals and the questions to a person that wait for an answer, and when one may open by itself.

use std::collections::BTreeSet;

use super::{State, keys};
use crate::model::{Millis, RunState, SpanId, TraceBody};

/// Milliseconds without a key before an approval opens by itself.
const QUIET: u64 = 1_500;
/// Milliseconds in which a popup that opened by itself takes no key.
const TYPED_AHEAD: u64 = 500;

/// The answers given and put off, and the time of the last key.
#[derive(Debug, Clone, Default)]
pub(super) struct Approvals {
    clock: Millis,
    last_key: Millis,
    /// Answered here; the run has not confirmed it yet.
    answered: BTreeSet<SpanId>,
    /// Let run with their changes held; the command has not ended yet.
    holding: BTreeSet<SpanId>,
    /// Put off by the user: they don't open by themselves any more.
    later: BTreeSet<SpanId>,
}

impl Approvals {
    /// Starts the clock; the key that started the program counts as one.
    pub(super) fn starting(now: Millis) -> Self {
        Self { clock: now, last_key: now, ..Self::default() }
    }

    pub(super) fn set_clock(&mut self, now: Millis) {
        self.clock = now;
    }

    pub(super) fn clock(&self) -> Millis {
        self.clock
    }

    /// A key, a paste or the mouse came.
    pub(super) fn key_came(&mut self) {
        self.last_key = self.clock;
    }

    /// True when no key came for a while.
    pub(super) fn is_quiet(&self) -> bool {
        self.since(self.last_key) >= QUIET
    }

    /// True when a key was typed before the user can have seen what opened then.
    pub(super) fn is_typed_ahead(&self, opened: Millis) -> bool {
        self.since(opened) < TYPED_AHEAD
    }

    /// A clock that was set back has run long enough.
    fn since(&self, then: Millis) -> u64 {
        self.clock.0.checked_sub(then.0).unwrap_or(u64::MAX)
    }

    pub(super) fn answer(&mut self, span: SpanId) {
        self.answered.insert(span);
    }

    pub(super) fn is_answered(&self, span: SpanId) -> bool {
        self.answered.contains(&span)
    }

    /// The changes of a command will be held.
    pub(super) fn hold(&mut self, span: SpanId) {
        self.holding.insert(span);
    }

    /// True when a command was let run with its changes held, and now stops or ends.
    pub(super) fn take_hold(&mut self, span: SpanId) -> bool {
        self.holding.remove(&span)
    }

    pub(super) fn put_off(&mut self, span: SpanId) {
        self.later.insert(span);
    }

    /// The run refused something, perhaps an answer: all that still stand can be answered again.
    pub(super) fn refused(&mut self) {
        self.answered.clear();
    }

    /// Forgets a span that was let go or ended: the next stop there is another one.
    pub(super) fn event(&mut self, body: &TraceBody) {
        let span = match body {
            TraceBody::Released { span, .. } => span,
            TraceBody::SpanEnded(end) => &end.span,
            _ => return,
        };
        self.answered.remove(span);
        self.later.remove(span);
    }

    /// The spans that need an approval, or ask a person: each kind oldest first.
    pub(super) fn pending(&self, run: &RunState) -> Vec<SpanId> {
        let any = run.trace.get(SpanId::RUN).is_some_and(|whole| whole.tally.approvals > 0);
        let approvals = run.trace.paused().filter(|span| any && asks(run, *span));
        let asking = run.trace.asking();
        approvals.chain(asking).filter(|span| !self.answered.contains(span)).collect()
    }

    /// The oldest one that was not put off.
    pub(super) fn next(&self, run: &RunState) -> Option<SpanId> {
        self.pending(run).into_iter().find(|span| !self.later.contains(span))
    }
}

/// True for a span that needs an approval.
fn asks(run: &RunState, span: SpanId) -> bool {
    run.trace.pause(span).is_some_and(|(_, reason)| reason.is_approval())
}

impl State {
    /// The approval or the question that opens by itself once no key came for a while: nothing else is open then.
    pub(super) fn approval_to_open(&self) -> Option<SpanId> {
        let is_open = self.popup.is_some() || self.search.is_some() || self.pending.is_some();
        let opens = self.fetching.is_some() || self.retrying.is_some();
        let span = if is_open || opens { None } else { self.asked.next(&self.run) };
        // A run that is only looked at asks nothing.
        span.filter(|_| !self.closed && keys::drivable(self).is_ok())
    }
}
