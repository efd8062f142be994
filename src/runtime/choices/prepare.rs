//! Checks, beside the loop and before anything is undone, that tries can be made and undone.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::dispatcher::{Planner, Services, read_today};
use super::super::refusal::{RetryRefusal, TriesRefusal};
use super::super::session::ModelSource;
use super::standing::Standing;
use crate::model::{RetryPlan, RunState, TrySettings, Update};
use crate::pipeline::{Pipeline, Verify};
use crate::rollback::{not_redoable, preview};
use crate::store::RunLog;

/// Tries as they were asked for.
pub(in super::super) struct Prepare {
    /// The plan that was shown.
    pub shown: RetryPlan,
    pub settings: TrySettings,
    pub planner: Planner,
    /// The file of today's pipeline.
    pub source: Option<PathBuf>,
    pub models: Arc<ModelSource>,
    pub log: RunLog,
    pub services: Arc<Services>,
}

/// The model of a try, as it was asked for, and the pipeline with it.
pub(super) type Queued = (Option<String>, Arc<Pipeline>);

/// Tries that can be made, as far as the files tell.
struct Checked {
    plan: RetryPlan,
    queue: Vec<Queued>,
    /// Today's pipeline, or the stored one.
    base: Arc<Pipeline>,
    newest: Arc<Pipeline>,
    note: Option<String>,
}

/// Tries that can be made.
pub(in super::super) struct Prepared {
    /// The plan of each.
    pub plan: RetryPlan,
    /// The run as it is, to be put back.
    pub original: Standing,
    /// The pipeline of each try, with the model that was asked for.
    pub queue: Vec<Queued>,
    /// The pipeline that later retries go on from.
    pub newest: Arc<Pipeline>,
    /// The command that judges each.
    pub verify: Option<Verify>,
    /// A note for the log.
    pub note: Option<String>,
}

/// Tries that were refused, with what is shown beside the refusal.
pub(in super::super) struct NotPrepared {
    pub why: TriesRefusal,
    pub update: Option<Box<Update>>,
}

impl From<TriesRefusal> for NotPrepared {
    fn from(why: TriesRefusal) -> Self {
        Self { why, update: None }
    }
}

impl From<RetryRefusal> for NotPrepared {
    fn from(why: RetryRefusal) -> Self {
        TriesRefusal::from(why).into()
    }
}

impl Prepare {
    /// Checks the tries. Reads files and builds models.
    ///
    /// # Errors
    /// With the reason why they do not begin.
    pub async fn run(self) -> Result<Box<Prepared>, NotPrepared> {
        if self.planner.newest.wrapped.is_some() {
            return Err(RetryRefusal::AgentsTries.into());
        }
        let log = self.log.clone();
        let checked = tokio::task::spawn_blocking(move || self.check());
        let Checked { plan, queue, base, newest, note } =
            checked.await.map_err(|_| TriesRefusal::Retry(RetryRefusal::CheckFailed))??;
        // All of them are applied: a plan lists no others.
        let (spans, actions) = (plan.reruns.clone(), plan.undoes.clone());
        let original = Standing::read(&log, plan.span, spans, actions, &plan.reopens).await;
        let original = original.map_err(RetryRefusal::Record)?;
        let verify = base.verify.clone();
        Ok(Box::new(Prepared { plan, original, queue, newest, verify, note }))
    }

    fn check(self) -> Result<Checked, NotPrepared> {
        self.services.world.check_root().map_err(RetryRefusal::Workspace)?;
        let today = read_today(self.source.as_deref());
        let file = today.as_ref().ok();
        let now = self.planner.plan(self.shown.span, true, file)?;
        let (shown, now_is) = (&self.shown, &now);
        if shown.undoes != now_is.undoes || shown.reruns != now_is.reruns || shown.authority != now_is.authority {
            let why = RetryRefusal::PlanChanged.into();
            return Err(NotPrepared { why, update: Some(Box::new(Update::Plan(now))) });
        }
        self.planner.check_agents(&now, file)?;
        check_actions(&self.planner.state, &now)?;
        let foreseen = preview(&self.log, &self.services.world, &now.undoes, false);
        if let Some(conflict) = foreseen.conflict {
            return Err(RetryRefusal::Conflict { action: conflict.action, key: conflict.key }.into());
        }
        let newest = self.planner.newest.clone();
        let base = file.cloned().map_or_else(|| newest.clone(), Arc::new);
        let queue = self.queue(&base)?;
        let note = today.err().map(|why| format!("the tries use the stored pipeline: {why}"));
        Ok(Checked { plan: now, queue, base, newest, note })
    }

    /// The pipeline of each try; each can call its models.
    fn queue(&self, base: &Arc<Pipeline>) -> Result<Vec<Queued>, NotPrepared> {
        let mut queue: Vec<Queued> = Vec::new();
        for model in self.settings.queue() {
            let known = queue.iter().find(|(known, _)| *known == model).map(|(_, pipeline)| pipeline.clone());
            let pipeline = match (known, &model) {
                (Some(known), _) => known,
                (None, None) => base.clone(),
                (None, Some(name)) => Arc::new(base.with_model(name).map_err(TriesRefusal::Model)?),
            };
            (self.models)(&pipeline).map_err(RetryRefusal::from)?;
            queue.push((model, pipeline));
        }
        Ok(queue)
    }
}

/// Refuses actions that could not be put back after a try.
fn check_actions(state: &RunState, plan: &RetryPlan) -> Result<(), TriesRefusal> {
    if let Some(left) = plan.leaves.first() {
        let key = state.ledger.get(left.action).map(|entry| entry.record.key.to_string()).unwrap_or_default();
        return Err(TriesRefusal::Stays { action: left.action, key, why: left.why.clone() });
    }
    for entry in plan.undoes.iter().filter_map(|action| state.ledger.get(*action)) {
        if let Some(why) = not_redoable(entry) {
            let (action, key) = (entry.seq, entry.record.key.to_string());
            return Err(TriesRefusal::NotPutBack { action, key, why });
        }
    }
    Ok(())
}
