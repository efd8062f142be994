//! Undo and redo, as the user asks for them.

use super::Dispatcher;
use crate::model::{PlanLeave, Seq, SpanId, UndoReport, Undoability, Update};
use crate::rollback;
use crate::world::{Guard, Scope};

impl Dispatcher {
    pub(super) async fn undo(&mut self, action: Seq, force: bool) -> Result<(), String> {
        self.check_action(action)?;
        let _guard = self.hold()?;
        self.report(rollback::undo(&self.log, &self.means.world, &self.means.compensator, action, force).await);
        Ok(())
    }

    pub(super) async fn undo_span(&mut self, span: SpanId, deep: bool, skip: &[Seq]) -> Result<(), String> {
        self.check_idle(span)?;
        let (actions, permanent) = self.log.with(|state| {
            let mut actions = Vec::new();
            let mut left = Vec::new();
            for action in state.actions(span, deep) {
                let Some(entry) = state.ledger.get(action).filter(|entry| entry.is_applied()) else { continue };
                match &entry.record.undo {
                    Undoability::Permanent { why } => left.push(PlanLeave { action, why: why.clone() }),
                    Undoability::Undo if skip.contains(&action) => {
                        left.push(PlanLeave { action, why: "skipped".into() });
                    }
                    Undoability::Undo => actions.push(action),
                }
            }
            (actions, left)
        });
        if actions.is_empty() && permanent.is_empty() {
            return Err("nothing of this span is applied; there is nothing to undo".into());
        }
        let _guard = self.hold()?;
        let mut report =
            rollback::undo_list(&self.log, &self.means.world, &self.means.compensator, &actions, false).await;
        report.left.extend(permanent);
        self.report(report);
        Ok(())
    }

    pub(super) async fn undo_list(&mut self, actions: &[Seq]) -> Result<(), String> {
        for action in actions {
            self.check_action(*action)?;
        }
        let _guard = self.hold()?;
        self.report(rollback::undo_list(&self.log, &self.means.world, &self.means.compensator, actions, false).await);
        Ok(())
    }

    pub(super) async fn redo(&mut self, action: Seq) -> Result<(), String> {
        self.check_action(action)?;
        let _guard = self.hold()?;
        self.report(rollback::redo(&self.log, &self.means.world, action).await);
        Ok(())
    }

    fn report(&self, report: UndoReport) {
        (self.on_status)(&self.log);
        self.sink.send(Update::Undo(report));
    }

    /// The action exists, and no branch of its agent is under way.
    fn check_action(&self, action: Seq) -> Result<(), String> {
        let span = self.log.with(|state| state.ledger.get(action).map(|entry| entry.record.span));
        self.check_idle(span.ok_or_else(|| format!("there is no action {action}"))?)
    }

    fn check_idle(&self, span: SpanId) -> Result<(), String> {
        if !self.log.recorder().is_lasting() {
            return Err("nothing is recorded in this run, so nothing can be undone".into());
        }
        let busy = self.log.with(|state| state.is_busy(span).then(|| state.trace.label(span)));
        busy.map_or(Ok(()), |label| Err(format!("{label} is still running; pause it first (p)")))
    }

    /// Takes every lock, so that nothing changes the world meanwhile.
    pub(super) fn hold(&self) -> Result<Guard, String> {
        if let Some(guard) = self.means.world.try_lock(Scope::All, "undo") {
            return Ok(guard);
        }
        // Waiting here would hold up the whole run behind a long command.
        let holder = self.means.world.holder(Scope::All).unwrap_or_else(|| "a tool".into());
        Err(format!("{holder} is using the workspace; wait for it, or pause the run"))
    }
}
