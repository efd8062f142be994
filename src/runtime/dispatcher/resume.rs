//! Resume: a run whose process died goes on. It is a retry of the calls that were cut off, by the pipeline that the run
//! had, after the user has decided about those of which nobody knows if they were done.

use std::collections::{BTreeSet, HashSet};

use super::Dispatcher;
use super::reversal::RunBy;
use crate::model::{ResumeDecision, ResumePlan, RunStatus, SpanEnd, SpanId, SpanStatus, TraceBody, Update};
use crate::runtime::refusal::{Refusal, ResumeRefusal, RetryRefusal};
use crate::runtime::resume::Leftovers;

/// The resume under way, and what it was decided by.
#[derive(Default)]
pub(super) struct Resume {
    /// The calls that run again over what they left, while their retry is planned and begins.
    again: Option<BTreeSet<SpanId>>,
    /// The paths of calls that the user has decided to run again: nobody is asked twice.
    decided: HashSet<String>,
}

impl Resume {
    /// The calls that run again over what they left, while a resume begins.
    pub fn again(&self) -> Option<BTreeSet<SpanId>> {
        self.again.clone()
    }

    /// Ends the planning: the calls run, or the resume was refused.
    pub fn end(&mut self) {
        self.again = None;
    }

    /// Forgets the decisions: another retry asks again.
    pub fn forget(&mut self) {
        self.decided.clear();
    }

    /// True when the user has decided to run the call at a path again.
    pub fn is_decided(&self, path: &str) -> bool {
        self.decided.contains(path)
    }
}

impl Dispatcher {
    /// Shows how the run would go on.
    pub(super) fn plan_resume(&self) -> Result<(), Refusal> {
        self.check_resume()?;
        let (log, services) = (self.log.clone(), self.services.clone());
        self.inspector.answer(move || {
            let leftovers =
                Leftovers { log: &log, world: &services.world, tools: &services.tools, masker: &services.masker };
            Update::Resume(Box::new(leftovers.plan()))
        });
        Ok(())
    }

    /// Goes on with the run as its plan and the decisions say.
    pub(super) fn resume_run(
        &mut self,
        plan: &ResumePlan,
        decisions: &[(SpanId, ResumeDecision)],
    ) -> Result<(), Refusal> {
        self.check_resume()?;
        if self.log.with(|state| state.last) != plan.upto {
            self.plan_resume()?;
            return Err(ResumeRefusal::Changed.into());
        }
        if let Some(question) = plan.undecided(decisions).next() {
            let span = question.span;
            let path = self.log.with(|state| state.trace.path(span));
            return Err(ResumeRefusal::Undecided { span, path }.into());
        }
        self.calls.hash().check().map_err(RetryRefusal::from)?;
        self.check_undo().map_err(RetryRefusal::from)?;
        self.record_done(plan, decisions);
        let again: BTreeSet<SpanId> = decisions
            .iter()
            .filter(|(_, decision)| *decision == ResumeDecision::Again)
            .map(|(span, _)| *span)
            .collect();
        self.resume.decided = self.log.with(|state| again.iter().map(|span| state.trace.path(*span)).collect());
        self.resume.again = Some(again);
        let shown = self.planner().plan(SpanId::RUN, true, None).map_err(ResumeRefusal::from)?;
        let newest = self.versions.newest();
        self.begin_retry(shown, true, RunBy::Fixed(newest));
        Ok(())
    }

    fn check_resume(&self) -> Result<(), ResumeRefusal> {
        match self.status() {
            RunStatus::Interrupted | RunStatus::Cancelled => {}
            RunStatus::Running => return Err(ResumeRefusal::UnderWay),
            RunStatus::Ok | RunStatus::Failed => return Err(ResumeRefusal::Ended),
        }
        if self.log.with(|state| state.trace.get(SpanId::RUN).is_none()) {
            return Err(ResumeRefusal::NotBegun);
        }
        if self.versions.newest().wrapped.is_some() {
            return Err(ResumeRefusal::Wrapped);
        }
        Ok(())
    }

    /// Records the results of the calls that were done before the process died.
    fn record_done(&self, plan: &ResumePlan, decisions: &[(SpanId, ResumeDecision)]) {
        let found = plan.done.iter().map(|done| (done.span, done.result.as_str(), false));
        let said = decisions.iter().filter_map(|(span, decision)| match decision {
            ResumeDecision::Done(result) => Some((*span, result.as_str(), true)),
            ResumeDecision::Again => None,
        });
        for (span, result, answered) in found.chain(said) {
            let result = self.services.masker.mask(result);
            let output = Some(self.log.text(&result));
            let end = SpanEnd { output, answered, ..SpanEnd::new(span, SpanStatus::Ok) };
            let who = if answered { "the user says so" } else { "its changes are in place" };
            let path = self.log.with(|state| state.trace.path(span));
            let text = format!("{path} counts as done before the process died: {who}");
            self.log.append(vec![TraceBody::SpanEnded(end), TraceBody::Note { span: Some(span), error: false, text }]);
        }
    }
}
