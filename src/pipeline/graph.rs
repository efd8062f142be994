//! Checks the graph of agents: finds cycles, and agents that are never run.

use std::collections::BTreeSet;

use super::agents::Edge;
use super::faults::Doc;

/// Faults every cycle, spelled out, at the name that closes it.
pub(super) fn check_cycles(doc: &Doc<'_>, names: &[String], edges: &[Edge]) {
    let mut done = BTreeSet::new();
    for name in names {
        visit(doc, name, edges, &mut vec![], &mut done);
    }
}

fn visit<'e>(doc: &Doc<'_>, name: &'e str, edges: &'e [Edge], path: &mut Vec<&'e str>, done: &mut BTreeSet<&'e str>) {
    if !done.insert(name) {
        return;
    }
    path.push(name);
    for edge in edges.iter().filter(|edge| edge.from == name) {
        if let Some(at) = path.iter().position(|above| *above == edge.to) {
            let cycle: Vec<&str> = path.iter().skip(at).copied().chain([edge.to.as_str()]).collect();
            let message = format!("the agent `{}` would run itself: {}", edge.to, cycle.join(" → "));
            doc.fault_help(edge.span.clone(), message, "an agent can't be a part of itself");
        } else {
            visit(doc, &edge.to, edges, path, done);
        }
    }
    path.pop();
}

/// Lists the agents that a run from `entry` never reaches.
pub(super) fn unused<'n>(entry: &str, names: &'n [String], edges: &[Edge]) -> Vec<&'n str> {
    let mut found = BTreeSet::from([entry]);
    let mut open = vec![entry];
    while let Some(name) = open.pop() {
        for edge in edges.iter().filter(|edge| edge.from == name) {
            if found.insert(&edge.to) {
                open.push(&edge.to);
            }
        }
    }
    names.iter().map(String::as_str).filter(|name| !found.contains(name)).collect()
}
