//! Reads the states of an fsm, and checks that each can be reached and can end.

use std::collections::BTreeSet;
use std::ops::Range;

use indexmap::IndexMap;

use super::graph::Graph;
use super::names::suggest;
use super::reader::{Table, Text, Value, text, wrong_type};
use super::spec::Target;

/// The target that stops.
const END: &str = "$end";

/// Finish key (lower case, or `*`) to target.
type Routes = IndexMap<String, Target>;

/// Reads `initial` and `states`; `None` after a fault.
pub(super) fn read_states(
    graph: &mut Graph,
    table: &Table<'_>,
    agent: &str,
) -> Option<(String, IndexMap<String, Routes>)> {
    let initial = table.required("initial", "the state it starts in");
    let Some(states) = table.table("states") else {
        if table.get("states").is_none() {
            table.missing("states", "a table of state = next state, or state = { finish-key = next state }");
        }
        return None;
    };
    let entries = states.entries();
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.get_ref().as_str()).collect();
    let mut read = IndexMap::new();
    let mut whole = true;
    for (name, value) in &entries {
        whole &= graph.refer(table, agent, name);
        let routes = read_routes(table, name, value, &names);
        whole &= routes.is_some();
        read.insert(name.get_ref().clone(), routes.unwrap_or_default());
    }
    let initial = initial?;
    if !names.contains(&initial.get_ref().as_str()) {
        let message = format!("`initial` names no state: `{}`", initial.get_ref());
        table.doc.fault_help(initial.span(), message, suggest(initial.get_ref(), names));
        return None;
    }
    if whole {
        check_ways(table, &entries, initial.get_ref(), &read);
    }
    whole.then(|| (initial.into_inner(), read))
}

fn read_routes(table: &Table<'_>, state: &Text, value: &Value<'_>, states: &[&str]) -> Option<Routes> {
    if value.get_ref().is_str() {
        let target = text(table.doc, state.get_ref(), value)?;
        return Some(IndexMap::from([("*".to_owned(), read_target(table, &target, states)?)]));
    }
    let Some(map) = value.get_ref().as_table() else {
        wrong_type(table.doc, state.get_ref(), "a state, \"$end\", or a table by finish key", value);
        return None;
    };
    if map.is_empty() {
        let message = format!("the state `{}` has no way to go", state.get_ref());
        table.doc.fault_help(state.span(), message, format!("{} = \"$end\" stops there", state.get_ref()));
        return None;
    }
    let mut routes = Routes::new();
    let mut whole = true;
    for (key, value) in map {
        let finish = key.get_ref().to_lowercase();
        let target = text(table.doc, &finish, value).and_then(|target| read_target(table, &target, states));
        whole &= target.is_some();
        if routes.contains_key(&finish) {
            table.doc.fault_help(
                key.span(),
                format!("the finish key `{finish}` is listed twice in the state `{}`", state.get_ref()),
                "finish keys are compared in lower case",
            );
        }
        routes.insert(finish, target.unwrap_or(Target::End));
    }
    whole.then_some(routes)
}

fn read_target(table: &Table<'_>, target: &Text, states: &[&str]) -> Option<Target> {
    let name = target.get_ref();
    if name == END {
        return Some(Target::End);
    }
    if states.contains(&name.as_str()) {
        return Some(Target::Agent(name.clone()));
    }
    let known: Vec<&str> = states.iter().copied().chain([END]).collect();
    table.doc.fault_help(target.span(), format!("unknown state `{name}`"), suggest(name, known));
    None
}

/// Faults states that can't be reached, and states from which the end can't be.
fn check_ways(table: &Table<'_>, entries: &[(Text, &Value<'_>)], initial: &str, states: &IndexMap<String, Routes>) {
    let leads = |from: &str, to: &str| {
        let mut targets = states.get(from).into_iter().flat_map(IndexMap::values);
        targets.any(|target| matches!(target, Target::Agent(name) if name == to))
    };
    let ends = states.iter().filter(|(_, routes)| routes.values().any(|target| *target == Target::End));
    let ending = closure(states, ends.map(|(state, _)| state.as_str()), |from, to| leads(to, from));
    let reached = closure(states, [initial], leads);
    for (name, _) in entries {
        let (state, span): (&str, Range<usize>) = (name.get_ref(), name.span());
        if !reached.contains(state) {
            let help = format!("no state that is reached from `{initial}` leads to it");
            table.doc.fault_help(span, format!("the state `{state}` is never reached"), help);
        } else if !ending.contains(state) {
            let help = "let it, or a state that it leads to, go to \"$end\"";
            table.doc.fault_help(span, format!("the state `{state}` never comes to an end"), help);
        }
    }
}

/// The states that follow from some of them, themselves included.
fn closure<'s>(
    states: &'s IndexMap<String, Routes>,
    start: impl IntoIterator<Item = &'s str>,
    follows: impl Fn(&str, &str) -> bool,
) -> BTreeSet<&'s str> {
    let mut open: Vec<&str> = start.into_iter().collect();
    let mut found: BTreeSet<&str> = open.iter().copied().collect();
    while let Some(state) = open.pop() {
        for next in states.keys() {
            if follows(state, next) && found.insert(next) {
                open.push(next);
            }
        }
    }
    found
}
