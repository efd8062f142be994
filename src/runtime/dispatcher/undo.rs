//! Undo and redo, as the user asks for them: one at a time, each in a task beside the run. The branches whose actions it
//! undoes stay stopped.

use tokio_util::sync::CancellationToken;

use super::super::refusal::{NoAction, Refusal, UndoRefusal};
use super::Dispatcher;
use super::reversal::{Retrying, Undoing};
use crate::model::{PlanLeave, Seq, SpanId, UndoReport, Undoability, first_names};
use crate::rollback;
use crate::world::{Guard, Scope, World};

/// The name under which an undo takes the locks.
const UNDO: &str = "undo";

/// Everything, held for an undo.
pub(super) enum Hold {
    /// It is held.
    Now(Guard),
    /// The watch of an agent has it, and lets go as soon as it is asked.
    Soon,
}

impl Hold {
    async fn guard(self, world: &World) -> Guard {
        match self {
            Self::Now(guard) => guard,
            Self::Soon => world.lock(&Scope::All, UNDO).await,
        }
    }
}

/// The actions of an undo, and what goes on with it.
pub(super) struct Undo {
    /// The actions, newest first.
    pub actions: Vec<Seq>,
    /// Even when something changed their keys since.
    pub force: bool,
    /// Actions that are left beforehand, and why.
    pub left: Vec<PlanLeave>,
    /// The spans that made them.
    pub spans: Vec<SpanId>,
    /// The retry that goes on with it.
    pub retry: Option<Box<Retrying>>,
}

impl Dispatcher {
    pub(super) fn undo(&mut self, actions: Vec<Seq>, force: bool) -> Result<(), Refusal> {
        let spans = actions.iter().map(|action| self.check_action(*action)).collect::<Result<Vec<SpanId>, _>>()?;
        let (actions, left) = self.log.with(|state| rollback::without_inherited_memory(state, actions));
        let hold = self.hold()?;
        self.start_undo(hold, Undo { actions, force, left, spans, retry: None });
        Ok(())
    }

    pub(super) fn undo_span(&mut self, span: SpanId, deep: bool, skip: &[Seq]) -> Result<(), Refusal> {
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
        let hold = self.hold()?;
        self.start_undo(hold, Undo { actions, force: false, left, spans: vec![span], retry: None });
        Ok(())
    }

    pub(super) fn redo(&mut self, action: Seq) -> Result<(), Refusal> {
        let spans = vec![self.check_action(action)?];
        let hold = self.hold()?;
        let (log, services) = (self.log.clone(), self.services.clone());
        let task = tokio::spawn(async move {
            let _guard = hold.guard(&services.world).await;
            rollback::redo(&log, &services.world, action).await
        });
        self.reversal.undo(Undoing::new(task, CancellationToken::new(), spans, None));
        Ok(())
    }

    /// Has actions undone beside the run.
    pub(super) fn start_undo(&mut self, hold: Hold, undo: Undo) {
        let Undo { actions, force, left, spans, retry } = undo;
        let stop = CancellationToken::new();
        let (log, services) = (self.log.clone(), self.services.clone());
        let by = services.compensator.with_stop(stop.clone());
        let task = tokio::spawn(async move {
            let _guard = hold.guard(&services.world).await;
            let mut report = rollback::undo_list(&log, &services.world, &by, &actions, force).await;
            report.left.extend(left);
            report
        });
        self.reversal.undo(Undoing::new(task, stop, spans, retry));
    }

    /// The refusal for a span when the changes of a span at or above it are being undone.
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
        if self.services.agent.is_some() {
            // An agent of another program lives on; while none of its tools has the workspace, its files can be put back.
            return Ok(());
        }
        let busy = self.log.with(|state| state.is_busy(span).then(|| state.trace.label(span)));
        busy.map_or(Ok(()), |label| Err(UndoRefusal::StillRunning { label }))
    }

    /// Leaves a notice for the agent of another program, of what was undone or redone under it.
    pub(super) fn tell_agent(&self, report: &UndoReport) {
        const NAMED: usize = 20;
        let Some(agent) = &self.services.agent else { return };
        let names = |actions: &[Seq]| {
            let keys = self.log.with(|state| {
                let found = actions.iter().filter_map(|action| state.ledger.get(*action));
                found.map(|entry| entry.record.key.name.clone()).collect::<Vec<_>>()
            });
            first_names(&keys, NAMED)
        };
        if !report.undone.is_empty() {
            let what = names(&report.undone);
            agent.add_notice(format!("The user undid changes of yours. These are as they were before: {what}"));
        }
        if !report.redone.is_empty() {
            let what = names(&report.redone);
            agent.add_notice(format!("The user made changes of yours again that had been undone: {what}"));
        }
    }

    /// Says that an undo is under way, if one is.
    pub(super) fn check_undo(&self) -> Result<(), UndoRefusal> {
        if self.reversal.is_idle() { Ok(()) } else { Err(UndoRefusal::UnderWay) }
    }

    /// Takes every lock, so that nothing changes the world meanwhile.
    fn hold(&self) -> Result<Hold, UndoRefusal> {
        self.check_undo()?;
        if let Some(guard) = self.services.world.try_lock(&Scope::All, UNDO) {
            return Ok(Hold::Now(guard));
        }
        // Waiting here would hold up the whole run behind a long command.
        let holder = self.services.world.holder(&Scope::All).unwrap_or_else(|| "a tool".into());
        if self.calls.is_program(&holder) { Ok(Hold::Soon) } else { Err(UndoRefusal::InUse { holder }) }
    }
}
