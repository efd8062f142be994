//! Tries with choices: carries out what the series of [`crate::runtime::choices`] decides.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use super::reversal::RunBy;
use super::{Dispatcher, Incoming};
use crate::model::{Command, Generation, Restored, RetryPlan, RunStatus, SpanEnd, SpanId, TraceBody, TrySettings};
use crate::runtime::choices::{ChoicesAction, ChoicesStep, Facts, Judge, Prepare, Standing, exchange};
use crate::runtime::refusal::{Refusal, RetryRefusal, TriesRefusal};

impl Dispatcher {
    /// Begins the tries of the plan that was shown: they are checked beside the loop first.
    pub(super) fn begin_tries(&mut self, shown: RetryPlan, settings: TrySettings) -> Result<(), Refusal> {
        self.check_tries(&settings)?;
        let path = self.log.with(|state| state.trace.path(shown.span));
        let actions = self.choices.begin(shown.clone(), path, &settings);
        let prepare = Prepare {
            shown,
            settings,
            planner: self.planner(),
            source: self.versions.source().cloned(),
            models: self.model_source.clone(),
            log: self.log.clone(),
            services: self.services.clone(),
        };
        self.spawn_choices(prepare.run(), ChoicesStep::Prepared);
        self.carry_out_choices(actions);
        Ok(())
    }

    fn check_tries(&self, settings: &TrySettings) -> Result<(), TriesRefusal> {
        let asked = settings.total();
        if asked == 0 || asked > TrySettings::MOST {
            return Err(TriesRefusal::Count { asked });
        }
        match self.status() {
            RunStatus::Running => return Err(TriesRefusal::UnderWay),
            RunStatus::Interrupted => return Err(RetryRefusal::Interrupted.into()),
            RunStatus::Ok | RunStatus::Failed | RunStatus::Cancelled => {}
        }
        self.calls.hash().check().map_err(RetryRefusal::from)?;
        Ok(self.check_undo().map_err(RetryRefusal::from)?)
    }

    /// Keeps a try, or none.
    pub(super) fn keep_try(&mut self, number: Option<u32>) {
        let actions = self.choices.keep(number);
        self.carry_out_choices(actions);
    }

    pub(super) fn step_choices(&mut self, step: ChoicesStep) {
        let actions = self.choices.step(step);
        self.carry_out_choices(actions);
    }

    /// Refuses a retry. One of a try ends the tries.
    pub(super) fn refuse_retry(&mut self, why: &RetryRefusal) {
        self.refuse(why);
        self.resume.end();
        self.wishes.forget_asked();
        let actions = self.choices.retry_refused(why.to_string());
        self.carry_out_choices(actions);
    }

    /// Takes the end of the run of a try. `failure`: the error that it ended with.
    pub(super) fn try_ended(&mut self, failure: Option<&str>) {
        let Some((began, path)) = self.choices.began() else { return };
        let facts = self.log.with(|state| Facts::of(state, path, began, failure.map(str::to_owned)));
        let actions = self.choices.try_ended(facts);
        self.carry_out_choices(actions);
    }

    /// Has the session end after the tries under way, which are cancelled. Returns false when there are none, or that was
    /// asked before.
    pub(super) fn quit_tries(&mut self) -> bool {
        if !self.choices.is_busy() {
            if self.choices.is_open() {
                self.keep_try(None);
            }
            return false;
        }
        if !self.choices.ask_to_quit() {
            return false;
        }
        if let Err(refusal) = self.cancel() {
            self.refuse(&refusal);
        }
        true
    }

    fn carry_out_choices(&mut self, actions: Vec<ChoicesAction>) {
        for action in actions {
            match action {
                ChoicesAction::Attend(attended) => self.gatekeeper.attend(attended),
                ChoicesAction::Retry(plan, pipeline) => {
                    if let Err(refusal) = self.retry(*plan, true, RunBy::Fixed(pipeline)) {
                        self.refuse(&refusal);
                        let actions = self.choices.retry_refused(refusal.to_string());
                        self.carry_out_choices(actions);
                    }
                }
                ChoicesAction::Judge { facts, above, verify, stop } => {
                    let (log, services) = (self.log.clone(), self.services.clone());
                    let judge = Judge { log, services, verify, facts: *facts, above, stop };
                    self.spawn_choices(judge.run(), ChoicesStep::Judged);
                }
                ChoicesAction::Exchange(asked) => {
                    let exchanged = exchange(self.log.clone(), self.services.clone(), asked);
                    self.spawn_choices(exchanged, |done| {
                        let failed = || Err("the program failed in it; open the run again to look at it".to_owned());
                        ChoicesStep::Exchanged(done.unwrap_or_else(failed))
                    });
                }
                ChoicesAction::Stand { replaced, again, newest, text } => {
                    self.stand(replaced, *again, &text);
                    // A later retry whose file is gone runs by the models of before.
                    let actions = self.versions.add(self.generation(), (*newest).clone());
                    self.carry_out(actions);
                }
                ChoicesAction::Record(group) => drop(self.log.append(vec![TraceBody::TryGroup(group)])),
                ChoicesAction::Note(text) => self.note(None, false, text),
                ChoicesAction::Send(update) => self.sink.send(*update),
                ChoicesAction::Refuse(why) => self.refuse(&why),
                ChoicesAction::Quit => drop(self.inbox.send(Incoming::Command(Command::Quit))),
            }
        }
    }

    /// Records that a try stands again, whose effects are in place.
    fn stand(&mut self, replaced: Vec<SpanId>, again: Standing, text: &str) {
        let generation = Generation(self.generation().0 + 1);
        let paths = self.paths_of(&replaced);
        self.edits.invalidate(&replaced);
        let Standing { span, spans, ends, status: (status, output), .. } = again;
        // Detail and the views go by the newest end of a span.
        let newest = ends.iter().map(|again| SpanEnd { usage: None, cost: None, ..again.end.clone() });
        self.log.append(newest.map(TraceBody::SpanEnded).collect());
        self.log.append(vec![
            TraceBody::Restored(Restored { generation, cause: span, replaced, paths, spans, ends }),
            TraceBody::RunStatus { status, text: output },
            TraceBody::Note { span: Some(span), error: false, text: text.to_owned() },
        ]);
        self.calls.forget_record();
        self.send_abilities();
        self.update_list();
    }

    /// Does work of the tries beside the loop. The step gets `None` when the program failed in it.
    fn spawn_choices<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        step: impl FnOnce(Option<T>) -> ChoicesStep + Send + 'static,
    ) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let done = AssertUnwindSafe(work).catch_unwind().await;
            drop(inbox.send(Incoming::Choices(step(done.ok()))));
        });
    }
}

/// True for a command that would change a run beside its tries.
pub(super) fn changes_the_run(command: &Command) -> bool {
    matches!(
        command,
        Command::Undo { .. }
            | Command::UndoSpan { .. }
            | Command::UndoList { .. }
            | Command::Redo { .. }
            | Command::Retry { .. }
            | Command::RetryEdited { .. }
            | Command::Resume { .. }
            | Command::Try { .. }
            | Command::Pause
    )
}
