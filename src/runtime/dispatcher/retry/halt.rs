//! Stops the calls of a retry's set, and takes the workspace; or lets everything go on.

use crate::model::{RetryPlan, RunStatus, SpanStatus, Update};
use crate::runtime::dispatcher::calls::PendingCall;
use crate::runtime::dispatcher::reversal::{HALT_BOUND, HOLD_BOUND, Reversal, ReversalStep};
use crate::runtime::dispatcher::{Dispatcher, Done};
use crate::runtime::failure::Failure;
use crate::runtime::refusal::RetryRefusal;
use crate::world::Scope;

/// The name under which a retry takes the locks.
const RETRY: &str = "retry";

impl Dispatcher {
    /// Takes a step of the retry or undo under way.
    pub(in super::super) async fn step_reversal(&mut self, step: ReversalStep) {
        match step {
            ReversalStep::HaltTimedOut => {
                let seconds = HALT_BOUND.as_secs();
                self.give_up_retry(&RetryRefusal::NotHalted { seconds });
            }
            ReversalStep::Held(None) => {
                let holder = self.services.world.holder(Scope::All).unwrap_or_else(|| "a tool".into());
                self.give_up_retry(&RetryRefusal::NotHeld { holder });
            }
            ReversalStep::Held(Some(guard)) => {
                if let Some((retrying, _)) = self.reversal.give_up() {
                    self.plan_again(*retrying, guard).await;
                }
            }
            ReversalStep::Undone(report) => self.undone(report).await,
        }
    }

    /// Goes on with a retry whose calls have all stopped: takes every lock, so that nobody reads or changes what will be
    /// undone.
    pub(in super::super) async fn go_on_when_halted(&mut self) {
        let Some(retrying) = self.reversal.take_halted() else { return };
        if let Some(guard) = self.services.world.try_lock(Scope::All, RETRY) {
            return self.plan_again(*retrying, guard).await;
        }
        let world = self.services.world.clone();
        let wait = async move { tokio::time::timeout(HOLD_BOUND, world.lock(Scope::All, RETRY)).await.ok() };
        self.reversal = Reversal::holding(retrying, tokio::spawn(wait));
    }

    /// The tools outside of a retry's set that wait for the workspace, and have not started.
    pub(super) fn queued_outside(&self, plan: &RetryPlan) -> Vec<String> {
        let is_queued = |pending: &PendingCall| {
            let span = pending.span();
            !plan.reruns.contains(&span)
                && self.log.with(|state| {
                    let waits = state.trace.get(span).is_some_and(|found| found.status == SpanStatus::Waiting);
                    waits && !state.commands.values().any(|command| command.span == span)
                })
        };
        self.calls.iter().filter(|(_, pending)| is_queued(pending)).map(|(path, _)| path.clone()).collect()
    }

    /// Ends a retry before it undid anything; everything else goes on.
    pub(super) fn give_up_retry(&mut self, why: &RetryRefusal) {
        let Some((retrying, running)) = self.reversal.give_up() else { return };
        // A tool that still runs keeps its task: its end comes as if nothing had been asked.
        let stopped: Vec<String> = retrying.halted.into_iter().filter(|path| !running.contains(path)).collect();
        let requeued: Vec<String> = retrying.requeued.into_iter().filter(|path| !running.contains(path)).collect();
        self.resume_after_conflict(&stopped, &requeued);
        self.sink.send(Update::Refused(why.to_string()));
    }

    /// Records the stopped calls of the set as failed, stopped at the error gate; everything else goes on as it was.
    pub(super) fn resume_after_conflict(&mut self, halted: &[String], requeued: &[String]) {
        let error = "stopped for a retry, which failed";
        for path in halted {
            if let Some(span) = self.calls.get(path).map(PendingCall::span) {
                self.end(path, span, Done::Llm(Err(Failure::new(error))));
            }
        }
        if self.status() == RunStatus::Running {
            self.start_pattern();
        }
        self.queue_again(requeued);
    }

    /// Starts calls again that had only waited.
    pub(super) fn queue_again(&mut self, paths: &[String]) {
        for path in paths.iter().filter(|path| self.calls.get(path).is_some()).cloned().collect::<Vec<_>>() {
            self.launch(&path);
        }
    }
}
