//! Letting paused spans go: continue, steps, answers.

use super::super::ask::{Outcome, Output, Payload, Work};
use super::super::failure::Failure;
use super::super::gates::{Until, depth_of};
use super::super::refusal::{PauseRefusal, Refusal, ReleaseRefusal};
use super::super::request::json;
use super::Dispatcher;
use super::calls::{PendingCall, Stage};
use super::command::ChangesDecision;
use super::exec::denied;
use super::open_files::OpenLook;
use crate::model::{
    ActionStatus, Allow, CaptureMode, Finish, LlmResponse, Release, RunStatus, Seq, SpanEnd, SpanId, SpanStatus,
    TraceBody,
};

impl Dispatcher {
    /// Lets stopped spans at or below `span` go. What needs an approval, and what holds changes, is only let go by the
    /// answer that it asks for, at the very span.
    pub(super) fn release(&mut self, span: SpanId, how: &Release) -> Result<(), Refusal> {
        if let Some((chosen, choice)) = self.reviewed(span, how) {
            return self.decide_on_review(span, chosen, choice);
        }
        let paths = self.releasable(span, how)?;
        let spans = paths.iter().filter_map(|path| self.calls.get(path)).map(PendingCall::span);
        if let Some(why) = spans.into_iter().find_map(|span| self.being_undone(span)) {
            return Err(ReleaseRefusal::from(why).into());
        }
        if continues_unnotified(how)
            && let Some(label) = paths.iter().find_map(|path| self.stale_above(path))
        {
            return Err(match how {
                Release::Allow(_) => ReleaseRefusal::AllowUndone { label },
                _ => ReleaseRefusal::ContinueUndone { label },
            }
            .into());
        }
        for path in paths {
            self.release_one(&path, how);
        }
        self.review_pause();
        Ok(())
    }

    /// The stopped spans at or below `span` that this lets go.
    fn releasable(&self, span: SpanId, how: &Release) -> Result<Vec<String>, ReleaseRefusal> {
        let stopped = self.paused_within(span);
        let Some(first) = stopped.first() else {
            let label = self.log.with(|state| state.trace.label(span));
            return Err(ReleaseRefusal::NothingPaused { label });
        };
        match how {
            Release::Continue { .. } | Release::Step | Release::StepOver | Release::StepOut => {
                let waits =
                    |path: &&String| self.needs_approval(path) || self.holds_changes(path) || self.is_asking(path);
                let free: Vec<String> = stopped.iter().filter(|path| !waits(path)).cloned().collect();
                match free.is_empty() {
                    false => Ok(free),
                    true if self.needs_approval(first) => Err(ReleaseRefusal::NeedsApproval),
                    true if self.is_asking(first) => Err(ReleaseRefusal::NeedsAnswer),
                    true => Err(ReleaseRefusal::ChangesHeld),
                }
            }
            Release::Answer { .. } if stopped.len() > 1 => Err(ReleaseRefusal::SeveralToAnswerFor),
            Release::Answer { .. } => {
                self.answerable(first)?;
                Ok(stopped)
            }
            Release::Allow(_) | Release::Deny { .. } => {
                let asking: Vec<String> = stopped.iter().filter(|path| self.needs_approval(path)).cloned().collect();
                match asking.len() {
                    0 => Err(ReleaseRefusal::NoApprovalNeeded),
                    1 => self.check_hold(how, &asking[0]).map(|()| asking),
                    _ => Err(ReleaseRefusal::SeveralNeedApproval),
                }
            }
            Release::Apply { .. } | Release::Discard { .. } => {
                let holding: Vec<String> = stopped.iter().filter(|path| self.holds_changes(path)).cloned().collect();
                match holding.len() {
                    0 => Err(ReleaseRefusal::NoChangesHeld),
                    1 => Ok(holding),
                    _ => Err(ReleaseRefusal::SeveralHoldChanges),
                }
            }
        }
    }

    /// A divergence is not an outcome: an answer would be taken for what was recorded there.
    fn answerable(&self, path: &str) -> Result<(), ReleaseRefusal> {
        let Some(pending) = self.calls.get(path) else { return Ok(()) };
        if pending.has_diverged() {
            return Err(ReleaseRefusal::Diverged);
        }
        if self.holds_changes(path) {
            return Err(ReleaseRefusal::HasRun);
        }
        Ok(())
    }

    /// Changes can be held only where commands write beside the workspace.
    fn check_hold(&self, how: &Release, path: &str) -> Result<(), ReleaseRefusal> {
        let overlay = self.services.commands.shell.mode().capture == CaptureMode::Overlay;
        if !matches!(how, Release::Allow(Allow::Held)) {
            return Ok(());
        }
        if !overlay {
            return Err(ReleaseRefusal::CannotHold);
        }
        let open = self.calls.get(path).and_then(PendingCall::open_files).and_then(OpenLook::found);
        if let Some(open) = open {
            return Err(ReleaseRefusal::OpenFiles { open: open.to_owned() });
        }
        Ok(())
    }

    fn needs_approval(&self, path: &str) -> bool {
        let span = self.calls.get(path).map(PendingCall::span);
        span.is_some_and(|span| {
            self.log.with(|state| state.trace.pause(span).is_some_and(|(_, reason)| reason.is_approval()))
        })
    }

    fn is_asking(&self, path: &str) -> bool {
        self.calls.get(path).is_some_and(PendingCall::is_asking)
    }

    fn holds_changes(&self, path: &str) -> bool {
        self.calls.get(path).is_some_and(PendingCall::holds_changes)
    }

    /// Lets every paused span go on freely, but those that need an approval or hold changes; forgets steps and pauses
    /// asked for.
    pub(super) fn release_all(&mut self) -> Result<(), Refusal> {
        self.gatekeeper.forget_stops();
        self.release(SpanId::RUN, &Release::Continue { notify_model: false })
    }

    /// Stops every branch at its next gate.
    pub(super) fn pause(&mut self) -> Result<(), Refusal> {
        if self.status() != RunStatus::Running {
            return Err(PauseRefusal::NothingRuns.into());
        }
        let stopped = self.stop_queued();
        let under_way: Vec<SpanId> =
            self.calls.iter().filter(|(_, pending)| !pending.is_paused()).map(|(_, pending)| pending.span()).collect();
        if under_way.is_empty() && stopped > 0 {
            self.gatekeeper.begin_pause();
            return Ok(());
        }
        if under_way.is_empty() && self.calls.iter().next().is_some() {
            return Err(PauseRefusal::AllPaused.into());
        }
        let branches: Vec<String> = under_way.into_iter().map(|span| self.branch_of(span)).collect();
        self.gatekeeper.pause(&branches);
        Ok(())
    }

    fn paused_within(&self, span: SpanId) -> Vec<String> {
        let path = self.log.with(|state| state.trace.path(span));
        self.calls.paused_within(span, &path)
    }

    /// The label of the stale agent at or above a paused span.
    fn stale_above(&self, path: &str) -> Option<String> {
        let span = self.calls.get(path)?.span();
        self.log.with(|state| state.trace.stale_above(span).map(|stale| state.trace.label(stale)))
    }

    /// The path of the concurrent branch a span is in; empty outside of fan-outs.
    fn branch_of(&self, span: SpanId) -> String {
        self.log.with(|state| {
            let fanned = |at: &SpanId| state.trace.get(*at).is_some_and(|found| found.fan.is_some());
            let top = std::iter::once(span).chain(state.trace.ancestors(span)).find(fanned);
            top.map(|top| state.trace.path(top)).unwrap_or_default()
        })
    }

    fn release_one(&mut self, path: &str, how: &Release) {
        let Some(pending) = self.calls.get(path) else { return };
        let (span, agent) = (pending.span(), pending.agent());
        let stale = self.log.with(|state| state.trace.stale_above(span));
        if let Some(reason) = self.log.with(|state| state.trace.pause(span).map(|(_, reason)| reason.clone())) {
            self.gatekeeper.waive_limit(&reason);
        }
        let is_notified = stale.is_some() && notifies_model(how);
        if let Some(stale) = stale
            && is_notified
        {
            let text = self.undone_text(stale, agent);
            self.edits.queue_notice(agent, text);
        }
        self.arm(span, agent, path, how);
        if stale.is_some() && !is_notified {
            // This much is done, and the agent goes no further before its model is notified.
            let branch = self.branch_of(span);
            self.gatekeeper.step(&branch, Until::Next);
        }
        let answered = self.approval_answered(span, how);
        let released = TraceBody::Released { span, how: word(how), stale: is_notified };
        self.log.append(answered.into_iter().chain([released]).collect());
        if let Release::Answer { text } = how {
            self.answer(path, text);
            return self.calls.reply(path);
        }
        let Some(pending) = self.calls.get(path) else { return };
        match (pending.stage(), how) {
            (Stage::Holding { .. }, Release::Apply { only, .. }) => {
                self.calls.decide_held(path, ChangesDecision::Apply { only: only.clone() });
            }
            (Stage::Holding { .. }, Release::Discard { only }) => {
                let why = "the user discarded them".to_owned();
                self.calls.decide_held(path, ChangesDecision::Discard { only: only.clone(), why, by_user: true });
            }
            (Stage::Before, Release::Allow(allow)) => {
                if let (Allow::Always, Some(Work::Tool { call, .. })) = (allow, pending.work()) {
                    self.gatekeeper.allow_always(self.log.with(|state| state.generation), call);
                }
                self.calls.set_hold(path, *allow == Allow::Held);
                self.launch(path);
            }
            (Stage::Before, Release::Deny { why }) => self.deny(path, span, why),
            // A breakpoint or step that stopped it first is no answer to the policy's question, nor one limit to another.
            (Stage::Before, _) => self.look(path, false),
            _ => self.calls.reply(path),
        }
    }

    /// Ends a call that the user denied; its result says so.
    fn deny(&mut self, path: &str, span: SpanId, why: &str) {
        let word = if why.is_empty() { String::new() } else { format!(": {why}") };
        self.end(path, span, denied(&format!("denied: the user denied it{word}")));
    }

    /// Sets where the branch stops next.
    fn arm(&mut self, span: SpanId, agent: SpanId, path: &str, how: &Release) {
        let until = match how {
            Release::Step => Until::Next,
            Release::StepOver => Until::Depth(depth_of(path)),
            Release::StepOut => {
                // At an agent's own end, out means the end of the agent above.
                let from = if span == agent { self.above(agent) } else { agent };
                Until::EndOf(self.log.with(|state| state.trace.path(from)))
            }
            Release::Continue { .. }
            | Release::Allow(_)
            | Release::Deny { .. }
            | Release::Apply { .. }
            | Release::Discard { .. }
            | Release::Answer { .. } => return,
        };
        let branch = self.branch_of(span);
        self.gatekeeper.step(&branch, until);
    }

    fn above(&self, agent: SpanId) -> SpanId {
        self.log.with(|state| state.trace.get(agent).map_or(SpanId::RUN, |found| state.trace.agent_of(found.parent)))
    }

    /// Records the user's answer in the place of an outcome.
    pub(super) fn answer(&mut self, path: &str, text: &str) {
        let Some(pending) = self.calls.get(path) else { return };
        let span = pending.span();
        let (payload, finish, output) = match pending.work() {
            Some(Work::Llm(_)) => {
                let response = answered_response(text);
                let output = json(&response);
                (Payload::Llm(response), None, output)
            }
            Some(Work::Tool { .. }) => (Payload::Tool(text.to_owned()), None, text.to_owned()),
            Some(Work::Human { .. }) => return self.end_question(path, Ok(text)),
            None => {
                let output = Output::new("done", text);
                let finish = Finish { key: output.key.clone(), synthetic: false };
                (Payload::Agent(output), Some(finish), text.to_owned())
            }
        };
        let output = Some(self.log.text(&output));
        let end = SpanEnd { finish, output, answered: true, ..SpanEnd::new(span, SpanStatus::Ok) };
        self.log.append(vec![TraceBody::SpanEnded(end)]);
        let outcome: Outcome = Ok::<_, Failure>(payload);
        self.calls.record_answer(path, outcome);
    }

    /// The note for the model of `agent` when it, or an agent above it, is stale.
    fn undone_text(&self, stale: SpanId, agent: SpanId) -> String {
        self.log.with(|state| {
            let undone: Vec<String> = state
                .actions(stale, true)
                .into_iter()
                .filter_map(|action| state.ledger.get(action))
                .filter(|entry| entry.status == ActionStatus::Undone)
                .filter(|entry| {
                    state.trace.get(entry.record.tool_span).is_some_and(|span| span.status != SpanStatus::Undone)
                })
                .map(|entry| format!("- {} of {}", entry.record.tool_name, entry.record.key))
                .collect();
            let whose = if stale == agent { "yours".into() } else { state.trace.label(stale) };
            format!(
                "The user undid these changes of {whose}; the world is as it was before them:\n{}",
                undone.join("\n")
            )
        })
    }
}

/// True when an agent goes on by this with nothing said to its model. An answer, a denial and a discard are about this
/// call alone.
fn continues_unnotified(how: &Release) -> bool {
    let about_this_call = matches!(how, Release::Answer { .. } | Release::Deny { .. } | Release::Discard { .. });
    !notifies_model(how) && !about_this_call
}

/// True when a note to the model says that effects of its agent were undone.
fn notifies_model(how: &Release) -> bool {
    matches!(how, Release::Continue { notify_model: true } | Release::Apply { notify_model: true, .. })
}

fn word(how: &Release) -> String {
    let some = |only: &[Seq]| if only.is_empty() { String::new() } else { format!(" {}", only.len()) };
    match how {
        Release::Continue { notify_model: false } => "continue".into(),
        Release::Continue { notify_model: true } => "continue, model told".into(),
        Release::Step => "step".into(),
        Release::StepOver => "step over".into(),
        Release::StepOut => "step out".into(),
        Release::Allow(Allow::Once) => "allow once".into(),
        Release::Allow(Allow::Held) => "allow, hold its changes".into(),
        Release::Allow(Allow::Always) => "allow exactly this for the run".into(),
        Release::Deny { why } if why.is_empty() => "deny".into(),
        Release::Deny { why } => format!("deny: {why}"),
        Release::Apply { only, .. } => format!("apply{}", some(only)),
        Release::Discard { only } => format!("discard{}", some(only)),
        Release::Answer { .. } => "answer".into(),
    }
}

/// An answer is plain text, or a response as JSON (`{"text": …, "calls": […]}`) to make tool calls.
fn answered_response(text: &str) -> LlmResponse {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answer {
        #[serde(default)]
        text: String,
        calls: Vec<crate::model::ToolCall>,
    }
    match serde_json::from_str::<Answer>(text) {
        Ok(answer) => LlmResponse { text: answer.text, calls: answer.calls, ..LlmResponse::default() },
        Err(_) => LlmResponse { text: text.to_owned(), ..LlmResponse::default() },
    }
}
