//! Approvals as events: the question of the policy with its rule, and the answer.

use super::super::ask::Work;
use super::super::engine::Mode;
use super::super::policy::{PolicyDecision, rule_matches};
use super::Dispatcher;
use crate::model::{
    Allow, AnsweredBy, ApprovalAnswer, ApprovalAnswered, ApprovalAsked, PauseReason, Release, SpanId, TraceBody,
};

impl Dispatcher {
    /// The event of a stop at the policy's question; `None` for any other stop.
    pub(super) fn approval_asked(&self, path: &str, reason: &PauseReason) -> Option<TraceBody> {
        let PauseReason::Policy { rule } = reason else { return None };
        self.question(path, rule.clone()).map(TraceBody::ApprovalAsked)
    }

    /// The event of the answer to a question; `None`: the call does not stand at one, or this is no answer to it.
    pub(super) fn approval_answered(&self, span: SpanId, how: &Release) -> Option<TraceBody> {
        let asked = self.log.with(|state| state.approvals.get(&span).copied())?;
        let (how, word) = match how {
            Release::Allow(Allow::Once) => (ApprovalAnswer::Allow, None),
            Release::Allow(Allow::Held) => (ApprovalAnswer::AllowHeld, None),
            Release::Allow(Allow::Always) => (ApprovalAnswer::AllowAlways, None),
            Release::Deny { why } => (ApprovalAnswer::Deny, Some(why.clone()).filter(|why| !why.is_empty())),
            Release::Answer { .. } => (ApprovalAnswer::Answer, None),
            _ => return None,
        };
        Some(TraceBody::ApprovalAnswered(ApprovalAnswered { span, asked, how, by: AnsweredBy::User, word }))
    }

    /// Records a question that nobody can be asked, with its answer: `--allow` allows the call, or else it is denied.
    pub(super) fn record_unseen_approval(&self, path: &str, denied: bool) {
        let Mode::Headless(headless) = &self.mode else { return };
        // A call that is neither denied nor allowed by a flag was never in question.
        if !denied && headless.allow.is_empty() {
            return;
        }
        let Some(PolicyDecision::Ask(why)) = self.policy_decision_on(path) else { return };
        let Some(question) = self.question(path, why) else { return };
        let span = question.span;
        let (how, by) =
            if denied { (ApprovalAnswer::Deny, AnsweredBy::Nobody) } else { (ApprovalAnswer::Allow, AnsweredBy::Flag) };
        let asked = self.log.append(vec![TraceBody::ApprovalAsked(question)]);
        let answered = ApprovalAnswered { span, asked, how, by, word: None };
        self.log.append(vec![TraceBody::ApprovalAnswered(answered)]);
    }

    fn question(&self, path: &str, why: String) -> Option<ApprovalAsked> {
        let pending = self.pending.get(path)?;
        let Some(Work::Tool { call, .. }) = &pending.work else { return None };
        let policy = &self.version(self.generation()).policy;
        let root = self.services.world.root();
        let rule = policy.ask.iter().find(|rule| rule_matches(rule, call, root));
        Some(ApprovalAsked {
            span: pending.span,
            why,
            rule: rule.cloned(),
            line: rule.and_then(|rule| policy.lines.of(rule)),
            request: self.log.text(&call.args.to_string()),
        })
    }
}
