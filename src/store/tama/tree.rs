//! The tree of one run's spans: who is below whom, which attempt of an agent it is, and whether its times are known.
//!
//! - The parent of the outermost agent is an id that is in no row, and so is the parent of the calls of a best-of-n
//!   variant: calls with one missing parent are one `variant i`.
//! - Attempts of an agent have one `node_id`; the newest one counts.
//! - Workers of parallel, scatter, debate and best-of-n were written when all of them were done: their lengths are
//!   right, their places in time are not. Siblings with one predecessor ran at once.
//!
//! A file may have been made by hand: circles are cut, what is too deep is put higher up, and an id counts once.

use std::collections::{HashMap, HashSet};

use super::rows::SpanRow;
use crate::model::PathSegment;

/// Levels of the tree at most.
const DEEPEST: usize = 128;
/// Characters of a name at most.
const NAME: usize = 80;

/// The kind of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeKind {
    Agent,
    Llm,
    Tool,
    /// A call that tama made up, so that an agent without a tool loop has an input and an output.
    Synthetic,
}

/// A span, or a variant that has no row of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// Its row's id.
    pub id: Option<String>,
    pub kind: Option<NodeKind>,
    /// The agent's or tool's name, or the step of a model call.
    pub name: String,
    /// An agent's pattern, in the words of this program.
    pub pattern: String,
    pub parent: Option<usize>,
    pub children: Vec<usize>,
    /// Milliseconds since the epoch.
    pub start: Option<i64>,
    /// Milliseconds since the epoch; `None`: it has not ended.
    pub end: Option<i64>,
    /// True when its place in time is not known.
    pub unplaced: bool,
    /// The attempt that replaced it.
    pub replaced_by: Option<usize>,
    /// The attempt that it replaced.
    pub replaces: Option<usize>,
    /// The first attempt of its agent, where it is a later one.
    pub first: Option<usize>,
    /// Its place among the children of its parent.
    pub place: usize,
    prev: Option<String>,
    /// The id that all attempts of its agent have.
    group: Option<String>,
    depth: usize,
}

impl Node {
    /// True for an agent.
    pub(super) fn is_agent(&self) -> bool {
        self.kind == Some(NodeKind::Agent)
    }

    /// Its length in milliseconds; `None`: it is not known.
    pub(super) fn length(&self) -> Option<i64> {
        Some(self.end?.saturating_sub(self.start?).max(0))
    }
}

/// The tree of a run.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    /// The nodes directly below the run.
    pub roots: Vec<usize>,
    /// All nodes, each before those below it.
    pub order: Vec<usize>,
}

impl Tree {
    /// Makes the tree of a run's rows.
    pub(super) fn of(mut rows: Vec<SpanRow>) -> Self {
        rows.sort_by_key(|row| row.seq.unwrap_or(i64::MAX));
        let mut seen = HashSet::new();
        rows.retain(|row| row.span_id.as_ref().is_none_or(|id| seen.insert(id.clone())));
        let mut tree = Self { nodes: rows.iter().map(node).collect(), ..Self::default() };
        let by_id: HashMap<&str, usize> =
            rows.iter().enumerate().filter_map(|(at, row)| Some((row.span_id.as_deref()?, at))).collect();
        tree.find_parents(&rows, &by_id);
        tree.cut_circles();
        tree.list();
        tree.number_children();
        tree.number_attempts();
        tree.mark_unplaced();
        tree
    }

    /// The nodes below one that were not replaced.
    pub(super) fn agents_below(&self, at: usize) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let counts = |child: &usize| self.nodes[*child].is_agent() && self.nodes[*child].replaced_by.is_none();
        self.nodes[at].children.iter().copied().filter(counts)
    }

    /// A node and all below it.
    pub(super) fn subtree(&self, at: usize) -> Vec<usize> {
        let mut found = vec![at];
        let mut next = 0;
        while next < found.len() {
            found.extend_from_slice(&self.nodes[found[next]].children);
            next += 1;
        }
        found
    }

    fn find_parents(&mut self, rows: &[SpanRow], by_id: &HashMap<&str, usize>) {
        let mut variants: HashMap<Option<&str>, usize> = HashMap::new();
        let mut latest_best_of_n = None;
        let mut made: HashMap<Option<usize>, usize> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            let named = row.parent_span_id.as_deref();
            let known = named.and_then(|id| by_id.get(id).copied()).filter(|parent| *parent != at);
            if self.nodes[at].pattern == "best-of-n" {
                latest_best_of_n = Some(at);
            }
            self.nodes[at].parent = match known {
                Some(parent) => Some(parent),
                None if self.nodes[at].is_agent() => None,
                None => Some(*variants.entry(named).or_insert_with(|| {
                    let number = made.entry(latest_best_of_n).or_default();
                    *number += 1;
                    let name = match latest_best_of_n {
                        Some(_) => format!("variant {number}"),
                        None => "agent without a record".to_owned(),
                    };
                    self.nodes.push(Node {
                        kind: Some(NodeKind::Agent),
                        name,
                        pattern: "react".to_owned(),
                        parent: latest_best_of_n,
                        unplaced: true,
                        ..Node::default()
                    });
                    self.nodes.len() - 1
                })),
            };
        }
    }

    /// Cuts circles of parents: the first span of one is put below the run.
    fn cut_circles(&mut self) {
        let mut good = vec![false; self.nodes.len()];
        for start in 0..self.nodes.len() {
            let mut way: Vec<usize> = Vec::new();
            let mut on_way = HashSet::new();
            let mut at = Some(start);
            while let Some(here) = at.filter(|here| !good[*here]) {
                if !on_way.insert(here) {
                    let from = way.iter().position(|node| *node == here).unwrap_or(0);
                    if let Some(first) = way[from..].iter().min() {
                        self.nodes[*first].parent = None;
                    }
                    break;
                }
                way.push(here);
                at = self.nodes[here].parent;
            }
            for node in way {
                good[node] = true;
            }
        }
    }

    /// Lists the children of each, and the order of all.
    fn list(&mut self) {
        let mut listed = vec![false; self.nodes.len()];
        for at in 0..self.nodes.len() {
            // A variant has no row: it comes where the first of its calls is.
            let variant = self.nodes[at].parent.filter(|parent| self.nodes[*parent].id.is_none());
            for node in variant.into_iter().chain([at]) {
                if !std::mem::replace(&mut listed[node], true) {
                    match self.nodes[node].parent {
                        Some(parent) => self.nodes[parent].children.push(node),
                        None => self.roots.push(node),
                    }
                }
            }
        }
        let mut open: Vec<usize> = self.roots.iter().rev().copied().collect();
        while let Some(at) = open.pop() {
            self.order.push(at);
            let children = self.nodes[at].children.clone();
            for child in children.iter().rev() {
                self.nodes[*child].depth = self.nodes[at].depth + 1;
                open.push(*child);
            }
        }
        if self.nodes.iter().any(|node| node.depth > DEEPEST) {
            self.raise();
        }
    }

    /// Puts what is too deep next to what it was below.
    fn raise(&mut self) {
        let mut level = vec![None; self.nodes.len()];
        self.nodes.iter_mut().for_each(|node| node.children.clear());
        for at in &self.order {
            let mut parent = self.nodes[*at].parent;
            if let Some(above) = parent.filter(|above| self.nodes[*above].depth >= DEEPEST) {
                parent = level[above];
            }
            level[*at] = parent;
            if let Some(parent) = parent {
                self.nodes[*at].depth = self.nodes[parent].depth + 1;
                self.nodes[parent].children.push(*at);
            }
            self.nodes[*at].parent = parent;
        }
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut open: Vec<usize> = self.roots.iter().rev().copied().collect();
        while let Some(at) = open.pop() {
            order.push(at);
            open.extend(self.nodes[at].children.iter().rev());
        }
        self.order = order;
    }

    /// Gives each node its place among its siblings.
    fn number_children(&mut self) {
        for at in self.order.clone() {
            for (place, child) in self.nodes[at].children.clone().into_iter().enumerate() {
                self.nodes[child].place = place;
            }
        }
    }

    /// Numbers the attempts of each agent.
    fn number_attempts(&mut self) {
        let mut newest: HashMap<(Option<usize>, String), usize> = HashMap::new();
        for at in self.order.clone() {
            let node = &self.nodes[at];
            let Some(group) = node.group.clone().filter(|id| node.is_agent() && !id.is_empty()) else { continue };
            if let Some(before) = newest.insert((node.parent, group), at) {
                self.nodes[at].replaces = Some(before);
                self.nodes[at].first = self.nodes[before].first.or(Some(before));
                self.nodes[before].replaced_by = Some(at);
            }
        }
    }

    /// Marks the spans that were written later than they ran, and all below them.
    fn mark_unplaced(&mut self) {
        for at in self.order.clone() {
            let by_parent = self.nodes[at].parent.is_some_and(|parent| self.is_buffered(parent, at));
            let node = &mut self.nodes[at];
            node.unplaced |= by_parent || node.start.is_none();
        }
        for parent in self.order.clone() {
            for group in self.concurrent(parent) {
                for child in group.into_iter().flat_map(|child| self.subtree(child)).collect::<Vec<_>>() {
                    self.nodes[child].unplaced = true;
                }
            }
        }
    }

    /// True for a worker that was written when all of them were done.
    fn is_buffered(&self, parent: usize, child: usize) -> bool {
        let (above, node) = (&self.nodes[parent], &self.nodes[child]);
        above.unplaced
            || node.is_agent()
                && match &above.pattern[..] {
                    "parallel" | "debate" => true,
                    "scatter" => !["map", "reduce"].contains(&&node.name[..]),
                    _ => false,
                }
    }

    /// Agents below one that have the same predecessor, where there are several: they ran at once.
    pub(super) fn concurrent(&self, parent: usize) -> Vec<Vec<usize>> {
        let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
        let mut by_prev: HashMap<&str, usize> = HashMap::new();
        for child in self.agents_below(parent) {
            // Of a retried agent the first attempt has the predecessor.
            let first = self.nodes[child].first.unwrap_or(child);
            let Some(prev) = self.nodes[first].prev.as_deref() else { continue };
            let group = *by_prev.entry(prev).or_insert_with(|| {
                groups.push((prev, Vec::new()));
                groups.len() - 1
            });
            groups[group].1.push(child);
        }
        groups.into_iter().map(|(_, group)| group).filter(|group| group.len() > 1).collect()
    }
}

fn node(row: &SpanRow) -> Node {
    let text = row.name.as_deref().unwrap_or_default();
    let (prefix, rest) = text.split_once(':').unwrap_or(("", text));
    let kind = match (row.kind.as_deref(), prefix) {
        (Some("agent"), _) | (None, "agent") => NodeKind::Agent,
        (Some("llm"), _) | (None, "llm") => NodeKind::Llm,
        (Some("synthetic"), _) => NodeKind::Synthetic,
        _ => NodeKind::Tool,
    };
    let (name, pattern) = match kind {
        NodeKind::Agent => rest.rsplit_once(':').unwrap_or((rest, "")),
        _ => (rest, ""),
    };
    let start = row.start_ms.filter(|start| *start > 0);
    let end = row.end_ms.filter(|end| *end > 0).or(start.filter(|_| kind != NodeKind::Agent));
    Node {
        id: Some(row.span_id.clone().unwrap_or_default()),
        kind: Some(kind),
        name: segment(name, kind),
        pattern: pattern.replace('_', "-"),
        start,
        end,
        prev: row.prev_span_id.clone(),
        group: row.node_id.clone(),
        ..Node::default()
    }
}

/// A name as a part of a path.
fn segment(name: &str, kind: NodeKind) -> String {
    let fit = |letter: char| if "/#~".contains(letter) || letter.is_control() { '_' } else { letter };
    let name: String = name.chars().take(NAME).map(fit).collect();
    let segment = match kind {
        NodeKind::Agent => PathSegment::of_agent(&name),
        // Calls of a tool loop are counted as they are in runs of this program.
        NodeKind::Llm if name.is_empty() || name.starts_with("react_") => PathSegment::llm(),
        NodeKind::Llm => PathSegment::parse(&name).unwrap_or_else(PathSegment::llm),
        NodeKind::Tool | NodeKind::Synthetic => PathSegment::of_tool(&name),
    };
    segment.as_str().to_owned()
}
