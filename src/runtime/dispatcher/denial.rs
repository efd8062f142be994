//! Denials: why a tool call must not run, and the remedy.

use super::super::ask::Work;
use super::super::denial::Denial;
use super::super::engine::Mode;
use super::super::policy::{PolicyDecision, rule_matches};
use super::Dispatcher;
use crate::model::{EffectClass, SpanId, ToolCall, first_names};

/// Gaps of the sandbox that a denial names.
const NAMED: usize = 3;

impl Dispatcher {
    /// The denial of the call at a path, if it must not run: the policy denies it, or (headless) it needs an approval.
    pub(super) fn denial(&self, path: &str) -> Option<Denial> {
        let decision = self.policy_decision_on(path)?;
        let pending = self.pending.get(path)?;
        let Some(Work::Tool { call, .. }) = pending.work.as_ref() else { return None };
        let (why, hint) = match decision {
            PolicyDecision::Deny(why) => (why, "to allow it, change [policy] deny in the pipeline".to_owned()),
            PolicyDecision::Ask(why) if self.is_denied_unseen(call) => self.explain_unseen(pending.agent, call, &why),
            PolicyDecision::Allow | PolicyDecision::Ask(_) => return None,
        };
        Some(Denial { span: pending.span, path: path.to_owned(), tool: call.name.clone(), why, hint })
    }

    /// True when nobody is there to approve a call, and no `--allow` does.
    fn is_denied_unseen(&self, call: &ToolCall) -> bool {
        let Mode::Headless(headless) = &self.mode else { return false };
        !headless.allow.iter().any(|rule| rule_matches(rule, call, self.services.world.root()))
    }

    /// The cause and the remedy for a call that needs an approval when nobody is there.
    fn explain_unseen(&self, agent: SpanId, call: &ToolCall, why: &str) -> (String, String) {
        const NOBODY: &str = "nobody is there to approve it";
        let name = &call.name;
        match self.gaps_that_ask(agent, call) {
            Some(gaps) => (
                format!("commands are not fully confined here ({}): {why}; {NOBODY}", first_names(&gaps, NAMED)),
                format!("allow it with --allow {name}, or get the sandbox: `tama-tui doctor` says how"),
            ),
            None => (format!("{why}; {NOBODY}"), format!("allow it with --allow {name}")),
        }
    }

    /// The gaps of the sandbox, when they are the reason that a command needs an approval.
    fn gaps_that_ask(&self, agent: SpanId, call: &ToolCall) -> Option<Vec<String>> {
        let tool = self.tools_of(agent).get(&call.name)?;
        let gaps = self.services.commands.shell.mode().gaps;
        let policy = &self.version_now().policy;
        let by_rule = policy.ask.iter().any(|rule| rule_matches(rule, call, self.services.world.root()));
        let would_run = tool.is_command() && tool.effect() == EffectClass::Reversible;
        (would_run && !by_rule && !gaps.is_empty()).then_some(gaps)
    }
}
