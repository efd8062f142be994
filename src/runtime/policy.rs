//! Policy: which tools run, ask, or are denied. Deny beats ask beats allow.

use serde_json::Value as Json;

use super::gates::compile;
use crate::model::{EffectClass, ToolCall};
use crate::pipeline::Policy;

/// What policy says to a tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It runs.
    Allow,
    /// The user is asked; why.
    Ask(String),
    /// It does not run; why.
    Deny(String),
}

/// What the policy says to a call. Without a matching rule, what can be undone runs, and the rest asks.
pub(super) fn verdict(policy: &Policy, call: &ToolCall, effect: EffectClass) -> Verdict {
    let matching = |rules: &[String]| rules.iter().find(|rule| rule_matches(rule, call)).cloned();
    if let Some(rule) = matching(&policy.deny) {
        return Verdict::Deny(format!("policy denies \"{rule}\""));
    }
    if let Some(rule) = matching(&policy.ask) {
        return Verdict::Ask(format!("policy asks for \"{rule}\""));
    }
    if matching(&policy.allow).is_some() {
        return Verdict::Allow;
    }
    match effect {
        EffectClass::Read | EffectClass::Reversible => Verdict::Allow,
        EffectClass::Compensable => Verdict::Ask(format!("{} can only be compensated", call.name)),
        EffectClass::Irreversible => Verdict::Ask(format!("{} can't be taken back", call.name)),
    }
}

/// A rule is a glob over tool names, or `tool:glob` with the second over any text argument.
pub(super) fn rule_matches(rule: &str, call: &ToolCall) -> bool {
    let (tool, argument) = match rule.split_once(':') {
        Some((tool, argument)) => (tool, Some(argument)),
        None => (rule, None),
    };
    let fits = |pattern: &str, text: &str| compile(pattern).is_ok_and(|glob| glob.is_match(text));
    fits(tool, &call.name) && argument.is_none_or(|glob| texts(&call.args).iter().any(|text| fits(glob, text)))
}

fn texts(args: &Json) -> Vec<&str> {
    match args {
        Json::String(text) => vec![text],
        Json::Array(items) => items.iter().flat_map(texts).collect(),
        Json::Object(map) => map.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bash(command: &str) -> ToolCall {
        ToolCall { name: "tama_bash".into(), args: json!({ "command": command }) }
    }

    #[test]
    fn deny_beats_ask_beats_allow() {
        let policy = Policy {
            allow: vec!["tama_*".into()],
            ask: vec!["tama_bash:git push*".into()],
            deny: vec!["tama_bash:sudo *".into(), "tama_bash:git push --force*".into()],
        };
        let say = |command: &str| verdict(&policy, &bash(command), EffectClass::Irreversible);
        assert_eq!(say("ls"), Verdict::Allow);
        assert!(matches!(say("git push origin"), Verdict::Ask(_)));
        assert!(matches!(say("git push --force"), Verdict::Deny(_)));
        assert!(matches!(say("sudo rm x"), Verdict::Deny(_)));
    }

    #[test]
    fn without_a_rule_what_can_be_undone_runs_and_the_rest_asks() {
        let none = Policy::default();
        assert_eq!(verdict(&none, &bash("ls"), EffectClass::Reversible), Verdict::Allow);
        assert!(matches!(verdict(&none, &bash("ls"), EffectClass::Irreversible), Verdict::Ask(_)));
    }
}
