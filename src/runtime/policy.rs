//! Policy: which tools run, ask, or are denied. Deny beats ask beats allow.

use std::path::Path;

use serde_json::Value as Json;

use super::gates::fits;
use crate::effects::tools::names_of;
use crate::model::{EffectClass, ToolCall};
use crate::pipeline::{Pipeline, Policy};
use crate::world::path::{ROOT, normalise};

/// What policy says to a tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PolicyDecision {
    /// It runs.
    Allow,
    /// The user is asked; why.
    Ask(String),
    /// It does not run; why.
    Deny(String),
}

/// What the policy says to a call. Without a matching rule, what can be undone runs, and the rest asks.
/// `root`: the workspace.
pub(super) fn decide(policy: &Policy, call: &ToolCall, effect: EffectClass, root: &Path) -> PolicyDecision {
    let matching = |rules: &[String]| rules.iter().find(|rule| rule_matches(rule, call, root)).cloned();
    if let Some(rule) = matching(&policy.deny) {
        return PolicyDecision::Deny(format!("policy denies \"{rule}\""));
    }
    if let Some(rule) = matching(&policy.ask) {
        return PolicyDecision::Ask(format!("ask rule \"{rule}\""));
    }
    if matching(&policy.allow).is_some() {
        return PolicyDecision::Allow;
    }
    match effect {
        EffectClass::Read | EffectClass::Reversible => PolicyDecision::Allow,
        EffectClass::Compensable => PolicyDecision::Ask(format!("{} has an undo command only", call.name)),
        // Its changes in the workspace are recorded all the same.
        EffectClass::Irreversible if call.name == "tama_bash" => {
            PolicyDecision::Ask("what tama_bash does outside of the workspace has no undo".into())
        }
        EffectClass::Irreversible => PolicyDecision::Ask(format!("{} has no undo", call.name)),
    }
}

/// A rule is a glob over tool names, or `tool:glob` with the second over the path of a file tool, or over any text
/// argument of another. Names and paths that mean the same are the same, however they are written.
pub(super) fn rule_matches(rule: &str, call: &ToolCall, root: &Path) -> bool {
    let (tool, argument) = match rule.split_once(':') {
        Some((tool, argument)) => (tool, Some(argument)),
        None => (rule, None),
    };
    if !names_of(&call.name).any(|name| fits(tool, name)) {
        return false;
    }
    let Some(glob) = argument else { return true };
    match file_of(call, root) {
        Some(path) => fits(glob.strip_prefix("./").unwrap_or(glob), &path),
        None => texts(&call.args).iter().any(|text| fits(glob, text)),
    }
}

/// True when a rule is about a tool that some agent of the pipeline may call.
#[must_use]
pub fn names_a_tool(rule: &str, pipeline: &Pipeline) -> bool {
    let tool = rule.split_once(':').map_or(rule, |(tool, _)| tool);
    tools_of(pipeline).any(|name| names_of(name).any(|name| fits(tool, name)))
}

/// True when some agent of the pipeline may run commands.
#[must_use]
pub fn has_command(pipeline: &Pipeline) -> bool {
    tools_of(pipeline).any(|name| name == "tama_bash" || pipeline.tools.contains_key(name))
}

/// The tools that the agents may call, those of their steps and those that their skills unlock too.
fn tools_of(pipeline: &Pipeline) -> impl Iterator<Item = &str> {
    let own = pipeline.agents.values().flat_map(|agent| &agent.tools);
    let steps = pipeline.agents.values().flat_map(|agent| agent.steps.values());
    let skills = pipeline.agents.values().flat_map(|agent| &agent.skills);
    let more = steps.flat_map(|step| &step.tools).chain(skills.flat_map(|skill| &skill.tools));
    own.chain(more).map(String::as_str)
}

/// The path that a file tool is called with, however it is written; `None`: it is another tool.
pub(super) fn file_of(call: &ToolCall, root: &Path) -> Option<String> {
    if !names_of(&call.name).any(|name| name.starts_with("tama_files_")) {
        return None;
    }
    let written = call.args.get("path").and_then(Json::as_str).unwrap_or(ROOT);
    // One that leads out is refused by the tool itself.
    Some(normalise(written, Some(root)).unwrap_or_else(|_| written.to_owned()))
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
            ..Policy::default()
        };
        let root = Path::new("/w");
        let say = |command: &str| decide(&policy, &bash(command), EffectClass::Irreversible, root);
        assert_eq!(say("ls"), PolicyDecision::Allow);
        assert!(matches!(say("git push origin"), PolicyDecision::Ask(_)));
        assert!(matches!(say("git push --force"), PolicyDecision::Deny(_)));
        assert!(matches!(say("sudo rm x"), PolicyDecision::Deny(_)));
    }

    #[test]
    fn without_a_rule_what_can_be_undone_runs_and_the_rest_asks() {
        let none = Policy::default();
        let say = |effect| decide(&none, &bash("ls"), effect, Path::new("/w"));
        assert_eq!(say(EffectClass::Read), PolicyDecision::Allow);
        assert_eq!(say(EffectClass::Reversible), PolicyDecision::Allow);
        assert!(matches!(say(EffectClass::Compensable), PolicyDecision::Ask(_)));
        assert!(matches!(say(EffectClass::Irreversible), PolicyDecision::Ask(_)));
    }

    #[test]
    fn a_path_or_a_name_written_otherwise_is_the_same() {
        let says = |rule: &str, tool: &str, path: &str| {
            let args = json!({ "path": path, "content": "docs/a" });
            rule_matches(rule, &ToolCall { name: tool.into(), args }, Path::new("/w"))
        };
        assert!(says("tama_files_write:secret/*", "tama_write_file", "./docs/../secret/x"));
        assert!(says("tama_write_file:./secret/*", "tama_files_write", "/w/secret/x"));
        assert!(says("tama_read_file", "tama_files_read", "x"));
        assert!(says("tama_files_*", "tama_read_file", "x"));
        // Neither a detour nor another argument gets a call past the rule.
        assert!(!says("tama_files_write:docs/*", "tama_files_write", "docs/../secret"));
        assert!(!says("tama_files_write:docs/*", "tama_files_write", ".env"));
        let list = ToolCall { name: "tama_files_list".into(), args: json!({}) };
        assert!(rule_matches("tama_files_list:.", &list, Path::new("/w")));
    }
}
