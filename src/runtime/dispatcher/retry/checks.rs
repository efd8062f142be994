//! The reasons why a retry does not start, or does not go on.

use super::Retrying;
use crate::model::{RetryPlan, RunStatus, Seq, SpanId, UndoReport, Update};
use crate::pipeline::Pipeline;
use crate::rollback;
use crate::runtime::ask::Work;
use crate::runtime::dispatcher::Dispatcher;
use crate::runtime::dispatcher::edit::split_edit_name;
use crate::runtime::dispatcher::exec::lock_name;
use crate::runtime::dispatcher::pending_call::PendingCall;
use crate::runtime::refusal::{RetryRefusal, RetryStopped, UndoRefusal};
use crate::world::Scope;

impl Dispatcher {
    pub(super) fn check_retry(&self) -> Result<(), RetryRefusal> {
        if self.status() == RunStatus::Interrupted {
            return Err(RetryRefusal::Interrupted);
        }
        self.journal.hash().check()?;
        Ok(self.check_undo()?)
    }

    /// Finds out what would stop the retry before anything is stopped, undone or run.
    pub(super) fn foresee(&self, plan: &RetryPlan, today: Option<&Pipeline>) -> Result<(), RetryRefusal> {
        self.check_agents(plan, today)?;
        if plan.undoes.is_empty() {
            return Ok(());
        }
        let holder = self.services.world.holder(Scope::All).unwrap_or_default();
        let holds_outside = |pending: &PendingCall| match &pending.work {
            Some(Work::Tool { call, .. }) => {
                !plan.reruns.contains(&pending.span) && holder == lock_name(pending.span, &call.name)
            }
            _ => false,
        };
        if self.pending.values().any(holds_outside) {
            return Err(UndoRefusal::InUse { holder }.into());
        }
        let foreseen = rollback::preview(&self.log, &self.services.world, &plan.undoes, false);
        let Some(conflict) = foreseen.conflict else { return Ok(()) };
        let refusal = RetryRefusal::Conflict { action: conflict.action, key: conflict.key.clone() };
        self.sink.send(Update::Undo(UndoReport { conflict: Some(conflict), ..UndoReport::default() }));
        Err(refusal)
    }

    /// The agents that would run again by today's files are in them.
    fn check_agents(&self, plan: &RetryPlan, today: Option<&Pipeline>) -> Result<(), RetryRefusal> {
        let Some(today) = today else { return Ok(()) };
        let is_first = |span: &&SpanId| {
            let parent = self.log.with(|state| state.trace.get(**span).map(|found| found.parent));
            parent.is_some_and(|parent| !plan.reruns.contains(&parent))
        };
        let names = plan.reruns.iter().filter(is_first).filter_map(|span| self.agent_names.get(span));
        let gone = |name: &&String| {
            let (agent, step) = split_edit_name(name);
            let found = today.agents.get(agent);
            !found.is_some_and(|agent| step.is_none_or(|step| agent.steps.contains_key(step)))
        };
        match names.into_iter().find(gone) {
            Some(name) => Err(RetryRefusal::AgentGone { name: name.clone() }),
            None => Ok(()),
        }
    }

    /// True when a plan takes more back than the one that was shown. The actions of a call that was stopped are in it:
    /// the user saw that it would be.
    pub(super) fn is_larger(&self, shown: &Retrying, now: &RetryPlan) -> bool {
        let halted: Vec<SpanId> = shown.halted.iter().filter_map(|path| self.paths.get(path).copied()).collect();
        let is_new = |action: &Seq| {
            let by = self.log.with(|state| state.ledger.get(*action).map(|entry| entry.record.tool_span));
            !shown.plan.undoes.contains(action) && by.is_some_and(|span| !halted.contains(&span))
        };
        now.reruns.iter().any(|span| !shown.plan.reruns.contains(span))
            || now.readers.iter().any(|span| !shown.plan.readers.contains(span))
            || now.undoes.iter().any(is_new)
    }

    /// Describes what a retry's undo left, where that may stay.
    pub(super) fn judge(&self, plan: &RetryPlan, report: &UndoReport) -> Result<String, RetryStopped> {
        if let Some(conflict) = &report.conflict {
            return Err(RetryStopped::Conflict { action: conflict.action, key: conflict.key.clone() });
        }
        if !report.read_back.differs.is_empty() {
            return Err(RetryStopped::NotRestored { differs: report.read_back.differs.clone() });
        }
        let left = report.left.iter().map(|left| format!("{}: {}", left.action, left.why)).collect::<Vec<_>>();
        let stands = self.log.with(|state| rollback::needs_undo(&state.ledger, &plan.undoes));
        if stands { Err(RetryStopped::Left { left }) } else { Ok(left.join("; ")) }
    }
}
