//! Undo and redo, as the user asks for them.
//!
//! Each runs in a task that holds the workspace: a command that makes up for an action may take an hour, and the run
//! goes on beside it. So there is one at a time, and the branches whose actions it takes back stay stopped.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::refusal::{NoAction, Refusal, UndoRefusal};
use super::Dispatcher;
use super::retry::Retrying;
use super::reversal::Reversal;
use crate::model::{PlanLeave, Seq, SpanId, UndoReport, Undoability, Update};
use crate::rollback;
use crate::world::{Guard, Scope};

/// How long everything else waits for an undo. Most are through sooner, and what was typed ahead finds them done.
const SOON: Duration = Duration::from_millis(100);

/// An undo or redo under way.
pub(in super::super) struct Undoing {
    task: JoinHandle<UndoReport>,
    /// Ends the command that makes up for an action; no other is started then.
    stop: CancellationToken,
    /// Whose actions they are, everything below included.
    spans: Vec<SpanId>,
    /// The retry that goes on with it.
    retry: Option<Box<Retrying>>,
}

/// What is to be undone, and for whom.
pub(super) struct Undo {
    /// The actions, newest first.
    pub actions: Vec<Seq>,
    /// Even when something changed their keys since.
    pub force: bool,
    /// What is left beforehand, and why.
    pub left: Vec<PlanLeave>,
    /// Whose actions they are.
    pub spans: Vec<SpanId>,
    /// The retry that goes on with it.
    pub retry: Option<Box<Retrying>>,
}

/// Waits for the end of an undo; `None`: the program failed in it.
pub(super) async fn undo_finished(undoing: &mut Undoing) -> Option<UndoReport> {
    (&mut undoing.task).await.ok()
}

impl Undoing {
    /// The spans whose actions they are.
    pub(super) fn spans(&self) -> &[SpanId] {
        &self.spans
    }
}

impl Dispatcher {
    pub(super) async fn undo(&mut self, actions: Vec<Seq>, force: bool) -> Result<(), Refusal> {
        let spans = actions.iter().map(|action| self.check_action(*action)).collect::<Result<Vec<SpanId>, _>>()?;
        let guard = self.hold()?;
        self.start_undo(guard, Undo { actions, force, left: Vec::new(), spans, retry: None }).await;
        Ok(())
    }

    pub(super) async fn undo_span(&mut self, span: SpanId, deep: bool, skip: &[Seq]) -> Result<(), Refusal> {
        self.check_idle(span)?;
        let (actions, left) = self.log.with(|state| {
            let mut actions = Vec::new();
            let mut left = Vec::new();
            for action in state.actions(span, deep) {
                let Some(entry) = state.ledger.get(action).filter(|entry| entry.is_applied()) else { continue };
                match &entry.record.undo {
                    Undoability::NoUndo { why } => left.push(PlanLeave { action, why: why.clone() }),
                    Undoability::Undo if skip.contains(&action) => {
                        left.push(PlanLeave { action, why: "skipped".into() });
                    }
                    Undoability::Undo => actions.push(action),
                }
            }
            (actions, left)
        });
        if actions.is_empty() && left.is_empty() {
            return Err(UndoRefusal::NothingToUndo.into());
        }
        let guard = self.hold()?;
        self.start_undo(guard, Undo { actions, force: false, left, spans: vec![span], retry: None }).await;
        Ok(())
    }

    pub(super) async fn redo(&mut self, action: Seq) -> Result<(), Refusal> {
        let spans = vec![self.check_action(action)?];
        let guard = self.hold()?;
        let (log, services) = (self.log.clone(), self.services.clone());
        let work = async move {
            let _guard = guard;
            rollback::redo(&log, &services.world, action).await
        };
        self.beside(Undoing { task: tokio::spawn(work), stop: CancellationToken::new(), spans, retry: None }).await;
        Ok(())
    }

    /// Has actions undone beside the run.
    pub(super) async fn start_undo(&mut self, guard: Guard, undo: Undo) {
        let Undo { actions, force, left, spans, retry } = undo;
        let stop = CancellationToken::new();
        let (log, services) = (self.log.clone(), self.services.clone());
        let by = services.compensator.with_stop(stop.clone());
        let work = async move {
            let _guard = guard;
            let mut report = rollback::undo_list(&log, &services.world, &by, &actions, force).await;
            report.left.extend(left);
            report
        };
        self.beside(Undoing { task: tokio::spawn(work), stop, spans, retry }).await;
    }

    async fn beside(&mut self, mut undoing: Undoing) {
        let soon = tokio::time::timeout(SOON, undo_finished(&mut undoing)).await;
        self.reversal = Reversal::Undoing(undoing);
        if let Ok(report) = soon {
            self.undone(report).await;
        }
    }

    /// The undo under way is through.
    pub(super) async fn undone(&mut self, report: Option<UndoReport>) {
        let Reversal::Undoing(undoing) = std::mem::take(&mut self.reversal) else { return };
        (self.on_status)(&self.log);
        let report = report.ok_or(UndoRefusal::NotFinished);
        if let Ok(report) = &report {
            self.sink.send(Update::Undo(report.clone()));
        }
        let result = match undoing.retry {
            Some(retrying) => self.taken_back(*retrying, report).await,
            None => report.map(drop).map_err(Refusal::from),
        };
        if let Err(refusal) = result {
            self.refuse(&refusal);
        }
    }

    /// Ends the undo under way, with what it did on record; a retry that has undone nothing yet is dropped.
    pub(super) async fn stop_undo(&mut self) {
        if let Reversal::Undoing(undoing) = &mut self.reversal {
            undoing.stop.cancel();
            let report = undo_finished(undoing).await;
            self.undone(report).await;
        }
        drop(self.reversal.give_up());
    }

    /// That what a span at or above this one did is being undone, if it is.
    pub(super) fn being_undone(&self, span: SpanId) -> Option<UndoRefusal> {
        let spans = self.reversal.spans();
        self.log.with(|state| {
            let above = spans.iter().find(|above| state.trace.is_within(span, **above))?;
            let label = state.trace.label(*above);
            Some(UndoRefusal::BeingUndone { label })
        })
    }

    /// The span of an action; no branch of it is under way.
    fn check_action(&self, action: Seq) -> Result<SpanId, UndoRefusal> {
        let span = self.log.with(|state| state.ledger.get(action).map(|entry| entry.record.span));
        let span = span.ok_or(NoAction(action))?;
        self.check_idle(span).map(|()| span)
    }

    fn check_idle(&self, span: SpanId) -> Result<(), UndoRefusal> {
        if !self.log.recorder().is_lasting() {
            return Err(UndoRefusal::NotRecorded);
        }
        let busy = self.log.with(|state| state.is_busy(span).then(|| state.trace.label(span)));
        busy.map_or(Ok(()), |label| Err(UndoRefusal::StillRunning { label }))
    }

    /// Says that an undo is under way, if one is.
    pub(super) fn check_undo(&self) -> Result<(), UndoRefusal> {
        if self.reversal.is_idle() { Ok(()) } else { Err(UndoRefusal::UnderWay) }
    }

    /// Takes every lock, so that nothing changes the world meanwhile.
    pub(super) fn hold(&self) -> Result<Guard, UndoRefusal> {
        self.check_undo()?;
        if let Some(guard) = self.services.world.try_lock(Scope::All, "undo") {
            return Ok(guard);
        }
        // Waiting here would hold up the whole run behind a long command.
        let holder = self.services.world.holder(Scope::All).unwrap_or_else(|| "a tool".into());
        Err(UndoRefusal::InUse { holder })
    }
}
