//! Permits and fan-outs at work: calls wait for their turn, workers wait to begin.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::ask::{AgentKey, Begin, SpanPosition};
use super::super::failure::Failure;
use super::Dispatcher;
use super::calls::PendingCall;
use super::driver_action::DriverAction;
use super::gatekeeper::Question;
use super::permits::{HeldPermit, NextTurn, TurnStep, wait_over};
use crate::model::{PauseReason, SpanId};

/// A worker of a fan-out that has not begun.
pub(super) struct WorkerStart {
    pub position: SpanPosition,
    pub key: AgentKey,
    pub input: String,
    pub reply: oneshot::Sender<Result<Begin, Failure>>,
}

impl Dispatcher {
    /// The turn of a call that is about to start; `None`: it waits for a permit.
    pub(super) fn turn(&mut self, path: &str, span: SpanId) -> Option<Arc<HeldPermit>> {
        let permits = self.turns.permits().clone();
        permits.set_limit(self.version_now().limits.effects_at_once());
        let permit = self.calls.take_permit(path).or_else(|| self.turns.ask(path, span, Instant::now()));
        let Some(permit) = permit else {
            self.calls.queue(path);
            return None;
        };
        Some(Arc::new(HeldPermit::new(permits, permit, self.log.clone(), span)))
    }

    /// Takes a step of the calls that wait.
    pub(super) fn step_turns(&mut self, step: TurnStep) {
        match step {
            TurnStep::Free => {
                while let Some(next) = self.turns.next_turn() {
                    self.take_turn(next);
                }
            }
            TurnStep::Due => {
                let calls = &self.calls;
                let waits_still = |path: &str, span| calls.get(path).is_some_and(|call| call.is_queued(span));
                let events = self.turns.due(Instant::now(), waits_still);
                self.log.append(events);
            }
        }
    }

    /// Starts a call whose turn it is; a limit may have been crossed since it was asked for.
    fn take_turn(&mut self, NextTurn { path, span, shown, permit }: NextTurn) {
        if !self.calls.get(&path).is_some_and(|call| call.is_queued(span)) {
            // It is gone; dropping the permit gives it to the next.
            return;
        }
        if shown {
            self.log.append(vec![wait_over(span)]);
        }
        self.calls.end_queue(&path, permit);
        match self.question(&path) {
            Some(question @ Question::Model(_)) => {
                let Some(gate) = self.calls.get(&path).map(PendingCall::before) else { return };
                let at = self.arrival(&path, gate);
                let action = self.gatekeeper.approve(&at, Some(&question));
                self.carry_out(vec![action]);
            }
            _ => self.start(&path),
        }
        // A call that stopped holds none.
        drop(self.calls.take_permit(&path));
    }

    /// Stops the calls that wait for their turn, because the user asked for a pause; returns how many. One that was
    /// approved stays: the policy must not ask twice.
    pub(super) fn stop_queued(&mut self) -> usize {
        let queued = self.calls.queued();
        let mut stopped = 0;
        for (path, span) in queued {
            let Some(gate) = self.calls.get(&path).map(PendingCall::before) else { continue };
            let (at, question) = (self.arrival(&path, gate), self.question(&path));
            if !matches!(self.gatekeeper.approve(&at, question.as_ref()), DriverAction::Launch { .. }) {
                continue;
            }
            let over = self.turns.leave(span);
            self.log.append(over.into_iter().collect());
            self.calls.leave_queue(&path);
            self.pause_at(&path, gate, PauseReason::Asked);
            stopped += 1;
        }
        stopped
    }

    /// Begins workers of fan-outs, as many as may be under way; none while a pause or an approval stands.
    pub(super) fn start_workers(&mut self) {
        if !self.fan_outs.has_queued() || self.is_alone() {
            return;
        }
        self.let_workers_go();
        if self.gatekeeper.is_pausing() || self.log.with(|state| !state.approvals.is_empty()) {
            return;
        }
        let permits = self.version_now().limits.effects_at_once();
        let any_stopped =
            self.log.with(|state| state.trace.paused().next().is_some() || state.trace.asking().next().is_some());
        loop {
            let calls = &self.calls;
            let next = self.fan_outs.next(permits, |path| any_stopped && calls.is_all_stopped(path));
            let Some(WorkerStart { position, key, input, reply }) = next else { return };
            // A reply may find its asker gone: a retry dropped it in between.
            drop(reply.send(self.start_agent(&position, &key, &input)));
        }
    }

    /// A pause that found nothing to stop must not hold workers for ever: the run stops at its next gate instead.
    fn let_workers_go(&mut self) {
        if self.gatekeeper.is_pausing() && !self.fan_outs.has_live() && self.calls.iter().next().is_none() {
            self.gatekeeper.pause_at_next();
        }
    }

    /// Ends the pause that the user asked for when nothing stands at it, or is on its way to it.
    pub(super) fn review_pause(&mut self) {
        if !self.gatekeeper.is_pausing() {
            return;
        }
        let stands = self.log.with(|state| {
            let mut paused = state.trace.paused();
            paused.any(|span| matches!(state.trace.pause(span), Some((_, PauseReason::Asked))))
        });
        let calls = &self.calls;
        self.gatekeeper.end_pause_unless(stands, |branch| calls.is_under_way(branch));
    }
}
