//! Checks the graph of agents: finds cycles, and agents that are never run.

use std::collections::BTreeSet;
use std::ops::Range;

use super::faults::Doc;
use super::names::suggest;
use super::reader::{Table, Text};

/// Agents below each other, at most: each level takes of the stack that the program has.
const DEEPEST: usize = 100;

/// One agent naming another that it runs.
#[derive(Debug)]
struct Edge {
    from: String,
    to: String,
    /// The bytes of the name.
    span: Range<usize>,
}

/// The names of all agents, and which of them run which.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Agents with faults too.
    names: Vec<String>,
    edges: Vec<Edge>,
}

impl Graph {
    /// Begins a graph without edges.
    pub(super) fn new(names: Vec<String>) -> Self {
        Self { names, edges: vec![] }
    }

    /// Lists the names of all agents, those with faults too.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Adds the edge of an agent that runs another; false and a fault when there is no such agent.
    pub(super) fn refer(&mut self, table: &Table<'_>, from: &str, to: &Text) -> bool {
        let known = self.names.contains(to.get_ref());
        if known {
            self.add(from, to);
        } else {
            let names = self.names.iter().map(String::as_str);
            table.doc.fault_help(to.span(), format!("unknown agent `{}`", to.get_ref()), suggest(to.get_ref(), names));
        }
        known
    }

    /// Adds the edge of an agent that runs another; both are known.
    pub(super) fn add(&mut self, from: &str, to: &Text) {
        self.edges.push(Edge { from: from.to_owned(), to: to.get_ref().clone(), span: to.span() });
    }

    /// Faults every cycle, spelled out, at the name that closes it. `doc_of`: the file of an agent, by its name.
    pub(super) fn check_cycles<'d, 'c: 'd>(&self, doc_of: &dyn Fn(&str) -> Option<&'d Doc<'c>>) {
        let mut done = BTreeSet::new();
        for name in &self.names {
            self.visit(doc_of, name, &mut vec![], &mut done);
        }
    }

    fn visit<'g, 'd, 'c: 'd>(
        &'g self,
        doc_of: &dyn Fn(&str) -> Option<&'d Doc<'c>>,
        name: &'g str,
        path: &mut Vec<&'g str>,
        done: &mut BTreeSet<&'g str>,
    ) {
        if !done.insert(name) {
            return;
        }
        path.push(name);
        for edge in self.edges.iter().filter(|edge| edge.from == name) {
            if let Some(at) = path.iter().position(|above| *above == edge.to) {
                let cycle: Vec<&str> = path.iter().skip(at).copied().chain([edge.to.as_str()]).collect();
                let message = format!("the agent `{}` would run itself: {}", edge.to, cycle.join(" → "));
                if let Some(doc) = doc_of(&edge.from) {
                    doc.fault_help(edge.span.clone(), message, "an agent can't be a part of itself");
                }
            } else if path.len() >= DEEPEST {
                if let Some(doc) = doc_of(&edge.from) {
                    let message = format!("agents run each other more than {DEEPEST} deep");
                    doc.fault_help(edge.span.clone(), message, "let fewer agents stand between");
                }
            } else {
                self.visit(doc_of, &edge.to, path, done);
            }
        }
        path.pop();
    }

    /// Lists the agents that a run from `entry` never reaches.
    pub(super) fn unused<'g>(&'g self, entry: &'g str) -> Vec<&'g str> {
        let mut found = BTreeSet::from([entry]);
        let mut open = vec![entry];
        while let Some(name) = open.pop() {
            for edge in self.edges.iter().filter(|edge| edge.from == name) {
                if found.insert(&edge.to) {
                    open.push(&edge.to);
                }
            }
        }
        self.names.iter().map(String::as_str).filter(|name| !found.contains(name)).collect()
    }
}
