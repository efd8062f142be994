//! Policy: which tools run, ask, or are denied. Deny beats ask beats allow.

use std::borrow::Cow;
use std::path::Path;

use serde_json::Value as Json;

use super::gates::fits;
use crate::effects::remote::normal_url;
use crate::effects::tools::names_of;
use crate::model::{EffectClass, McpServer, ToolCall, is_tool_glob, server_tool};
use crate::pipeline::{Agent, Pipeline, Policy};
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
    if let Some(rule) = first_about(&policy.deny, call, root) {
        return PolicyDecision::Deny(format!("policy denies \"{rule}\""));
    }
    if let Some(rule) = first_about(&policy.ask, call, root) {
        return PolicyDecision::Ask(format!("ask rule \"{rule}\""));
    }
    if policy.allow.iter().any(|rule| rule_allows(rule, call, root)) {
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

/// The first of the rules that forbid or ask that is about a call.
pub(super) fn first_about<'r>(rules: &'r [String], call: &ToolCall, root: &Path) -> Option<&'r String> {
    rules.iter().find(|rule| rule_is_about(rule, call, root))
}

/// True when a rule that forbids or asks is about a call. A rule is a glob over tool names, or `tool:glob` with the
/// second over the path of a file tool, or over the text arguments of another, of which any has to fit; or
/// `tool:argument=glob` over one argument. Names and paths that mean the same are the same, however they are written.
fn rule_is_about(rule: &str, call: &ToolCall, root: &Path) -> bool {
    covers(rule, call, root, Urls::AnyWriting, |glob| {
        texts(&call.args).iter().any(|text| fits(glob, text))
            || named(glob, &call.args).is_some_and(|(glob, texts)| texts.iter().any(|text| fits(glob, text)))
    })
}

/// True when a rule that allows is about a call: as one that asks, but where it does not name an argument, *all* texts
/// have to fit. Else an argument that says nothing would carry one that says everything.
pub(super) fn rule_allows(rule: &str, call: &ToolCall, root: &Path) -> bool {
    covers(rule, call, root, Urls::AsUnderstood, |glob| {
        // An argument that the tool does not have is refused by the tool itself.
        let (glob, texts) = named(glob, &call.args).unwrap_or_else(|| (glob, texts(&call.args)));
        if texts.is_empty() { fits(glob, "") } else { texts.iter().all(|text| fits(glob, text)) }
    })
}

/// True when a rule is about a call. `args_fit`: judges the arguments of a tool that is no file tool.
fn covers(rule: &str, call: &ToolCall, root: &Path, urls: Urls, args_fit: impl FnOnce(&str) -> bool) -> bool {
    let (tool, argument) = split(rule);
    let is_met = |glob| {
        let known = path_fits(glob, call, root).or_else(|| url_fits(glob, call, urls));
        known.unwrap_or_else(|| args_fit(glob))
    };
    is_for(tool, &call.name) && argument.is_none_or(is_met)
}

/// The ways to write an address that a rule is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urls {
    /// As it is understood, or as it was written.
    AnyWriting,
    /// As it is understood.
    AsUnderstood,
}

/// The parts of a rule in front of the colon and behind it.
fn split(rule: &str) -> (&str, Option<&str>) {
    rule.split_once(':').map_or((rule, None), |(tool, argument)| (tool, Some(argument)))
}

/// True when the first part of a rule is about a tool.
fn is_for(rule: &str, tool: &str) -> bool {
    names_of(tool).any(|name| fits(rule, name))
}

/// True when a file tool's path fits; `None`: it is another tool.
fn path_fits(glob: &str, call: &ToolCall, root: &Path) -> Option<bool> {
    let path = file_of(call, root)?;
    let glob = glob.strip_prefix("path=").unwrap_or(glob);
    Some(fits(glob.strip_prefix("./").unwrap_or(glob), &path))
}

/// True when the address of a request fits; `None`: it is another tool, or the rule names another argument.
fn url_fits(glob: &str, call: &ToolCall, urls: Urls) -> Option<bool> {
    if !matches!(&*call.name, "tama_http_get" | "tama_http_post") {
        return None;
    }
    let glob = match glob.split_once('=') {
        Some(("url", glob)) => glob,
        Some((name, _)) if call.args.get(name).is_some() => return None,
        _ => glob,
    };
    let written = call.args.get("url").and_then(Json::as_str).unwrap_or_default();
    let understood = normal_url(written);
    let is_written = || urls == Urls::AnyWriting && fits(glob, written);
    Some(fits(glob, understood.as_deref().unwrap_or(written)) || is_written())
}

/// The glob of `argument=glob` and the texts of the argument, for a call that has it.
fn named<'r, 'c>(rule: &'r str, args: &'c Json) -> Option<(&'r str, Vec<Cow<'c, str>>)> {
    let (name, glob) = rule.split_once('=')?;
    Some((glob, texts_of_one(args.get(name)?)))
}

/// True when a rule is about a tool that some agent of the pipeline may call.
#[must_use]
pub fn names_a_tool(rule: &str, pipeline: &Pipeline) -> bool {
    let (tool, _) = split(rule);
    // A name that stands for several tools may stand for this one.
    tools_of(pipeline).any(|name| is_for(tool, name) || (is_tool_glob(name) && fits(name, tool)))
}

/// True when some agent of the pipeline may run commands.
#[must_use]
pub fn has_command(pipeline: &Pipeline) -> bool {
    let is_program = |name: &str| {
        let server = server_tool(name).and_then(|(server, _)| pipeline.mcp.get(server));
        server.is_some_and(McpServer::is_program)
    };
    tools_of(pipeline).any(|name| name == "tama_bash" || pipeline.tools.contains_key(name) || is_program(name))
}

/// The tools that the agents may call.
fn tools_of(pipeline: &Pipeline) -> impl Iterator<Item = &str> {
    pipeline.agents.values().flat_map(Agent::every_tool).map(String::as_str)
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

/// The texts in arguments.
fn texts(args: &Json) -> Vec<Cow<'_, str>> {
    match args {
        Json::String(text) => vec![text.into()],
        Json::Array(items) => items.iter().flat_map(texts).collect(),
        Json::Object(map) => map.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The texts of one argument; of a number or a flag what it is written as.
fn texts_of_one(argument: &Json) -> Vec<Cow<'_, str>> {
    match argument {
        Json::Bool(_) | Json::Number(_) => vec![argument.to_string().into()],
        other => texts(other),
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
            let call = ToolCall { name: tool.into(), args };
            let (about, allows) =
                (rule_is_about(rule, &call, Path::new("/w")), rule_allows(rule, &call, Path::new("/w")));
            assert_eq!(about, allows);
            about
        };
        assert!(says("tama_files_write:secret/*", "tama_write_file", "./docs/../secret/x"));
        assert!(says("tama_write_file:./secret/*", "tama_files_write", "/w/secret/x"));
        assert!(says("tama_read_file", "tama_files_read", "x"));
        assert!(says("tama_files_*", "tama_read_file", "x"));
        // Neither a detour nor another argument gets a call past the rule.
        assert!(!says("tama_files_write:docs/*", "tama_files_write", "docs/../secret"));
        assert!(!says("tama_files_write:docs/*", "tama_files_write", ".env"));
        let list = ToolCall { name: "tama_files_list".into(), args: json!({}) };
        assert!(rule_is_about("tama_files_list:.", &list, Path::new("/w")));
    }

    #[test]
    fn a_request_is_known_by_its_address_as_it_is_understood() {
        let root = Path::new("/w");
        let get = |url: &str| ToolCall {
            name: "tama_http_get".into(),
            args: json!({ "url": url, "headers": [{ "accept": "text/html" }] }),
        };
        let rule = "tama_http_get:https://api.example.com/v1/*";
        for allowed in ["https://api.example.com/v1/x", "https://API.example.com:443/v1/x?k=${KEY}"] {
            assert!(rule_allows(rule, &get(allowed), root), "{allowed}");
        }
        for other in [
            "https://api.example.com/v1/../admin",
            "https://api.example.com@evil.org/v1/x",
            "http://api.example.com/v1/x",
            "https://api.example.com\\@evil.org/v1/x",
            "https://${HOST}/v1/x",
        ] {
            assert!(!rule_allows(rule, &get(other), root), "{other}");
        }
        let deny = "tama_http_get:http://10.0.0.1:80/*";
        assert!(rule_is_about(deny, &get("http://10.0.0.1:80/x"), root));
        assert!(rule_is_about("tama_http_*:http://10.0.0.1/*", &get("http://10.0.0.1:80/x"), root));
        assert!(rule_is_about("tama_http_get:url=http://10.0.0.1/*", &get("http://10.0.0.1/x"), root));
        assert!(rule_is_about("tama_http_get:headers=text/*", &get("http://10.0.0.1/x"), root));
    }

    #[test]
    fn to_allow_all_texts_have_to_fit_to_ask_any() {
        let call = |args| ToolCall { name: "deploy".into(), args };
        let root = Path::new("/w");
        let both = call(json!({ "tag": "staging-1", "command": "rm -rf /", "force": true, "times": 3 }));
        let about = |rule: &str| rule_is_about(rule, &both, root);
        let allows = |rule: &str| rule_allows(rule, &both, root);
        assert!(about("deploy:staging*") && !allows("deploy:staging*"));
        assert!(about("deploy:rm*") && !allows("deploy:rm*") && allows("deploy:*"));
        assert!(about("deploy:tag=staging*") && allows("deploy:tag=staging*"));
        assert!(!about("deploy:tag=prod*") && !allows("deploy:tag=prod*"));
        assert!(about("deploy:command=rm*") && about("deploy:force=true") && allows("deploy:times=3"));
        // The name of an argument that the call does not have is text.
        let make = call(json!({ "command": "FOO=1 make" }));
        assert!(rule_allows("deploy:FOO=1 make", &make, root) && !rule_allows("deploy:tag=*", &make, root));
        let nested = call(json!({ "tag": ["staging-1", "prod"] }));
        assert!(rule_is_about("deploy:tag=prod", &nested, root) && !rule_allows("deploy:tag=prod", &nested, root));
        let none = call(json!({}));
        assert!(!rule_allows("deploy:staging*", &none, root) && rule_allows("deploy:*", &none, root));
    }
}
