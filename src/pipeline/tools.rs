//! Checks names and globs of tools: agents' lists, the policy, breakpoints.

use std::ops::Range;

use toml::Spanned;

use super::custom::{NAME_HELP, is_name};
use super::faults::Doc;
use super::glob::Glob;
use super::names::{LOOP_TOOLS, TOOLS, nearest, suggest};
use super::reader::{Table, Text};
use super::spec::Policy;
use crate::model::{Breakpoint, Condition, Gate, SERVER_SEPARATOR, is_tool_glob, server_tool};

/// The tools of an agent or step, each known and named once.
pub(super) fn read_tools(table: &Table<'_>, own: &[String]) -> Vec<String> {
    let mut tools: Vec<String> = vec![];
    for tool in table.strings("tools") {
        check_tool(table.doc, tool.get_ref(), tool.span(), own);
        if tools.contains(tool.get_ref()) {
            table.doc.fault(tool.span(), format!("the tool `{}` is listed twice", tool.get_ref()));
        } else {
            tools.push(tool.into_inner());
        }
    }
    tools
}

/// Faults a tool that does not exist. `own`: names of the user's own tools.
pub(super) fn check_tool(doc: &Doc<'_>, tool: &str, span: Range<usize>, own: &[String]) {
    match unknown_tool(tool, own) {
        Some((message, Some(help))) => doc.fault_help(span, message, help),
        Some((message, None)) => doc.fault(span, message),
        None => {}
    }
}

/// Why a tool can't be used, and the nearest known one; `None`: it can. `own`: names of the user's own tools.
pub(super) fn unknown_tool(tool: &str, own: &[String]) -> Option<(String, Option<String>)> {
    if TOOLS.contains(&tool) || own.iter().any(|name| name == tool) {
        return None;
    }
    if is_served(tool, own) {
        // Of a glob the letters around it.
        let letters = if is_tool_glob(tool) { tool.replace(['*', '?'], "_") } else { tool.to_owned() };
        let message = || format!("the tool's name `{tool}` is not one that models accept");
        return (!is_name(&letters)).then(|| (message(), Some(NAME_HELP.to_owned())));
    }
    if tool.contains(['*', '?']) && !is_tool_glob(tool) {
        let message = format!("`{tool}` is a glob, and no list of tools that is known here");
        let help = "only the tools of one MCP server can be named so, e.g. `tracker__*`; write the names of others";
        return Some((message, Some(help.to_owned())));
    }
    let known: Vec<&str> = TOOLS.into_iter().chain(own.iter().map(String::as_str)).collect();
    if LOOP_TOOLS.contains(&tool) {
        return Some((format!("the tool `{tool}` is given to every tool loop by itself"), None));
    }
    let served = server_tool(tool).filter(|_| nearest(tool, known.iter().copied()).is_none());
    Some(match served {
        Some((name, _)) => {
            let help = format!("add [mcp.{name}] with its command or url");
            (format!("no MCP server is named `{name}`"), Some(help))
        }
        None => (format!("unknown tool `{tool}`"), Some(suggest(tool, known.iter().copied()))),
    })
}

/// True for a tool, or a glob over tools, of a known MCP server. `own` has the beginning of their names.
fn is_served(tool: &str, own: &[String]) -> bool {
    let begins = |name: &String| name.ends_with(SERVER_SEPARATOR) && tool.len() > name.len() && tool.starts_with(name);
    own.iter().any(begins)
}

/// Reads `[policy]`.
pub(super) fn read_policy(root: &Table<'_>, own: &[String]) -> Policy {
    let Some(table) = root.table("policy") else { return Policy::default() };
    let [allow, ask, deny] = ["allow", "ask", "deny"].map(|key| rules(&table, key, own));
    let lines = ask.iter().map(|rule| (rule.get_ref().clone(), table.doc.line(rule.span().start))).collect();
    let bare = |rules: Vec<Text>| rules.into_iter().map(Spanned::into_inner).collect();
    let policy = Policy { allow: bare(allow), ask: bare(ask), deny: bare(deny), lines };
    table.finish();
    policy
}

fn rules(table: &Table<'_>, key: &'static str, own: &[String]) -> Vec<Text> {
    let rules = table.strings(key);
    for rule in &rules {
        let (tool, args) =
            rule.get_ref().split_once(':').map_or((rule.get_ref().as_str(), None), |(t, a)| (t, Some(a)));
        let known = TOOLS.into_iter().chain(own.iter().map(String::as_str));
        check_glob(table.doc, tool, &rule.span(), "tool", &known.collect::<Vec<_>>());
        if let Some(args) = args {
            compile(table.doc, args, &rule.span());
        }
    }
    rules
}

/// Reads `[[breakpoints]]`; `agents`: the names a breakpoint can stop in; `own`: those of the user's own tools.
pub(super) fn read_breakpoints(root: &Table<'_>, agents: &[&str], own: &[String]) -> Vec<Breakpoint> {
    root.list("breakpoints").iter().filter_map(|table| read_breakpoint(table, agents, own)).collect()
}

fn read_breakpoint(table: &Table<'_>, agents: &[&str], own: &[String]) -> Option<Breakpoint> {
    let gates = Gate::ALL.map(Gate::name);
    let at = table.required("at", &format!("one of {}", gates.join(", ")));
    let (agent, tool, model) = (table.string("agent"), table.string("tool"), table.string("model"));
    let (writes, when) = (table.string("writes"), table.string("when"));
    table.finish();
    let tools: Vec<&str> = TOOLS.into_iter().chain(LOOP_TOOLS).chain(own.iter().map(String::as_str)).collect();
    if let Some(agent) = &agent {
        check_glob(table.doc, agent.get_ref(), &agent.span(), "agent", agents);
    }
    if let Some(tool) = &tool {
        check_glob(table.doc, tool.get_ref(), &tool.span(), "tool", &tools);
    }
    if let Some(model) = &model {
        compile(table.doc, model.get_ref(), &model.span());
    }
    let bare = |text: Option<Text>| text.map(Spanned::into_inner);
    let at = gate(table, &at?)?;
    if let Some(key) = writes.as_ref().filter(|_| at != Gate::BeforeTool) {
        let help = "use at = \"before-tool\"";
        table.doc.fault_help(key.span(), "the write of a key stops before the tool that writes it", help);
    }
    let when = when.and_then(|when| condition(table, &when, at));
    let (agent, tool, model, writes) = (bare(agent), bare(tool), bare(model), bare(writes));
    Some(Breakpoint { agent, tool, model, writes, when, ..Breakpoint::new(at) })
}

/// Reads the condition of a breakpoint.
fn condition(table: &Table<'_>, text: &Text, at: Gate) -> Option<Condition> {
    let read = Condition::parse(text.get_ref()).and_then(|condition| condition.check_at(at).map(|()| condition));
    let error = match read {
        Ok(condition) => return Some(condition),
        Err(error) => error,
    };
    let help = match error.unknown() {
        Some(word) => suggest(word, Condition::SUBJECTS),
        None => error.help().to_owned(),
    };
    table.doc.fault_help(inside(table.doc, text, &error.at()), error.to_string(), help);
    None
}

/// The place of a part of a text in the file; that of the whole text where it is not written plainly there.
fn inside(doc: &Doc<'_>, text: &Text, part: &Range<usize>) -> Range<usize> {
    let span = text.span();
    let written = doc.text().get(span.clone()).unwrap_or_default();
    match written.find(text.get_ref().as_str()).filter(|_| !part.is_empty()) {
        Some(quotes) => span.start + quotes + part.start..span.start + quotes + part.end,
        None => span,
    }
}

fn gate(table: &Table<'_>, at: &Text) -> Option<Gate> {
    let found = Gate::ALL.into_iter().find(|gate| gate.name() == at.get_ref());
    if found.is_none() {
        let help = suggest(at.get_ref(), Gate::ALL.map(Gate::name));
        table.doc.fault_help(at.span(), format!("unknown breakpoint place `{}`", at.get_ref()), help);
    }
    found
}

/// Faults a glob that is none, or that can match nothing.
fn check_glob(doc: &Doc<'_>, text: &str, span: &Range<usize>, kind: &str, names: &[&str]) {
    let Some(glob) = compile(doc, text, span) else { return };
    // The tools of a server are not known before it is asked.
    let is_served =
        names.iter().any(|name| name.ends_with(SERVER_SEPARATOR) && kind == "tool" && text.starts_with(name));
    if !is_served && !names.iter().any(|name| glob.matches(name)) {
        doc.fault_help(span.clone(), format!("`{text}` matches no {kind}"), suggest(text, names.iter().copied()));
    }
}

fn compile(doc: &Doc<'_>, text: &str, span: &Range<usize>) -> Option<Glob> {
    Glob::new(text).map_err(|error| doc.fault(span.clone(), format!("failed to {error}"))).ok()
}
