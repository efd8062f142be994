//! The reasons not to begin a retry, found beside the loop before anything is stopped, undone or run.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::Services;
use super::super::versions::read_today;
use super::planner::Planner;
use crate::effects::llm::LlmProvider;
use crate::model::{RetryPlan, SpanId, TraceBody, UndoReport, Update};
use crate::pipeline::Pipeline;
use crate::rollback;
use crate::runtime::recorded::{Gathered, Recorded};
use crate::runtime::refusal::{RetryRefusal, TodayError, UndoRefusal};
use crate::runtime::session::ModelSource;
use crate::runtime::wrap::{RecordedCalls, read_record};
use crate::store::RunLog;

/// A retry as it was asked for, and what it is checked against.
pub(in super::super::super) struct Check {
    /// The plan that was shown.
    pub shown: RetryPlan,
    pub with_readers: bool,
    /// The pipeline that the set runs by.
    pub by: RunBy,
    pub planner: Planner,
    pub holder: Option<Holder>,
    /// The file of today's pipeline.
    pub source: Option<PathBuf>,
    pub models: Arc<ModelSource>,
    /// If the record of the run's calls is not read yet: what is gathered of it.
    pub unread: Option<Gathered>,
    /// The run is one of another program's agent, which begins anew; true when nobody looks at it.
    pub agent: Option<bool>,
    pub log: RunLog,
    pub services: Arc<Services>,
}

/// The pipeline that a retry's set runs by.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super::super) enum RunBy {
    /// Today's, as its file has it.
    Today,
    /// Today's, with this model and temperature, where they are given.
    Edited { model: Option<String>, temperature: Option<f64> },
    /// This one. Its rights were looked at when it was read.
    Fixed(Arc<Pipeline>),
}

/// The tool that has the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super::super) struct Holder {
    /// Its span, if it is a pending call.
    pub span: Option<SpanId>,
    /// Its name.
    pub name: String,
}

/// A retry that may begin.
pub(in super::super::super) struct Ready {
    pub plan: RetryPlan,
    pub with_readers: bool,
    /// Today's pipeline: the set runs by it.
    pub today: Result<Pipeline, TodayError>,
    /// The models of that pipeline.
    pub models: Arc<dyn LlmProvider>,
    /// The record of the run's calls, if it was read for this.
    pub record: Option<Recorded>,
    /// The calls that answer an agent of another program again.
    pub recorded: Option<Box<RecordedCalls>>,
}

/// A retry that was refused, with what is shown beside the refusal.
pub(in super::super::super) struct Refused {
    pub why: RetryRefusal,
    pub update: Option<Box<Update>>,
}

impl From<RetryRefusal> for Refused {
    fn from(why: RetryRefusal) -> Self {
        Self { why, update: None }
    }
}

impl Check {
    /// Checks the retry. Reads files and builds models.
    ///
    /// # Errors
    /// With the reason why it does not begin.
    pub fn run(mut self) -> Result<Box<Ready>, Refused> {
        self.services.world.check_root().map_err(RetryRefusal::Workspace)?;
        let today = match &self.by {
            RunBy::Fixed(pipeline) => Ok((**pipeline).clone()),
            RunBy::Today | RunBy::Edited { .. } => read_today(self.source.as_deref()),
        };
        let file = today.as_ref().ok();
        let now = self.planner.plan(self.shown.span, true, file)?;
        let (shown, now_is) = (&self.shown, &now);
        let has_other_rights = !matches!(self.by, RunBy::Fixed(_)) && shown.authority != now_is.authority;
        if shown.undoes != now_is.undoes || shown.reruns != now_is.reruns || has_other_rights {
            return Err(Refused { why: RetryRefusal::PlanChanged, update: Some(Box::new(Update::Plan(now))) });
        }
        let plan = if self.with_readers { now } else { self.planner.plan(self.shown.span, false, file)? };
        self.planner.check_agents(&plan, file)?;
        check_holder(&plan, self.holder.as_ref())?;
        self.check_undo(&plan)?;
        let today = self.with_edits(today)?;
        let file = today.as_ref().ok();
        // Before anything is undone: a pipeline that can't run now is no reason to.
        let models = (self.models)(file.unwrap_or(&self.planner.newest)).map_err(RetryRefusal::from)?;
        let record = self.unread.take().map(|gathered| Recorded::read(gathered, &self.log)).transpose();
        let record = record.map_err(RetryRefusal::Record)?;
        let recorded = self.agent.map(|is_headless| read_record(&self.log, &plan, is_headless)).transpose();
        let recorded = recorded.map_err(RetryRefusal::Record)?.map(|earlier| Box::new(RecordedCalls::new(earlier)));
        Ok(Box::new(Ready { plan, with_readers: self.with_readers, today, models, record, recorded }))
    }

    /// The pipeline with the model and the temperature that were asked for.
    fn with_edits(&self, today: Result<Pipeline, TodayError>) -> Result<Result<Pipeline, TodayError>, RetryRefusal> {
        let RunBy::Edited { model, temperature } = &self.by else { return Ok(today) };
        if model.is_none() && temperature.is_none() {
            return Ok(today);
        }
        let base = today.as_ref().unwrap_or(&self.planner.newest);
        let tried = match model {
            Some(model) => base.with_model(model)?,
            None => base.clone(),
        };
        let tried = temperature.map_or_else(|| tried.clone(), |temperature| tried.with_temperature(temperature));
        if let Err(why) = today {
            let text = format!("the retry with edits uses the stored pipeline: {why}");
            self.log.append(vec![TraceBody::Note { span: None, error: false, text }]);
        }
        Ok(Ok(tried))
    }

    fn check_undo(&self, plan: &RetryPlan) -> Result<(), Refused> {
        if plan.undoes.is_empty() {
            return Ok(());
        }
        let foreseen = rollback::preview(&self.log, &self.services.world, &plan.undoes, false);
        let Some(conflict) = foreseen.conflict else { return Ok(()) };
        let why = RetryRefusal::Conflict { action: conflict.action, key: conflict.key.clone() };
        let report = UndoReport { conflict: Some(conflict), ..UndoReport::default() };
        Err(Refused { why, update: Some(Box::new(Update::Undo(report))) })
    }
}

/// A tool outside of the set that has the workspace stops the retry; one of the set is stopped by it.
///
/// # Errors
/// With the tool.
pub(super) fn check_holder(plan: &RetryPlan, holder: Option<&Holder>) -> Result<(), RetryRefusal> {
    let Some(Holder { span: Some(span), name }) = holder else { return Ok(()) };
    if plan.undoes.is_empty() || plan.reruns.contains(span) {
        return Ok(());
    }
    Err(UndoRefusal::InUse { holder: name.clone() }.into())
}
