//! Retry: the plan, and carrying it out.

mod checks;
mod halt;
mod today;

use std::sync::Arc;

use super::Dispatcher;
use super::calls::Halted;
use super::reversal::Reversal;
use super::undo::Undo;
use crate::effects::llm::LlmProvider;
use crate::model::{Generation, RetryPlan, RunStatus, SpanId, TraceBody, UndoReport, Update};
use crate::pipeline::Pipeline;
use crate::rollback;
use crate::runtime::foresee::changed;
use crate::runtime::prompt::stored_prompt;
use crate::runtime::refusal::{Refusal, RetryRefusal, RetryStopped, UndoRefusal};
use crate::world::Guard;

/// A retry whose set is stopped, and that goes on when its actions are undone.
pub(super) struct Retrying {
    plan: RetryPlan,
    with_readers: bool,
    /// The paths that were under way.
    halted: Vec<String>,
    /// The paths outside of the set that waited for the workspace, and have not started: they wait again afterwards.
    requeued: Vec<String>,
    models: Arc<dyn LlmProvider>,
}

impl Retrying {
    /// The spans that run again.
    pub(super) fn spans(&self) -> &[SpanId] {
        &self.plan.reruns
    }
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
        let plan = self.make_plan(span, true, self.today().ok().as_ref())?;
        self.sink.send(Update::Plan(plan));
        Ok(())
    }

    fn make_plan(&self, span: SpanId, with_readers: bool, today: Option<&Pipeline>) -> Result<RetryPlan, RetryRefusal> {
        let mut plan = self.log.with(|state| rollback::plan_retry(state, span, with_readers))?;
        let names: Vec<String> = plan.reruns.iter().filter_map(|at| self.edits.name_of(*at).cloned()).collect();
        let newest = self.versions.newest();
        let changed = changed(&names, &newest, today, &self.edits.edited());
        plan.changed = changed.into_iter().map(|line| with_file(line, &newest)).collect();
        Ok(plan)
    }

    /// Carries out the plan that was shown: cancel, undo, run on.
    pub(super) async fn retry(&mut self, shown: &RetryPlan, with_readers: bool) -> Result<(), Refusal> {
        self.check_retry()?;
        let span = shown.span;
        let today = self.today().ok();
        let now = self.make_plan(span, true, today.as_ref())?;
        if shown.undoes != now.undoes || shown.reruns != now.reruns {
            self.plan(span)?;
            return Err(RetryRefusal::PlanChanged.into());
        }
        let plan = if with_readers { now } else { self.make_plan(span, false, today.as_ref())? };
        self.foresee(&plan, today.as_ref())?;
        // Before anything is undone: a pipeline that can't run now is no reason to.
        let models = self.models_of(today).map_err(RetryRefusal::from)?;
        self.drop_pattern();
        let set = self.paths_of(&plan.reruns);
        let Halted { paths: halted, mut waiting } = self.calls.ask_to_stop(&set);
        // They would get the workspace before the retry does.
        let queued = if plan.undoes.is_empty() { Vec::new() } else { self.queued_outside(&plan) };
        let Halted { paths: requeued, waiting: more } = self.calls.ask_to_stop(&queued);
        waiting.extend(more);
        self.reversal = Reversal::halting(Retrying { plan, with_readers, halted, requeued, models }, waiting);
        self.go_on_when_halted().await;
        Ok(())
    }

    /// Plans again: a tool may have done its work before it was stopped, and somebody may have read what is to be
    /// undone. A plan that is larger than the one that was shown is shown, and nothing is undone.
    async fn plan_again(&mut self, retrying: Retrying, guard: Guard) {
        let span = retrying.plan.span;
        let plan = match self.make_plan(span, retrying.with_readers, self.today().ok().as_ref()) {
            Ok(plan) if !self.is_larger(&retrying, &plan) => plan,
            found => {
                drop(guard);
                self.resume_after_conflict(&retrying.halted, &retrying.requeued);
                // Without a plan there is none to show.
                drop(self.plan(span));
                let why = found.err().unwrap_or(RetryRefusal::PlanGrew);
                return self.sink.send(Update::Refused(why.to_string()));
            }
        };
        let retrying = Retrying { plan, ..retrying };
        if retrying.plan.undoes.is_empty() {
            drop(guard);
            return self.run_on(retrying);
        }
        let (actions, spans) = (retrying.plan.undoes.clone(), retrying.plan.reruns.clone());
        let retry = Some(Box::new(retrying));
        self.start_undo(guard, Undo { actions, force: false, left: Vec::new(), spans, retry }).await;
    }

    /// Goes on after the undo of a retry: the set reruns, if all of it that can be undone was.
    pub(super) async fn taken_back(
        &mut self,
        retrying: Retrying,
        report: Result<UndoReport, UndoRefusal>,
    ) -> Result<(), Refusal> {
        let report = report.map_err(RetryStopped::from);
        let left = match report.and_then(|report| self.judge(&retrying.plan, &report)) {
            Ok(left) => left,
            Err(why) => {
                self.resume_after_conflict(&retrying.halted, &retrying.requeued);
                return Err(RetryRefusal::from(why).into());
            }
        };
        if !left.is_empty() {
            self.note(Some(retrying.plan.span), false, format!("the retry kept {left}"));
        }
        self.run_on(retrying);
        Ok(())
    }

    /// The set starts a new try.
    fn run_on(&mut self, retrying: Retrying) {
        let Retrying { plan, with_readers, models, requeued, .. } = retrying;
        let taken = self.paths_of(&plan.reruns);
        let reopened = self.paths_of(&plan.reopens);
        let generation = Generation(self.generation().0 + 1);
        self.invalidate(&plan, generation, &taken, with_readers);
        self.see_todays_files(generation);
        self.models = Some(models);
        self.edits.invalidate(&plan.reruns);
        self.calls.invalidate(&taken, &reopened);
        self.gatekeeper.restore_limit();
        if self.status() != RunStatus::Running {
            self.set_status(RunStatus::Running, None);
        }
        self.start_pattern();
        self.queue_again(&requeued);
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

    fn paths_of(&self, spans: &[SpanId]) -> Vec<String> {
        self.log.with(|state| spans.iter().map(|span| state.trace.path(*span)).collect())
    }
}
