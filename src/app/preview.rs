//! The plan of a retry before `r` is pressed: requested once the selection has settled.

use super::plan;
use crate::model::{RetryPlan, RunState, SpanId};

/// The start of a refusal to plan.
const NO_PLAN: &str = "failed to plan the retry";

/// The plan of a retry of the selected span.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    plan: Option<RetryPlan>,
    due: Option<SpanId>,
    /// Plans asked for and not answered.
    asked: usize,
}

impl Preview {
    /// The plan for a span, if it is known.
    #[must_use]
    pub fn plan(&self, span: SpanId) -> Option<&RetryPlan> {
        self.plan.as_ref().filter(|plan| plan.span == span)
    }

    /// True when the next tick requests a plan.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.due.is_some()
    }

    /// `retry writer: undo 30, keep 1, rerun writer + diggers · ~12k tok $0.024`.
    #[must_use]
    pub fn line(&self, run: &RunState, span: SpanId) -> Option<String> {
        self.plan(span).map(|plan| plan::line(run, plan))
    }

    /// The span was selected, or something happened that may change its plan.
    pub(super) fn want(&mut self, span: SpanId) {
        self.due = (span != SpanId::RUN).then_some(span);
    }

    /// At a tick: the span to ask a plan for.
    pub(super) fn take_due(&mut self) -> Option<SpanId> {
        self.due.take()
    }

    /// The plan of a preview was asked for.
    pub(super) fn sent(&mut self) {
        self.asked += 1;
    }

    pub(super) fn keep(&mut self, plan: RetryPlan) {
        self.asked = self.asked.saturating_sub(1);
        self.plan = Some(plan);
    }

    /// True when a refusal answers a preview: nobody asked for it, so it is not shown.
    pub(super) fn takes_refusal(&mut self, why: &str) -> bool {
        let is_one = self.asked > 0 && why.starts_with(NO_PLAN);
        self.asked -= usize::from(is_one);
        is_one
    }
}
