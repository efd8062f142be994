//! Approvals as events: the question of the policy with its rule, and the answer.

use super::super::ask::Work;
use super::super::policy::first_about;
use super::Dispatcher;
use super::gatekeeper::ToolQuestion;
use crate::model::{
    Allow, AnsweredBy, ApprovalAnswer, ApprovalAnswered, ApprovalAsked, PauseReason, Release, SpanId, ToolCall,
    TraceBody,
};

impl Dispatcher {
    /// The event of a stop at the policy's question; `None` for any other stop.
    pub(super) fn approval_asked(&self, path: &str, reason: &PauseReason) -> Option<TraceBody> {
        let PauseReason::Policy { rule } = reason else { return None };
        let pending = self.calls.get(path)?;
        let Some(Work::Tool { call, .. }) = pending.work() else { return None };
        Some(TraceBody::ApprovalAsked(self.approval_question(pending.span(), call, rule.clone())))
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

    /// Records a question that nobody can be asked, with its answer.
    pub(super) fn record_unseen_approval(&self, asked: &ToolQuestion) {
        let Some((why, how, by)) = self.gatekeeper.answer_unseen(asked) else { return };
        let question = self.approval_question(asked.span, &asked.call, why);
        let span = asked.span;
        let asked = self.log.append(vec![TraceBody::ApprovalAsked(question)]);
        let answered = ApprovalAnswered { span, asked, how, by, word: None };
        self.log.append(vec![TraceBody::ApprovalAnswered(answered)]);
    }

    fn approval_question(&self, span: SpanId, call: &ToolCall, why: String) -> ApprovalAsked {
        let pipeline = self.version_now();
        let root = self.services.world.root();
        let rule = first_about(&pipeline.policy.ask, call, root);
        ApprovalAsked {
            span,
            why,
            rule: rule.cloned(),
            line: rule.and_then(|rule| pipeline.policy.lines.of(rule)),
            request: self.log.text(&call.args.to_string()),
        }
    }
}
