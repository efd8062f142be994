//! May it run? The policy, an approval from before, the fence, and the limits.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Gatekeeper;
use crate::model::{AnsweredBy, ApprovalAnswer, EffectClass, Generation, SpanId, ToolCall, Usage, first_names};
use crate::pipeline::Pipeline;
use crate::runtime::denial::Denial;
use crate::runtime::engine::Mode;
use crate::runtime::policy::{PolicyDecision, decide, first_about, rule_allows};

/// Gaps of the sandbox that a denial names.
const NAMED: usize = 3;

/// An effect that may need an approval.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "made for one decision, and never stored")]
pub(in super::super::super) enum Question {
    /// A model call.
    Model(ModelQuestion),
    /// A tool call.
    Tool(ToolQuestion),
}

/// A model call, and what the run has used.
#[derive(Debug, Clone)]
pub(in super::super::super) struct ModelQuestion {
    /// Its span.
    pub span: SpanId,
    /// Has the limits.
    pub pipeline: Arc<Pipeline>,
    /// The tokens of the whole run.
    pub usage: Usage,
    /// Its cost in millionths of a US dollar.
    pub cost: u64,
}

/// A tool call, and the facts that decide about it.
#[derive(Debug, Clone)]
pub(in super::super::super) struct ToolQuestion {
    /// Its span.
    pub span: SpanId,
    pub call: ToolCall,
    /// Its effect on the world here.
    pub effect: EffectClass,
    /// The newest generation of the run.
    pub generation: Generation,
    /// Has the policy.
    pub pipeline: Arc<Pipeline>,
    /// The workspace.
    pub root: PathBuf,
    /// The command that it would run, on one line.
    pub command: Option<String>,
    /// The earlier try that did the same, if that was not undone.
    pub repeats: Option<String>,
    /// Set when it writes a file that the pipeline is made of.
    pub own_file: Option<String>,
    /// Set when its command can't run over an overlay, because programs have files of the workspace open.
    pub open: Option<String>,
    /// The gaps of the sandbox, for a command that would run freely without them.
    pub gaps: Vec<String>,
}

impl Gatekeeper {
    /// Decides about a tool call.
    pub(super) fn decide(&self, asked: &ToolQuestion) -> PolicyDecision {
        let decision = decide(&asked.pipeline.policy, &asked.call, asked.effect, &asked.root);
        let always = (asked.generation, asked.call.name.clone(), asked.call.args.to_string());
        if self.always_allowed.contains(&always) && !matches!(decision, PolicyDecision::Deny(_)) {
            return PolicyDecision::Allow;
        }
        match decision {
            PolicyDecision::Allow => {
                let first = asked.repeats.as_deref().or(asked.own_file.as_deref());
                let whys: Vec<&str> = first.into_iter().chain(self.open_files(asked)).collect();
                if whys.is_empty() { PolicyDecision::Allow } else { PolicyDecision::Ask(whys.join("; ")) }
            }
            PolicyDecision::Ask(why) => {
                let more = asked.repeats.as_deref().into_iter().chain(self.open_files(asked));
                PolicyDecision::Ask(std::iter::once(&*why).chain(more).collect::<Vec<_>>().join("; "))
            }
            decision @ PolicyDecision::Deny(_) => decision,
        }
    }

    /// The files that keep a call's command from running over an overlay, as far as they are a question: where nobody is
    /// there, a tool that a rule allows runs all the same.
    fn open_files<'a>(&self, asked: &'a ToolQuestion) -> Option<&'a str> {
        let allow = &asked.pipeline.policy.allow;
        let is_allowed = || allow.iter().any(|rule| rule_allows(rule, &asked.call, &asked.root));
        asked.open.as_deref().filter(|_| !(self.is_headless() && is_allowed()))
    }

    /// The denial of a call, if it must not run: the policy denies it, or (headless) it needs an approval.
    pub(super) fn denial(&self, path: &str, asked: &ToolQuestion) -> Option<Denial> {
        let (why, hint) = match self.decide(asked) {
            PolicyDecision::Deny(why) => (why, "to allow it, change [policy] deny in the pipeline".to_owned()),
            PolicyDecision::Ask(why) if self.is_denied_unseen(asked) => explain_unseen(asked, &why),
            PolicyDecision::Allow | PolicyDecision::Ask(_) => return None,
        };
        Some(Denial { span: asked.span, path: path.to_owned(), tool: asked.call.name.clone(), why, hint })
    }

    /// True when nobody is there to approve a call, and no `--allow` does.
    fn is_denied_unseen(&self, asked: &ToolQuestion) -> bool {
        self.is_headless() && !self.is_allowed_by_flag(&asked.call, &asked.root)
    }

    /// True when nobody is there to approve a call, and `--allow` does.
    pub fn is_allowed_by_flag(&self, call: &ToolCall, root: &Path) -> bool {
        let Mode::Headless(headless) = &self.mode else { return false };
        headless.allow.iter().any(|rule| rule_allows(rule, call, root))
    }

    /// The answer to a call's question when nobody can be asked, with the question: `--allow` allows it, or else it is
    /// denied. `None`: it is not in question, or somebody is there.
    pub fn answer_unseen(&self, asked: &ToolQuestion) -> Option<(String, ApprovalAnswer, AnsweredBy)> {
        let Mode::Headless(_) = &self.mode else { return None };
        let PolicyDecision::Ask(why) = self.decide(asked) else { return None };
        Some(if self.is_denied_unseen(asked) {
            (why, ApprovalAnswer::Deny, AnsweredBy::Nobody)
        } else {
            (why, ApprovalAnswer::Allow, AnsweredBy::Flag)
        })
    }
}

/// The cause and the remedy for a call that needs an approval when nobody is there.
fn explain_unseen(asked: &ToolQuestion, why: &str) -> (String, String) {
    const NOBODY: &str = "nobody is there to approve it";
    let name = &asked.call.name;
    if asked.asks_for_gaps() {
        let gaps = first_names(&asked.gaps, NAMED);
        return (
            format!("commands are not fully confined here ({gaps}): {why}; {NOBODY}"),
            format!("allow it with --allow {name}, or get the sandbox: `tama-tui doctor` says how"),
        );
    }
    (format!("{why}; {NOBODY}"), format!("allow it with --allow {name}"))
}

impl ToolQuestion {
    /// True when the gaps of the sandbox are the reason that a command needs an approval.
    fn asks_for_gaps(&self) -> bool {
        let policy = &self.pipeline.policy;
        let by_rule = first_about(&policy.ask, &self.call, &self.root);
        by_rule.is_none() && !self.gaps.is_empty()
    }
}
