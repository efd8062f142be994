//! The retry or undo under way. Its handlers decide what is next; the driver waits for it, and hears cancel and quit
//! meanwhile.
//!
//! A retry is checked first beside the loop. Then the calls of its set are stopped, and every lock is taken, so
//! that nobody reads or changes what will be undone. With the locks it is planned again, and compared with the plan
//! that was shown. Then its actions are undone, and the set runs on.

mod check;
#[cfg(test)]
mod check_tests;
mod planner;
#[cfg(test)]
mod tests;
mod undoing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub(super) use check::{Check, Holder, RunBy};
pub(in super::super) use check::{Ready, Refused};
pub(in super::super) use planner::Planner;
use tokio::task::JoinHandle;
use tokio::time::Instant;
pub(in super::super) use undoing::Undoing;

use super::calls::Halted;
use crate::effects::llm::LlmProvider;
use crate::model::{RetryPlan, SpanId, UndoReport, Update};
use crate::pipeline::Pipeline;
use crate::runtime::refusal::{RetryRefusal, RetryStopped, TodayError, UndoRefusal};
use crate::runtime::wrap::RecordedCalls;
use crate::world::Guard;

/// The longest wait for the check of a retry.
pub(super) const CHECK_BOUND: Duration = Duration::from_secs(60);
/// The longest wait for calls, or for an undo, to stop.
pub(super) const STOP_BOUND: Duration = Duration::from_secs(60);
/// The longest wait for the workspace.
pub(super) const HOLD_BOUND: Duration = Duration::from_secs(10);

/// The retry or undo under way.
#[derive(Default)]
pub(in super::super) struct Reversal {
    state: State,
}

#[derive(Default)]
enum State {
    /// None.
    #[default]
    Idle,
    /// Finds out what would stop a retry.
    Checking { task: JoinHandle<Result<Box<Ready>, Refused>>, until: Instant },
    /// The calls of a retry's set are being stopped.
    Halting { retrying: Box<Retrying>, waiting: BTreeSet<String>, until: Instant },
    /// A retry waits for the workspace, and is planned again.
    Holding { retrying: Box<Retrying>, task: JoinHandle<Option<Box<Held>>> },
    /// Actions are undone or redone.
    Undoing(Undoing),
}

/// A retry whose set is stopped.
pub(in super::super) struct Retrying {
    pub plan: RetryPlan,
    pub with_readers: bool,
    /// The paths that were under way.
    pub halted: Vec<String>,
    /// The paths outside of the set that waited for the workspace, and have not started: they wait again afterwards.
    pub requeued: Vec<String>,
    /// Today's pipeline.
    pub today: Result<Pipeline, TodayError>,
    pub models: Arc<dyn LlmProvider>,
    /// The calls that answer an agent of another program again.
    pub recorded: Option<Box<RecordedCalls>>,
}

/// Every lock, and the plan that was made under them.
pub(in super::super) struct Held {
    pub guard: Guard,
    /// The plan, and if it is larger than the one that was shown.
    pub plan: Result<(RetryPlan, bool), RetryRefusal>,
}

/// A step that the driver waited for.
pub(in super::super) enum ReversalStep {
    /// A retry was checked; `None`: the program failed in it.
    Checked(Option<Result<Box<Ready>, Refused>>),
    /// The check took too long.
    CheckTimedOut,
    /// A tool did not stop in time.
    HaltTimedOut,
    /// Every lock was taken, and the retry was planned again; `None`: not in time.
    Held(Option<Box<Held>>),
    /// The undo goes on, and something waited for it.
    UndoLasts,
    /// The undo is through; `None`: the program failed in it.
    Undone(Option<UndoReport>),
}

/// The next thing to do for a retry or undo.
pub(in super::super) enum ReversalAction {
    /// Drops the pattern code, and stops the calls of the set.
    Halt(Box<Ready>),
    /// Takes every lock, and plans again.
    Hold(Box<Retrying>),
    /// Has the plan's actions undone.
    Undo(Box<Retrying>, Guard),
    /// Has the set run again.
    RunOn(Box<Retrying>),
    /// Records the stopped calls of the set as failed; everything else goes on as it was.
    Resume { halted: Vec<String>, requeued: Vec<String> },
    /// Looks at what an undo did, for the retry that goes on with it.
    Judge(Box<Retrying>, Result<UndoReport, UndoRefusal>),
    /// Shows a plan.
    ShowPlan(SpanId),
    /// Sends an update.
    Send(Box<Update>),
    /// Refuses the retry.
    RefuseRetry(RetryRefusal),
    /// Refuses the undo.
    RefuseUndo(UndoRefusal),
}

/// The answer to a cancel.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Cancelled {
    /// Nothing was under way.
    Nothing,
    /// A retry that has undone nothing yet was dropped.
    Dropped,
    /// An undo was asked to stop; its end comes.
    Stopping,
}

impl Reversal {
    /// Begins to check a retry.
    pub fn check(&mut self, task: JoinHandle<Result<Box<Ready>, Refused>>) {
        self.state = State::Checking { task, until: Instant::now() + CHECK_BOUND };
    }

    /// Begins to wait for the calls that were asked to stop.
    pub fn halt(&mut self, ready: Ready, set: Halted, queued: Halted) -> Vec<ReversalAction> {
        let Ready { plan, with_readers, today, models, recorded, .. } = ready;
        let waiting = set.waiting.into_iter().chain(queued.waiting).collect();
        let retrying =
            Retrying { plan, with_readers, halted: set.paths, requeued: queued.paths, today, models, recorded };
        self.state = State::Halting { retrying: Box::new(retrying), waiting, until: Instant::now() + STOP_BOUND };
        self.hold_when_halted()
    }

    /// Takes the end of a tool. `None`: no retry had stopped it.
    pub fn stopped(&mut self, path: &str) -> Option<Vec<ReversalAction>> {
        let State::Halting { waiting, .. } = &mut self.state else { return None };
        waiting.remove(path).then(|| self.hold_when_halted())
    }

    fn hold_when_halted(&mut self) -> Vec<ReversalAction> {
        match std::mem::take(&mut self.state) {
            State::Halting { retrying, waiting, .. } if waiting.is_empty() => vec![ReversalAction::Hold(retrying)],
            other => {
                self.state = other;
                Vec::new()
            }
        }
    }

    /// Begins to wait for the locks.
    pub fn hold(&mut self, retrying: Box<Retrying>, task: JoinHandle<Option<Box<Held>>>) {
        self.state = State::Holding { retrying, task };
    }

    /// Begins to wait for an undo.
    pub fn undo(&mut self, undoing: Undoing) {
        self.state = State::Undoing(undoing);
    }

    /// Takes a step of the retry or undo. `holder`: the tool that has the workspace.
    pub fn step(&mut self, step: ReversalStep, holder: &str) -> Vec<ReversalAction> {
        match step {
            ReversalStep::Checked(checked) => self.checked(checked),
            ReversalStep::CheckTimedOut => self.give_up(RetryRefusal::NotChecked { seconds: CHECK_BOUND.as_secs() }),
            ReversalStep::HaltTimedOut => self.give_up(RetryRefusal::NotHalted { seconds: STOP_BOUND.as_secs() }),
            ReversalStep::Held(None) => self.give_up(RetryRefusal::NotHeld { holder: holder.to_owned() }),
            ReversalStep::Held(Some(held)) => self.held(*held),
            ReversalStep::UndoLasts => self.undo_lasts(),
            ReversalStep::Undone(report) => self.undone(report),
        }
    }

    fn checked(&mut self, checked: Option<Result<Box<Ready>, Refused>>) -> Vec<ReversalAction> {
        self.state = State::Idle;
        match checked {
            Some(Ok(ready)) => vec![ReversalAction::Halt(ready)],
            Some(Err(Refused { why, update })) => {
                let update = update.map(ReversalAction::Send);
                update.into_iter().chain([ReversalAction::RefuseRetry(why)]).collect()
            }
            None => vec![ReversalAction::RefuseRetry(RetryRefusal::CheckFailed)],
        }
    }

    /// Goes on with a retry that has every lock: a tool may have done its work before it was stopped, and somebody may
    /// have read what is to be undone. A plan that is larger than the one that was shown is shown, and nothing is undone.
    fn held(&mut self, held: Held) -> Vec<ReversalAction> {
        let State::Holding { retrying, .. } = std::mem::take(&mut self.state) else { return Vec::new() };
        let Held { guard, plan } = held;
        let refusal = match plan {
            Ok((plan, false)) => {
                let retrying = Box::new(Retrying { plan, ..*retrying });
                if retrying.plan.undoes.is_empty() {
                    // The locks are let go: nothing is undone.
                    return vec![ReversalAction::RunOn(retrying)];
                }
                return vec![ReversalAction::Undo(retrying, guard)];
            }
            Ok((_, true)) => RetryRefusal::PlanGrew,
            Err(why) => why,
        };
        drop(guard);
        let Retrying { plan, halted, requeued, .. } = *retrying;
        vec![
            ReversalAction::Resume { halted, requeued },
            ReversalAction::ShowPlan(plan.span),
            ReversalAction::RefuseRetry(refusal),
        ]
    }

    /// Ends a retry before it undid anything; everything else goes on.
    fn give_up(&mut self, why: RetryRefusal) -> Vec<ReversalAction> {
        let (retrying, running) = match std::mem::take(&mut self.state) {
            State::Checking { .. } => return vec![ReversalAction::RefuseRetry(why)],
            State::Halting { retrying, waiting, .. } => (retrying, waiting),
            State::Holding { retrying, .. } => (retrying, BTreeSet::new()),
            other => {
                self.state = other;
                return Vec::new();
            }
        };
        // A tool that still runs keeps its task: its end comes as if nothing had been asked.
        let ended = |paths: Vec<String>| paths.into_iter().filter(|path| !running.contains(path)).collect();
        let Retrying { halted, requeued, .. } = *retrying;
        let resume = ReversalAction::Resume { halted: ended(halted), requeued: ended(requeued) };
        vec![resume, ReversalAction::RefuseRetry(why)]
    }

    fn undo_lasts(&mut self) -> Vec<ReversalAction> {
        let State::Undoing(undoing) = &mut self.state else { return Vec::new() };
        if undoing.has_timed_out() {
            let seconds = STOP_BOUND.as_secs();
            return vec![ReversalAction::RefuseUndo(UndoRefusal::NotStopped { seconds })];
        }
        Vec::new()
    }

    fn undone(&mut self, report: Option<UndoReport>) -> Vec<ReversalAction> {
        let State::Undoing(undoing) = std::mem::take(&mut self.state) else { return Vec::new() };
        let report = report.ok_or(UndoRefusal::NotFinished);
        let shown = report.as_ref().ok().map(|report| ReversalAction::Send(Box::new(Update::Undo(report.clone()))));
        let next = match (undoing.into_retry(), report) {
            (Some(retrying), report) => Some(ReversalAction::Judge(retrying, report)),
            (None, Err(why)) => Some(ReversalAction::RefuseUndo(why)),
            (None, Ok(_)) => None,
        };
        shown.into_iter().chain(next).collect()
    }

    /// Goes on after the undo of a retry. `left`: a description of what the undo left, where that may stay.
    pub fn judged(retrying: Box<Retrying>, left: Result<(), RetryStopped>) -> Vec<ReversalAction> {
        match left {
            Ok(()) => vec![ReversalAction::RunOn(retrying)],
            Err(why) => {
                let Retrying { halted, requeued, .. } = *retrying;
                vec![ReversalAction::Resume { halted, requeued }, ReversalAction::RefuseRetry(why.into())]
            }
        }
    }

    /// Ends what is under way: a retry that has undone nothing yet is dropped, an undo is asked to stop.
    pub fn cancel(&mut self) -> Cancelled {
        match std::mem::take(&mut self.state) {
            State::Idle => Cancelled::Nothing,
            State::Checking { .. } | State::Halting { .. } => Cancelled::Dropped,
            State::Holding { task, .. } => {
                task.abort();
                Cancelled::Dropped
            }
            State::Undoing(mut undoing) => {
                undoing.ask_to_stop();
                self.state = State::Undoing(undoing);
                Cancelled::Stopping
            }
        }
    }

    /// Shortens the wait for an undo that was asked to stop.
    pub fn hurry(&mut self, bound: Duration) {
        if let State::Undoing(undoing) = &mut self.state {
            undoing.hurry(bound);
        }
    }

    /// Waits for the next step; for ever when none is under way.
    pub async fn next(&mut self) -> ReversalStep {
        match &mut self.state {
            State::Idle => std::future::pending().await,
            State::Checking { task, until } => match tokio::time::timeout_at(*until, task).await {
                Ok(checked) => ReversalStep::Checked(checked.ok()),
                Err(_) => ReversalStep::CheckTimedOut,
            },
            State::Halting { until, .. } => {
                tokio::time::sleep_until(*until).await;
                ReversalStep::HaltTimedOut
            }
            // A task that failed holds nothing.
            State::Holding { task, .. } => ReversalStep::Held(task.await.ok().flatten()),
            State::Undoing(undoing) => undoing.next().await,
        }
    }

    /// True when none is under way.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// True while everything but a cancel and a quit waits.
    pub fn is_alone(&self) -> bool {
        match &self.state {
            State::Checking { .. } => true,
            State::Undoing(undoing) => undoing.is_alone(),
            State::Idle | State::Halting { .. } | State::Holding { .. } => false,
        }
    }

    /// The spans whose changes are being undone, everything below them included.
    pub fn spans(&self) -> &[SpanId] {
        match &self.state {
            State::Idle | State::Checking { .. } => &[],
            State::Halting { retrying, .. } | State::Holding { retrying, .. } => &retrying.plan.reruns,
            State::Undoing(undoing) => undoing.spans(),
        }
    }
}
