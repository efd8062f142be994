//! Reads the states of an fsm, and checks that each can be reached and can end.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::graph::Graph;
use super::names::suggest;
use super::reader::{Table, Text, Value, text, wrong_type};
use super::spec::Target;

/// The target that stops.
const END: &str = "$end";

/// Finish key (lower case, or `*`) to target.
pub(super) type Routes = IndexMap<String, Target>;

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
    for (state, lost) in lost_states(initial, states) {
        let span = entries.iter().find(|(name, _)| name.get_ref() == state).map_or(0..0, |(name, _)| name.span());
        let (message, help) = lost.describe(state, initial);
        table.doc.fault_help(span, message, help);
    }
}

/// The reason why a state makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// No way leads to it.
    Unreached,
    /// No way leads from it to the end.
    Endless,
}

impl Lost {
    /// The mistake and the remedy.
    pub(super) fn describe(self, state: &str, initial: &str) -> (String, String) {
        match self {
            Self::Unreached => (
                format!("the state `{state}` is never reached"),
                format!("no state that is reached from `{initial}` leads to it"),
            ),
            Self::Endless => (
                format!("the state `{state}` never comes to an end"),
                "let it, or a state that it leads to, go to \"$end\"".to_owned(),
            ),
        }
    }
}

/// Lists the states that can't be reached, and those from which the end can't be. One without routes is an end.
pub(super) fn lost_states<'s>(initial: &str, states: &'s IndexMap<String, Routes>) -> Vec<(&'s str, Lost)> {
    let leads = |from: &str, to: &str| {
        let mut targets = states.get(from).into_iter().flat_map(IndexMap::values);
        targets.any(|target| matches!(target, Target::Agent(name) if name == to))
    };
    let goes_on = |target: &Target| matches!(target, Target::Agent(name) if states.contains_key(name));
    let ends = states.iter().filter(|(_, routes)| !routes.values().all(goes_on));
    let ending = closure(states, ends.map(|(state, _)| state.as_str()), |from, to| leads(to, from));
    let reached = closure(states, [initial], leads);
    let lost = states.keys().map(String::as_str).filter_map(|state| {
        let is_unreached = !reached.contains(state);
        let why = if is_unreached { Lost::Unreached } else { Lost::Endless };
        (is_unreached || !ending.contains(state)).then_some((state, why))
    });
    lost.collect()
}

/// The states that follow from some of them, themselves included.
fn closure<'s, 'n>(
    states: &'s IndexMap<String, Routes>,
    start: impl IntoIterator<Item = &'n str>,
    follows: impl Fn(&str, &str) -> bool,
) -> BTreeSet<&'n str>
where
    's: 'n,
{
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
