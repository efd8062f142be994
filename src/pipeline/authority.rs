//! The rights of a pipeline: compared between the one that a run stored and the one in the files today.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::spec::{Agent, CustomTool, Limits, Pipeline, Provider};
use crate::model::McpServer;

/// Describes every change of the run's rights, a line each: rules, tools, network, limits, providers, what is
/// captured, the workspace.
#[must_use]
pub fn authority_changes(stored: &Pipeline, today: &Pipeline) -> Vec<String> {
    let mut out = Vec::new();
    let (old, new) = (&stored.policy, &today.policy);
    for (name, old, new) in
        [("allow", &old.allow, &new.allow), ("ask", &old.ask, &new.ask), ("deny", &old.deny, &new.deny)]
    {
        out.extend(sets(&format!("policy {name}"), old, new));
    }
    for (name, agent) in &today.agents {
        let old = stored.agents.get(name).into_iter().flat_map(Agent::every_tool);
        out.extend(sets(&format!("tools of {name}"), old, agent.every_tool()));
    }
    for (name, tool) in &today.tools {
        match stored.tools.get(name) {
            None => out.push(format!("tool {name} is new: {}", tool.command.join(" "))),
            Some(old) => out.extend(tool_changes(name, old, tool)),
        }
    }
    for (name, server) in &today.mcp {
        match stored.mcp.get(name) {
            None => out.push(format!("MCP server {name} is new: {}", rights(server))),
            Some(old) => out.extend(change(&format!("MCP server {name}"), &rights(old), &rights(server))),
        }
    }
    out.extend(limit_changes(&stored.limits, &today.limits));
    let none = Provider::default();
    let names: BTreeSet<&String> = stored.providers.keys().chain(today.providers.keys()).collect();
    for name in names {
        let [old, new] = [stored, today].map(|pipeline| pipeline.providers.get(name).unwrap_or(&none));
        out.extend(provider_changes(name, old, new));
    }
    out.extend(sets("capture exclude", &stored.capture.exclude, &today.capture.exclude));
    let (old, new) = (&stored.capture, &today.capture);
    out.extend(change("capture max_file_mb", &shown(old.max_file_mb.as_ref()), &shown(new.max_file_mb.as_ref())));
    out.extend(change("capture after", &old.after, &new.after));
    if stored.workspace != today.workspace {
        out.push(format!("workspace {}: the run stays in {}", today.workspace, stored.workspace));
    }
    out
}

/// The place of a server and what its user says of its tools, as they are written.
fn rights(server: &McpServer) -> String {
    serde_json::to_string(&(&server.place, &server.effects, &server.undo)).unwrap_or_default()
}

fn tool_changes(name: &str, old: &CustomTool, new: &CustomTool) -> Vec<String> {
    let of = |what: &str| format!("tool {name} {what}");
    let joined = |words: Option<&Vec<String>>| shown(words.map(|words| words.join(" ")).as_ref());
    let changes = [
        change(&of("command"), &old.command.join(" "), &new.command.join(" ")),
        change(&of("before"), &joined(old.before.as_ref()), &joined(new.before.as_ref())),
        change(&of("undo"), &joined(old.undo.as_ref()), &joined(new.undo.as_ref())),
        change(&of("effect"), &old.effect.name(), &new.effect.name()),
        change(&of("network"), &old.network, &new.network),
        change(&of("local_sockets"), &old.local_sockets, &new.local_sockets),
        change(&of("timeout_seconds"), &old.timeout_seconds, &new.timeout_seconds),
    ];
    changes.into_iter().flatten().collect()
}

fn limit_changes(old: &Limits, new: &Limits) -> Vec<String> {
    let changes = [
        change("limits max_tokens", &shown(old.max_tokens.as_ref()), &shown(new.max_tokens.as_ref())),
        change("limits max_cost_usd", &shown(old.max_cost_usd.as_ref()), &shown(new.max_cost_usd.as_ref())),
        change("limits max_parallel", &shown(old.max_parallel.as_ref()), &shown(new.max_parallel.as_ref())),
    ];
    changes.into_iter().flatten().collect()
}

fn provider_changes(name: &str, old: &Provider, new: &Provider) -> Vec<String> {
    let of = |what: &str| format!("provider {name} {what}");
    let changes = [
        change(&of("base_url"), &shown(old.base_url.as_ref()), &shown(new.base_url.as_ref())),
        change(&of("api_key_env"), &shown(old.api_key_env.as_ref()), &shown(new.api_key_env.as_ref())),
        change(&of("api"), &shown(old.api.as_ref()), &shown(new.api.as_ref())),
    ];
    changes.into_iter().flatten().collect()
}

/// `policy allow: + tama_bash, - deploy`; `None` when both hold the same.
fn sets<T: Ord + Display>(
    name: &str,
    old: impl IntoIterator<Item = T>,
    new: impl IntoIterator<Item = T>,
) -> Option<String> {
    let (old, new): (BTreeSet<T>, BTreeSet<T>) = (old.into_iter().collect(), new.into_iter().collect());
    let added = new.difference(&old).map(|item| format!("+ {item}"));
    let gone = old.difference(&new).map(|item| format!("- {item}"));
    let all: Vec<String> = added.chain(gone).collect();
    (!all.is_empty()).then(|| format!("{name}: {}", all.join(", ")))
}

/// `limits max_tokens: 100 → none`; `None` when nothing changed.
fn change<T: PartialEq + Display>(name: &str, old: &T, new: &T) -> Option<String> {
    (old != new).then(|| format!("{name}: {old} → {new}"))
}

fn shown<T: Display>(value: Option<&T>) -> String {
    value.map_or_else(|| "none".to_owned(), T::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EffectClass;
    use crate::pipeline::{Pattern, Policy};

    fn agent(tools: &[&str]) -> Agent {
        Agent {
            name: "lead".into(),
            description: String::new(),
            pattern: Pattern::React,
            model: None,
            tools: tools.iter().map(|tool| (*tool).to_owned()).collect(),
            skills: Vec::new(),
            max_iter: 1,
            prompt: None,
            steps: indexmap::IndexMap::new(),
        }
    }

    fn deploy(network: bool, effect: EffectClass) -> CustomTool {
        CustomTool {
            name: "deploy".into(),
            description: String::new(),
            command: vec!["deploy".into(), "{tag}".into()],
            before: None,
            undo: None,
            effect,
            network,
            local_sockets: network,
            timeout_seconds: 60,
            args: indexmap::IndexMap::new(),
        }
    }

    #[test]
    fn every_change_of_what_a_run_may_do_is_told_and_no_other() {
        let mut stored = Pipeline { workspace: "work".into(), ..Pipeline::default() };
        stored.policy = Policy { allow: vec!["a".into(), "b".into()], deny: vec!["d".into()], ..Policy::default() };
        stored.agents.insert("lead".into(), agent(&["x"]));
        stored.tools.insert("deploy".into(), deploy(false, EffectClass::Irreversible));
        stored.limits.max_tokens = Some(10);
        let mut today = stored.clone();
        today.task = Some("another".into());
        today.policy.allow = vec!["b".into(), "a".into()];
        assert_eq!(authority_changes(&stored, &today), Vec::<String>::new());

        today.policy = Policy { allow: vec!["a".into(), "tama_*".into()], ..Policy::default() };
        today.agents.insert("lead".into(), agent(&["x", "tama_bash"]));
        today.agents.insert("new".into(), agent(&["y"]));
        today.tools.insert("deploy".into(), deploy(true, EffectClass::Read));
        today.tools.insert("more".into(), deploy(true, EffectClass::Read));
        today.limits.max_tokens = None;
        let own = Provider { base_url: Some("http://elsewhere".into()), ..Provider::default() };
        today.providers.insert("own".into(), own);
        today.capture.exclude = vec!["target".into()];
        today.workspace = "other".into();
        let told = authority_changes(&stored, &today);
        let wanted = [
            "policy allow: + tama_*, - b",
            "policy deny: - d",
            "tools of lead: + tama_bash",
            "tools of new: + y",
            "tool deploy effect: irreversible → read",
            "tool deploy network: false → true",
            "tool deploy local_sockets: false → true",
            "tool more is new: deploy {tag}",
            "limits max_tokens: 10 → none",
            "provider own base_url: none → http://elsewhere",
            "capture exclude: + target",
            "workspace other: the run stays in work",
        ];
        assert_eq!(told, wanted);
    }
}
