//! Retry: the plan, and carrying it out.

use std::sync::Arc;

use super::super::ask::Work;
use super::super::failure::Failure;
use super::super::foresee::changed;
use super::super::refusal::{Refusal, RetryRefusal, RetryStopped, TodayError, UndoRefusal};
use super::edit::stored_prompt;
use super::undo::Undo;
use super::{Dispatcher, Done};
use crate::effects::llm::{LlmError, LlmProvider};
use crate::model::{Generation, RetryPlan, RunStatus, SpanId, TraceBody, UndoReport, Update};
use crate::pipeline::{Pipeline, changed_agents, load};
use crate::rollback;

/// A retry whose set is stopped, and that goes on when its actions are undone.
pub(super) struct Retrying {
    plan: RetryPlan,
    with_readers: bool,
    /// The paths that were under way.
    halted: Vec<String>,
    models: Arc<dyn LlmProvider>,
}

/// Names the file of a changed prompt: `writer (edited): prompts/writer.md`.
fn with_file(line: String, pipeline: &Pipeline) -> String {
    let name = line.split(' ').next().unwrap_or_default();
    let file = stored_prompt(pipeline, name).and_then(|prompt| prompt.file.as_ref());
    match file {
        Some(file) => format!("{line}: {file}"),
        None => line,
    }
}

impl Dispatcher {
    /// Shows what a retry would do.
    pub(super) fn plan(&mut self, span: SpanId) -> Result<(), Refusal> {
        let plan = self.make_plan(span, true)?;
        self.sink.send(Update::Plan(plan));
        Ok(())
    }

    fn make_plan(&self, span: SpanId, with_readers: bool) -> Result<RetryPlan, RetryRefusal> {
        let mut plan = self.log.with(|state| rollback::plan_retry(state, span, with_readers))?;
        let names: Vec<String> = plan.reruns.iter().filter_map(|at| self.agent_names.get(at).cloned()).collect();
        let newest = self.newest();
        let changed = changed(&names, &newest, self.today().ok().as_ref(), self.edits.edited());
        plan.changed = changed.into_iter().map(|line| with_file(line, &newest)).collect();
        Ok(plan)
    }

    /// Carries out the plan that was shown: cancel, undo, run on.
    pub(super) async fn retry(&mut self, shown: &RetryPlan, with_readers: bool) -> Result<(), Refusal> {
        self.check_retry()?;
        let span = shown.span;
        let now = self.make_plan(span, true)?;
        if shown.undoes != now.undoes || shown.reruns != now.reruns {
            self.plan(span)?;
            return Err(RetryRefusal::PlanChanged.into());
        }
        let plan = if with_readers { now } else { self.make_plan(span, false)? };
        self.foresee(&plan)?;
        // Before anything is undone: a pipeline that can't run now is no reason to.
        let models = self.todays_models().map_err(RetryRefusal::from)?;
        self.drop_pattern();
        let taken = self.paths_of(&plan.reruns);
        let halted = self.halt(&taken).await;
        // A tool may have done its work before it was stopped.
        let plan = self.make_plan(span, with_readers)?;
        let retrying = Retrying { plan, with_readers, halted, models };
        if retrying.plan.undoes.is_empty() {
            self.run_on(retrying).await;
            return Ok(());
        }
        match self.hold() {
            Ok(guard) => {
                let plan = &retrying.plan;
                let (actions, spans) = (plan.undoes.clone(), plan.reruns.clone());
                let retry = Some(Box::new(retrying));
                self.start_undo(guard, Undo { actions, force: false, left: Vec::new(), spans, retry }).await;
                Ok(())
            }
            Err(why) => {
                self.resume_after_conflict(&retrying.halted);
                Err(why.into())
            }
        }
    }

    fn check_retry(&self) -> Result<(), RetryRefusal> {
        if self.status() == RunStatus::Interrupted {
            return Err(RetryRefusal::Interrupted);
        }
        Ok(self.check_undo()?)
    }

    /// Finds out what would stop the retry before anything is stopped, undone or run.
    fn foresee(&self, plan: &RetryPlan) -> Result<(), RetryRefusal> {
        let in_set = |span: SpanId| plan.reruns.contains(&span);
        let busy = self.pending.values().find(|pending| !pending.is_paused() && !in_set(pending.span));
        if busy.is_some_and(|pending| matches!(pending.work, Some(Work::Tool { .. }))) && !plan.undoes.is_empty() {
            drop(self.hold()?);
        }
        let foreseen = rollback::preview(&self.log, &self.services.world, &plan.undoes, false);
        let Some(conflict) = foreseen.conflict else { return Ok(()) };
        let refusal = RetryRefusal::Conflict { action: conflict.action, key: conflict.key.clone() };
        self.sink.send(Update::Undo(UndoReport { conflict: Some(conflict), ..UndoReport::default() }));
        Err(refusal)
    }

    /// The undo of a retry is through: the set runs again, if all of it that can be taken back was.
    pub(super) async fn taken_back(
        &mut self,
        retrying: Retrying,
        report: Result<UndoReport, UndoRefusal>,
    ) -> Result<(), Refusal> {
        let report = report.map_err(RetryStopped::from);
        let left = match report.and_then(|report| self.judge(&retrying.plan, &report)) {
            Ok(left) => left,
            Err(why) => {
                self.resume_after_conflict(&retrying.halted);
                return Err(RetryRefusal::from(why).into());
            }
        };
        if !left.is_empty() {
            self.note(Some(retrying.plan.span), false, format!("the retry kept {left}"));
        }
        self.run_on(retrying).await;
        Ok(())
    }

    /// What a retry's undo left that may stay, in words.
    fn judge(&self, plan: &RetryPlan, report: &UndoReport) -> Result<String, RetryStopped> {
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

    /// The set starts a new try.
    async fn run_on(&mut self, retrying: Retrying) {
        let Retrying { plan, with_readers, models, .. } = retrying;
        let taken = self.paths_of(&plan.reruns);
        let reopened = self.paths_of(&plan.reopens);
        self.stop_calls(&taken).await;
        // Ends of ancestors are asked for anew.
        self.stop_calls(&reopened).await;
        let generation = Generation(self.generation().0 + 1);
        self.invalidate(&plan, generation, &taken, with_readers);
        self.see_todays_files(generation);
        self.models = Some(models);
        for path in &taken {
            self.paths.remove(path);
        }
        self.edits.invalidate(&plan.reruns);
        self.journal.invalidate(&taken);
        self.journal.reopen(&reopened);
        self.limit_waived = false;
        if self.status() != RunStatus::Running {
            self.set_status(RunStatus::Running, None);
        }
        self.start_pattern();
    }

    /// What was under way in the set stands as failed, stopped at the error gate; everything else goes on as it was.
    fn resume_after_conflict(&mut self, halted: &[String]) {
        let error = "stopped for a retry, which failed";
        for path in halted {
            if let Some(span) = self.pending.get(path).map(|pending| pending.span) {
                self.done(path, span, Done::Llm(Err(Failure::new(error))));
            }
        }
        if self.status() == RunStatus::Running {
            self.start_pattern();
        }
    }

    fn invalidate(&mut self, plan: &RetryPlan, generation: Generation, paths: &[String], with_readers: bool) {
        let names = plan.rerun_names.join(", ");
        let text = format!(
            "retry {names}: undid {}, kept {}, reused {}",
            plan.undoes.len(),
            plan.leaves.len(),
            plan.from_journal
        );
        self.log.append(vec![
            TraceBody::Invalidated {
                generation,
                cause: plan.span,
                spans: plan.reruns.clone(),
                paths: paths.to_vec(),
                reopened: plan.reopens.clone(),
                stale: if with_readers { Vec::new() } else { plan.readers.clone() },
            },
            TraceBody::Note { span: Some(plan.span), error: false, text },
        ]);
    }

    /// The set sees today's files; everything else keeps the pipeline it ran by.
    fn see_todays_files(&mut self, generation: Generation) {
        match self.today() {
            Ok(today) => {
                let newest = self.newest();
                if today == *newest {
                    return;
                }
                self.leave_to_files(&today);
                let changed = changed_agents(&newest, &today);
                let pipeline = self.log.text(&super::super::request::json(&today));
                self.log.append(vec![TraceBody::PipelineChanged { generation, pipeline, changed }]);
                self.versions.push((generation, Arc::new(today)));
            }
            Err(why) => self.note(None, false, format!("the retry uses the stored pipeline: {why}")),
        }
    }

    /// Whoever answers the calls of today's pipeline.
    fn todays_models(&self) -> Result<Arc<dyn LlmProvider>, LlmError> {
        let today = self.today().map_or_else(|_| self.newest(), Arc::new);
        (self.model_source)(&today)
    }

    pub(super) fn today(&self) -> Result<Pipeline, TodayError> {
        let source = self.source.as_ref().ok_or(TodayError::NoFile)?;
        load(source).map(|loaded| loaded.pipeline).map_err(|faults| TodayError::Faults { file: source.clone(), faults })
    }

    fn newest(&self) -> Arc<Pipeline> {
        self.version(Generation(u32::MAX))
    }

    fn paths_of(&self, spans: &[SpanId]) -> Vec<String> {
        self.log.with(|state| spans.iter().map(|span| state.trace.path(*span)).collect())
    }
}
