//! The calls that an interrupted run left behind: those that were done, those that rerun, and those of which nobody knows.
//!
//! A call without a recorded outcome is neither assumed done nor not done. Its changes of files and memory are compared
//! with the world. Where the world is as before, the call reruns. Where it is as after, the call counts as done, and
//! its result is computed from its record. Anything else, and everything that reached outside, is for the user to decide.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::effects::Masker;
use crate::effects::tools::{Decision, Prepared, Toolbox, WorldCall};
use crate::model::{
    ActionOp, ActionStatus, Key, KeyState, LedgerEntry, ResumeDone, ResumePlan, ResumeQuestion, RunState, Seq, SpanId,
    SpanSpec, TextHash, TraceBody,
};
use crate::rollback;
use crate::store::RunLog;
use crate::world::{Value, World};

/// Bytes of a file that is read for a call's result.
const LARGEST_FILE: u64 = 16 << 20;

/// An interrupted run, and what its calls are compared with.
pub(super) struct Leftovers<'a> {
    pub log: &'a RunLog,
    pub world: &'a World,
    /// The program's own tools: only their results can be computed.
    pub tools: &'a Arc<Toolbox>,
    pub masker: &'a Masker,
}

/// A call that was cut off.
enum Found {
    /// It reruns; what it changed is undone first.
    Rerun,
    Done(ResumeDone),
    Question(ResumeQuestion),
}

impl Leftovers<'_> {
    /// Plans the resume. Reads files and the store; changes nothing.
    pub fn plan(&self) -> ResumePlan {
        let state = self.log.with(RunState::clone);
        let mut plan = ResumePlan { upto: state.last, ..ResumePlan::default() };
        for span in rollback::cut_off_tools(&state) {
            match self.judge(&state, span) {
                Found::Rerun => {}
                Found::Done(done) => plan.done.push(done),
                Found::Question(question) => plan.questions.push(question),
            }
        }
        let settled: BTreeSet<SpanId> =
            plan.done.iter().map(|done| done.span).chain(plan.questions.iter().map(|asked| asked.span)).collect();
        plan.retry = rollback::plan_resume(&state, &settled);
        let conflicts = self.conflicts(&state, &plan.retry.undoes);
        if !conflicts.is_empty() {
            let settled = settled.into_iter().chain(conflicts.iter().map(|asked| asked.span)).collect();
            plan.questions.extend(conflicts);
            plan.retry = rollback::plan_resume(&state, &settled);
        }
        let done: BTreeSet<SpanId> = plan.done.iter().map(|done| done.span).collect();
        plan.retry.reruns.retain(|span| !done.contains(span));
        plan.retry
            .leaves
            .retain(|left| state.ledger.get(left.action).is_none_or(|entry| !done.contains(&entry.record.tool_span)));
        let names = plan.retry.reruns.iter().map(|span| state.trace.path(*span));
        plan.retry.rerun_names = names.collect();
        plan
    }

    fn judge(&self, state: &RunState, span: SpanId) -> Found {
        let actions = rollback::actions_of_call(state, span);
        let standing: Vec<&LedgerEntry> = actions.iter().filter(|entry| entry.is_applied()).collect();
        if let Some(away) = standing.iter().find(|entry| rollback::is_elsewhere(entry)) {
            let why = match away.status {
                ActionStatus::Applied => "it was done, and its answer is lost",
                _ => "it was started, and nobody knows if it was done",
            };
            return Found::Question(question(span, &away.record.key.name, why.to_owned(), &standing));
        }
        if let Some(open) = standing.iter().find(|entry| entry.status == ActionStatus::Intent) {
            let why = self.neither(open);
            return Found::Question(question(span, &open.record.key.to_string(), why, &standing));
        }
        match self.result_of(&actions, span) {
            Some(result) => Found::Done(ResumeDone { span, result: self.masker.mask(&result).into_owned() }),
            None => Found::Rerun,
        }
    }

    /// Describes a key that is neither as before an action nor as after it.
    fn neither(&self, open: &LedgerEntry) -> String {
        let found = match self.world.state(&open.record.key) {
            Ok(found) => found.summary(),
            Err(error) => return format!("failed to {error}"),
        };
        format!("it is neither as it was before the call nor as the call leaves it, but {found}")
    }

    /// The result of a call whose changes are all in place, computed from its before-images; `None`: it has to run again.
    fn result_of(&self, actions: &[LedgerEntry], span: SpanId) -> Option<String> {
        let name = &actions.first()?.record.tool_name;
        let args = stored_args(self.log, span)?;
        let Ok(Prepared::World(call)) = self.tools.get(name)?.prepare(&args) else { return None };
        let WorldCall { keys, decide } = call;
        let values: Option<Vec<Value>> = keys.iter().map(|key| self.value_before(key, actions)).collect();
        let decision = decide(&values?).ok()?;
        is_done(&decision, actions).then_some(decision.result)
    }

    /// The content of a key before a call.
    fn value_before(&self, key: &Key, actions: &[LedgerEntry]) -> Option<Value> {
        match actions.iter().find(|entry| entry.record.key.same_place(key)) {
            Some(entry) => rollback::value_of(self.log, &entry.record.old).ok(),
            None => self.world.read_at_most(key, LARGEST_FILE).ok(),
        }
    }

    /// The calls whose undo would meet a conflict: their keys are not as they left them.
    fn conflicts(&self, state: &RunState, undoes: &[Seq]) -> Vec<ResumeQuestion> {
        let mut undoes = undoes.to_vec();
        let mut found = Vec::new();
        while let Some(conflict) = rollback::preview(self.log, self.world, &undoes, false).conflict {
            let Some(entry) = state.ledger.get(conflict.action) else { break };
            let span = entry.record.tool_span;
            let actions = rollback::actions_of_call(state, span);
            let why = rollback::describe_conflict(&conflict);
            found.push(question(span, &conflict.key, why, &actions.iter().collect::<Vec<_>>()));
            undoes.retain(|action| !actions.iter().any(|of_call| of_call.seq == *action));
        }
        found
    }
}

fn question(span: SpanId, what: &str, why: String, actions: &[&LedgerEntry]) -> ResumeQuestion {
    ResumeQuestion { span, what: what.to_owned(), why, actions: actions.iter().map(|entry| entry.seq).collect() }
}

/// True when a decision's changes are the actions, and all of them are in place.
fn is_done(decision: &Decision, actions: &[LedgerEntry]) -> bool {
    let is_made = |(change, entry): (&crate::world::Change, &LedgerEntry)| {
        let same = change.key == entry.record.key && change.op == entry.record.op;
        let is_content = match (entry.record.op, &entry.record.intended) {
            (ActionOp::Append | ActionOp::Set, KeyState::Text { text }) => change.new == Value::Text(text.clone()),
            _ => true,
        };
        same && is_content && entry.status == ActionStatus::Applied
    };
    decision.changes.len() == actions.len() && decision.changes.iter().zip(actions).all(is_made)
}

/// The arguments that a stored tool call ran with.
fn stored_args(log: &RunLog, span: SpanId) -> Option<Json> {
    let events = log.span_events(span).ok()?;
    let mut args: Option<TextHash> = None;
    for event in &events {
        match &event.body {
            TraceBody::SpanStarted(start) if start.span == span => {
                if let SpanSpec::Tool { args: asked, .. } = &start.spec {
                    args = Some(*asked);
                }
            }
            TraceBody::Sent { span: sent, args: Some(edited), .. } if *sent == span => args = Some(*edited),
            _ => {}
        }
    }
    serde_json::from_str(&log.recorder().text(args?).ok()?).ok()
}
