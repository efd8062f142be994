//! Retry: the plan, and carrying it out.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::failure::Failure;
use super::super::foresee::changed;
use super::super::refusal::{Refusal, RetryRefusal, RetryStopped, TodayError, UndoRefusal};
use super::edit::stored_prompt;
use super::pending_call::PendingCall;
use super::reversal::{HALT_BOUND, HOLD_BOUND, Reversal, ReversalStep};
use super::undo::Undo;
use super::{Dispatcher, Done};
use crate::effects::llm::{LlmError, LlmProvider};
use crate::model::{Generation, RetryPlan, RunStatus, Seq, SpanId, SpanStatus, TraceBody, UndoReport, Update};
use crate::pipeline::{Pipeline, changed_agents, load};
use crate::rollback;
use crate::world::{Guard, Scope};

/// The name under which a retry takes the locks.
const RETRY: &str = "retry";

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
        let (halted, mut waiting) = self.ask_to_stop(&self.paths_of(&plan.reruns));
        // They would get the workspace before the retry does.
        let queued = if plan.undoes.is_empty() { Vec::new() } else { self.queued_outside(&plan) };
        let (requeued, more) = self.ask_to_stop(&queued);
        waiting.extend(more);
        self.reversal = Reversal::halting(Retrying { plan, with_readers, halted, requeued, models }, waiting);
        self.go_on_when_halted().await;
        Ok(())
    }

    /// Has calls stopped; returns the paths of those that were under way, and of the tools among them: a tool ends by
    /// itself, so that its changes are recorded; a model call may end anywhere.
    fn ask_to_stop(&mut self, paths: &[String]) -> (Vec<String>, BTreeSet<String>) {
        let (mut halted, mut waiting) = (Vec::new(), BTreeSet::new());
        for path in paths {
            let Some(pending) = self.pending.get_mut(path) else { continue };
            let Some(task) = &pending.task else { continue };
            halted.push(path.clone());
            if let Some(stop) = &task.stop {
                stop.cancel();
                waiting.insert(path.clone());
            } else {
                task.handle.abort();
                pending.task = None;
            }
        }
        (halted, waiting)
    }

    /// Takes a step of the retry or undo under way.
    pub(super) async fn step_reversal(&mut self, step: ReversalStep) {
        match step {
            ReversalStep::HaltTimedOut => {
                let seconds = HALT_BOUND.as_secs();
                self.give_up_retry(&RetryRefusal::NotHalted { seconds });
            }
            ReversalStep::Held(None) => {
                let holder = self.services.world.holder(Scope::All).unwrap_or_else(|| "a tool".into());
                self.give_up_retry(&RetryRefusal::NotHeld { holder });
            }
            ReversalStep::Held(Some(guard)) => {
                if let Some((retrying, _)) = self.reversal.give_up() {
                    self.plan_again(*retrying, guard).await;
                }
            }
            ReversalStep::Undone(report) => self.undone(report).await,
        }
    }

    /// Goes on with a retry whose calls have all stopped: takes every lock, so that nobody reads or changes what will be
    /// undone.
    pub(super) async fn go_on_when_halted(&mut self) {
        let Some(retrying) = self.reversal.take_halted() else { return };
        if let Some(guard) = self.services.world.try_lock(Scope::All, RETRY) {
            return self.plan_again(*retrying, guard).await;
        }
        let world = self.services.world.clone();
        let wait = async move { tokio::time::timeout(HOLD_BOUND, world.lock(Scope::All, RETRY)).await.ok() };
        self.reversal = Reversal::holding(retrying, tokio::spawn(wait));
    }

    /// Plans again: a tool may have done its work before it was stopped, and somebody may have read what is to be
    /// undone. A plan that is larger than the one that was shown is shown, and nothing is undone.
    async fn plan_again(&mut self, retrying: Retrying, guard: Guard) {
        let span = retrying.plan.span;
        let plan = match self.make_plan(span, retrying.with_readers) {
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
            return self.run_on(retrying).await;
        }
        let (actions, spans) = (retrying.plan.undoes.clone(), retrying.plan.reruns.clone());
        let retry = Some(Box::new(retrying));
        self.start_undo(guard, Undo { actions, force: false, left: Vec::new(), spans, retry }).await;
    }

    /// True when a plan takes more back than the one that was shown. The actions of a call that was stopped are in it:
    /// the user saw that it would be.
    fn is_larger(&self, shown: &Retrying, now: &RetryPlan) -> bool {
        let halted: Vec<SpanId> = shown.halted.iter().filter_map(|path| self.paths.get(path).copied()).collect();
        let is_new = |action: &Seq| {
            let by = self.log.with(|state| state.ledger.get(*action).map(|entry| entry.record.tool_span));
            !shown.plan.undoes.contains(action) && by.is_some_and(|span| !halted.contains(&span))
        };
        now.reruns.iter().any(|span| !shown.plan.reruns.contains(span))
            || now.readers.iter().any(|span| !shown.plan.readers.contains(span))
            || now.undoes.iter().any(is_new)
    }

    /// Ends a retry before it undid anything; everything else goes on.
    fn give_up_retry(&mut self, why: &RetryRefusal) {
        let Some((retrying, running)) = self.reversal.give_up() else { return };
        // A tool that still runs keeps its task: its end comes as if nothing had been asked.
        let stopped: Vec<String> = retrying.halted.into_iter().filter(|path| !running.contains(path)).collect();
        let requeued: Vec<String> = retrying.requeued.into_iter().filter(|path| !running.contains(path)).collect();
        self.resume_after_conflict(&stopped, &requeued);
        self.sink.send(Update::Refused(why.to_string()));
    }

    fn check_retry(&self) -> Result<(), RetryRefusal> {
        if self.status() == RunStatus::Interrupted {
            return Err(RetryRefusal::Interrupted);
        }
        Ok(self.check_undo()?)
    }

    /// Finds out what would stop the retry before anything is stopped, undone or run.
    fn foresee(&self, plan: &RetryPlan) -> Result<(), RetryRefusal> {
        self.check_agents(plan)?;
        if plan.undoes.is_empty() {
            return Ok(());
        }
        let holder = self.services.world.holder(Scope::All).unwrap_or_default();
        let holds = |pending: &&PendingCall| {
            let outside = pending.task.is_some() && !plan.reruns.contains(&pending.span);
            outside && holder.split(' ').next() == Some(&*pending.span.to_string())
        };
        if self.pending.values().any(|pending| holds(&pending)) {
            return Err(UndoRefusal::InUse { holder }.into());
        }
        let foreseen = rollback::preview(&self.log, &self.services.world, &plan.undoes, false);
        let Some(conflict) = foreseen.conflict else { return Ok(()) };
        let refusal = RetryRefusal::Conflict { action: conflict.action, key: conflict.key.clone() };
        self.sink.send(Update::Undo(UndoReport { conflict: Some(conflict), ..UndoReport::default() }));
        Err(refusal)
    }

    /// The agents that would run again by today's files are in them.
    fn check_agents(&self, plan: &RetryPlan) -> Result<(), RetryRefusal> {
        let Ok(today) = self.today() else { return Ok(()) };
        let is_first = |span: &&SpanId| {
            let parent = self.log.with(|state| state.trace.get(**span).map(|found| found.parent));
            parent.is_some_and(|parent| !plan.reruns.contains(&parent))
        };
        let names = plan.reruns.iter().filter(is_first).filter_map(|span| self.agent_names.get(span));
        let gone = |name: &&String| {
            let (agent, step) = name.split_once('.').map_or((name.as_str(), None), |(agent, step)| (agent, Some(step)));
            let agent = today.agents.get(agent);
            let has_step = |step: &str| agent.is_some_and(|agent| agent.steps.contains_key(step));
            agent.is_none() || step.is_some_and(|step| !has_step(step))
        };
        match names.into_iter().find(gone) {
            Some(name) => Err(RetryRefusal::AgentGone { name: name.clone() }),
            None => Ok(()),
        }
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
        self.run_on(retrying).await;
        Ok(())
    }

    /// Describes what a retry's undo left, where that may stay.
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
        let Retrying { plan, with_readers, models, requeued, .. } = retrying;
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
        self.queue_again(&requeued);
    }

    /// What was under way in the set stands as failed, stopped at the error gate; everything else goes on as it was.
    fn resume_after_conflict(&mut self, halted: &[String], requeued: &[String]) {
        let error = "stopped for a retry, which failed";
        for path in halted {
            if let Some(span) = self.pending.get(path).map(|pending| pending.span) {
                self.done(path, span, Done::Llm(Err(Failure::new(error))));
            }
        }
        if self.status() == RunStatus::Running {
            self.start_pattern();
        }
        self.queue_again(requeued);
    }

    /// Starts calls again that had only waited.
    fn queue_again(&mut self, paths: &[String]) {
        for path in paths.iter().filter(|path| self.pending.contains_key(*path)).cloned().collect::<Vec<_>>() {
            self.launch(&path);
        }
    }

    /// The tools outside of a retry's set that wait for the workspace, and have not started.
    fn queued_outside(&self, plan: &RetryPlan) -> Vec<String> {
        let is_queued = |pending: &PendingCall| {
            let span = pending.span;
            !plan.reruns.contains(&span)
                && self.log.with(|state| {
                    let waits = state.trace.get(span).is_some_and(|found| found.status == SpanStatus::Waiting);
                    waits && !state.commands.values().any(|command| command.span == span)
                })
        };
        self.pending.iter().filter(|(_, pending)| is_queued(pending)).map(|(path, _)| path.clone()).collect()
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

    /// Builds the models of today's pipeline.
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
