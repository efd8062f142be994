//! Retry: carries out what the reversal decides.

use super::Dispatcher;
use super::calls::PendingCall;
use super::exec::Done;
use super::reversal::{
    Check, HOLD_BOUND, Held, Holder, Planner, Ready, Retrying, Reversal, ReversalAction, ReversalStep, RunBy,
};
use super::undo::{Hold, Undo};
use crate::model::{Generation, RetryPlan, RunState, RunStatus, SpanId, SpanStatus, TraceBody, UndoReport};
use crate::rollback;
use crate::runtime::choices::Began;
use crate::runtime::failure::Failure;
use crate::runtime::refusal::{Refusal, RetryRefusal, RetryStopped, UndoRefusal};
use crate::world::Scope;

/// The name under which a retry takes the locks.
const RETRY: &str = "retry";

impl Dispatcher {
    /// Shows what a retry would do.
    pub(super) fn plan(&self, span: SpanId) {
        self.inspector.plan(self.planner(), span, self.versions.source().cloned());
    }

    pub(super) fn planner(&self) -> Planner {
        Planner {
            state: self.log.with(RunState::clone),
            names: self.edits.names(),
            edited: self.edits.edited(),
            newest: self.versions.newest(),
            resumes: self.resume.again(),
        }
    }

    /// Begins the retry of the plan that was shown: it is checked beside the loop first.
    pub(super) fn retry(&mut self, shown: RetryPlan, with_readers: bool, by: RunBy) -> Result<(), Refusal> {
        let by = if self.versions.newest().wrapped.is_some() { self.check_agent(&by)? } else { by };
        self.calls.hash().check().map_err(RetryRefusal::from)?;
        self.check_undo().map_err(RetryRefusal::from)?;
        self.resume.forget();
        self.begin_retry(shown, with_readers, by);
        Ok(())
    }

    /// Has a retry checked beside the loop. It begins when nothing is in its way.
    pub(super) fn begin_retry(&mut self, shown: RetryPlan, with_readers: bool, by: RunBy) {
        let check = Check {
            shown,
            with_readers,
            by,
            planner: self.planner(),
            holder: self.holder(),
            source: self.versions.source().cloned(),
            models: self.model_source.clone(),
            unread: self.calls.take_gathered(),
            agent: self.services.agent.is_some().then(|| self.is_headless()),
            log: self.log.clone(),
            services: self.services.clone(),
        };
        let is_agent = check.agent.is_some();
        let log = self.log.clone();
        self.reversal.check(tokio::spawn(async move {
            if check.unread.is_some() || is_agent {
                // Only what is committed is read. An error of the log comes up there too.
                let _ = log.append_durable(Vec::new()).durable().await;
            }
            let checked = tokio::task::spawn_blocking(move || check.run()).await;
            checked.unwrap_or_else(|_| Err(RetryRefusal::CheckFailed.into()))
        }));
    }

    /// The way in which an agent of another program is retried: by what the run began with.
    fn check_agent(&self, by: &RunBy) -> Result<RunBy, RetryRefusal> {
        if self.services.agent.is_none() {
            return Err(RetryRefusal::NoAgent);
        }
        if let RunBy::Edited { model: Some(model), .. } = by {
            return Err(RetryRefusal::AgentsModel { model: model.clone() });
        }
        if self.log.with(|state| !state.all_held().is_empty()) {
            return Err(RetryRefusal::Held);
        }
        Ok(RunBy::Fixed(self.versions.newest()))
    }

    /// The tool that has the workspace.
    fn holder(&self) -> Option<Holder> {
        let name = self.services.world.holder(&Scope::All)?;
        Some(Holder { span: self.calls.holder(&name), name })
    }

    /// Takes a step of the retry or undo under way.
    pub(super) fn step_reversal(&mut self, step: ReversalStep) {
        let is_undone = matches!(step, ReversalStep::Undone(_));
        if let ReversalStep::Undone(Some(report)) = &step {
            self.tell_agent(report);
        }
        let holder = self.services.world.holder(&Scope::All).unwrap_or_else(|| "a tool".into());
        let actions = self.reversal.step(step, &holder);
        let timed_out = matches!(&actions[..], [ReversalAction::RefuseUndo(UndoRefusal::NotStopped { .. })]);
        if is_undone {
            self.update_list();
        }
        self.carry_out_reversal(actions);
        if (is_undone || timed_out) && self.stopping.end_undo() {
            self.go_on_after_undo(timed_out);
        }
    }

    pub(super) fn carry_out_reversal(&mut self, actions: Vec<ReversalAction>) {
        for action in actions {
            match action {
                ReversalAction::Halt(ready) => self.halt(*ready),
                ReversalAction::Hold(retrying) => self.hold_for_retry(retrying),
                ReversalAction::Undo(retrying, guard) => {
                    let (actions, spans) = (retrying.plan.undoes.clone(), retrying.plan.reruns.clone());
                    let undo = Undo { actions, force: false, left: Vec::new(), spans, retry: Some(retrying) };
                    self.start_undo(Hold::Now(guard), undo);
                }
                ReversalAction::RunOn(retrying) => self.run_on(*retrying),
                ReversalAction::Resume { halted, requeued } => self.resume(&halted, &requeued),
                ReversalAction::Judge(retrying, report) => self.judge(retrying, report),
                ReversalAction::ShowPlan(span) => self.plan(span),
                ReversalAction::Send(update) => self.sink.send(*update),
                ReversalAction::RefuseRetry(why) => self.refuse_retry(&why),
                ReversalAction::RefuseUndo(why) => self.refuse(&why),
            }
        }
    }

    /// Stops the calls of a retry's set.
    fn halt(&mut self, mut ready: Ready) {
        self.drop_pattern();
        if let Some(record) = ready.record.take() {
            self.calls.take_record(record);
        }
        let set = self.calls.ask_to_stop(&self.paths_of(&ready.plan.reruns));
        // They would get the workspace before the retry does.
        let queued = if ready.plan.undoes.is_empty() { Vec::new() } else { self.queued_outside(&ready.plan) };
        let queued = self.calls.withdraw(queued);
        let actions = self.reversal.halt(ready, set, queued);
        self.carry_out_reversal(actions);
    }

    /// The tools outside of a retry's set that wait for the workspace, and have not started.
    fn queued_outside(&self, plan: &RetryPlan) -> Vec<String> {
        let is_queued = |call: &PendingCall| {
            let span = call.span();
            !plan.reruns.contains(&span)
                && self.log.with(|state| {
                    let waits = state.trace.get(span).is_some_and(|found| found.status == SpanStatus::Waiting);
                    waits && !state.commands.values().any(|command| command.span == span)
                })
        };
        self.calls.iter().filter(|(_, call)| is_queued(call)).map(|(path, _)| path.clone()).collect()
    }

    /// Takes every lock for a retry, and plans again under them.
    fn hold_for_retry(&mut self, retrying: Box<Retrying>) {
        let (world, log) = (self.services.world.clone(), self.log.clone());
        let planner = self.planner();
        let (shown, with_readers) = (retrying.plan.clone(), retrying.with_readers);
        let today = retrying.today.as_ref().ok().cloned();
        let halted: Vec<SpanId> = retrying.halted.iter().filter_map(|path| self.calls.span_at(path)).collect();
        let task = tokio::spawn(async move {
            let guard = tokio::time::timeout(HOLD_BOUND, world.lock(&Scope::All, RETRY)).await.ok()?;
            let planner = Planner { state: log.with(RunState::clone), ..planner };
            let plan = planner.plan(shown.span, with_readers, today.as_ref()).map(|plan| {
                let is_larger = planner.is_larger(&shown, &plan, &halted);
                (plan, is_larger)
            });
            Some(Box::new(Held { guard, plan }))
        });
        self.reversal.hold(retrying, task);
    }

    /// Records the stopped calls of the set as failed, stopped at the error gate; everything else goes on as it was.
    fn resume(&mut self, halted: &[String], requeued: &[String]) {
        let error = "stopped for a retry, which failed";
        for path in halted {
            if let Some(span) = self.calls.get(path).map(PendingCall::span) {
                self.end(path, span, Done::no_answer(Failure::new(error)));
            }
        }
        if self.status() == RunStatus::Running {
            self.start_pattern();
        }
        self.queue_again(requeued);
    }

    /// Starts calls again that had only waited.
    fn queue_again(&mut self, paths: &[String]) {
        for path in paths {
            if self.calls.get(path).is_some() {
                self.launch(path);
            }
        }
    }

    /// Looks at what the undo of a retry did: the set reruns, if all of it that can be undone was.
    fn judge(&mut self, retrying: Box<Retrying>, report: Result<UndoReport, UndoRefusal>) {
        let report = report.map_err(RetryStopped::from);
        let left = report.and_then(|report| self.check_undone(&retrying.plan, &report));
        if let Ok(left) = &left
            && !left.is_empty()
        {
            self.note(Some(retrying.plan.span), false, format!("the retry kept {left}"));
        }
        let actions = Reversal::judged(retrying, left.map(drop));
        self.carry_out_reversal(actions);
    }

    /// Describes what a retry's undo left, where that may stay.
    fn check_undone(&self, plan: &RetryPlan, report: &UndoReport) -> Result<String, RetryStopped> {
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
    fn run_on(&mut self, retrying: Retrying) {
        let Retrying { plan, with_readers, models, requeued, today, recorded, .. } = retrying;
        if let (Some(agent), Some(recorded)) = (&self.services.agent, recorded) {
            agent.answer_from(*recorded);
        }
        self.resume.end();
        let taken = self.paths_of(&plan.reruns);
        let reopened = self.paths_of(&plan.reopens);
        let generation = Generation(self.generation().0 + 1);
        self.invalidate(&plan, generation, &taken, with_readers);
        match today {
            Ok(today) if today == *self.versions.newest() => {}
            Ok(today) => {
                let mut actions = self.edits.leave_to_files(&today, self.generation());
                actions.extend(self.versions.add(generation, today));
                self.carry_out(actions);
                self.send_edits();
            }
            Err(why) => self.note(None, false, format!("the retry uses the stored pipeline: {why}")),
        }
        self.begin_edits(generation, plan.span, &self.versions.newest());
        self.models = Some(models);
        self.choices.try_began(self.log.with(|state| Began { generation, at: state.last_at }));
        self.edits.invalidate(&plan.reruns);
        self.calls.invalidate(&taken, &reopened);
        self.gatekeeper.restore_limits();
        if self.status() != RunStatus::Running {
            self.set_status(RunStatus::Running, None);
        }
        self.review_pause();
        self.start_pattern();
        self.queue_again(&requeued);
    }

    fn invalidate(&mut self, plan: &RetryPlan, generation: Generation, paths: &[String], with_readers: bool) {
        let names = plan.rerun_names.join(", ");
        let what = match plan.span {
            SpanId::RUN if names.is_empty() => "resumed".to_owned(),
            SpanId::RUN => format!("resumed with {names}"),
            _ => format!("retry {names}"),
        };
        let text =
            format!("{what}: undid {}, kept {}, reused {}", plan.undoes.len(), plan.leaves.len(), plan.from_journal);
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

    pub(super) fn paths_of(&self, spans: &[SpanId]) -> Vec<String> {
        self.log.with(|state| spans.iter().map(|span| state.trace.path(*span)).collect())
    }
}
