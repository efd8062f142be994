//! The span tree as rows: what is folded, what a filter hides, where the cursor is.
//!
//! Every span keeps the count of visible rows below it, and every parent a Fenwick tree over its children's counts.
//! So finding a row, a span's row, folding, and adding a span take time in depth × log(children), whatever the run's
//! size; a frame asks for the rows in view only ([`Tree::window`]).

mod group;
mod panel;
mod rows;

use group::{Group, shifted};
pub use rows::Row;

use super::row_words::has_words;
use crate::model::{RunState, SpanId};

const NONE: u32 = u32::MAX;
/// Spans are few when they are less than one in so many.
const FEW: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: SpanId,
    /// Its place among its parent's children.
    nth: u32,
    /// Its children, as an index into `groups`.
    group: u32,
    /// Visible rows below it, were it open.
    below: u32,
    open: bool,
    /// True while the filter leaves it.
    kept: bool,
}

impl Node {
    /// Rows that it stands for among its siblings.
    fn rows(&self) -> u32 {
        match (self.kept, self.open) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 1 + self.below,
        }
    }
}

/// The span tree's view.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    groups: Vec<Group>,
    cursor: SpanId,
    /// The line in view that the cursor is on: the view stays put when rows are added above it.
    line: usize,
    filter: String,
    /// True while the cursor goes to the newest span.
    pub follow: bool,
}

impl Tree {
    /// Takes in the spans that are new in the run; returns whether there were any.
    pub fn sync(&mut self, run: &RunState) -> bool {
        let trace = &run.trace;
        let known = self.nodes.len();
        self.nodes.reserve(trace.len().saturating_sub(known));
        let first = u32::try_from(known).unwrap_or(NONE);
        for (at, found) in (first..NONE).zip(trace.spans().iter_from(known)) {
            self.insert(SpanId(at), found.parent, run);
        }
        if self.cursor == SpanId::RUN {
            self.cursor = self.at(0).unwrap_or_default();
        }
        self.nodes.len() > known
    }

    /// Has the first spans of a run and no others, as many as it had at some moment.
    pub fn show_until(&mut self, spans: usize, run: &RunState) {
        let more = self.nodes.len().saturating_sub(spans);
        if more > 0 {
            // One by one takes time in their number and not in the run's; of most of them, one pass is faster.
            if more < self.nodes.len() / FEW {
                (0..more).for_each(|_| self.remove_last());
            } else {
                self.nodes.truncate(spans);
                for group in &mut self.groups {
                    group.truncate(spans);
                }
                self.recount();
            }
            self.lift_cursor();
        }
        self.sync(run);
        if !self.filter.is_empty() {
            let filter = std::mem::take(&mut self.filter);
            self.set_filter(&filter, run);
        }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.first().map_or(0, |run| run.below as usize)
    }

    /// True when the tree has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The selected span; the run's own while there is no row.
    #[must_use]
    pub fn cursor(&self) -> SpanId {
        self.cursor
    }

    /// The filter; empty when there is none.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// True while a span's children are shown.
    #[must_use]
    pub fn is_open(&self, span: SpanId) -> bool {
        self.node(span).is_some_and(|node| node.open)
    }

    /// Selects a span, opens what hides it, and puts the cursor into a view of that height.
    pub fn select(&mut self, span: SpanId, height: usize) {
        if self.node(span).is_none() || span == SpanId::RUN {
            return;
        }
        let path: Vec<SpanId> = self.ancestors(span).collect();
        for above in path {
            self.set_open(above, true);
        }
        self.keep(span);
        self.move_to(span, height);
    }

    /// Moves the cursor by rows, and the view with it.
    pub fn step(&mut self, by: isize, height: usize) {
        let last = self.len().saturating_sub(1);
        let row = self.row_of(self.cursor).unwrap_or(0).saturating_add_signed(by).min(last);
        if let Some(span) = self.at(row) {
            self.move_to(span, height);
        }
    }

    /// The first row in a view of that height.
    #[must_use]
    pub fn top(&self, height: usize) -> usize {
        let row = self.row_of(self.cursor).unwrap_or(0);
        let line = self.line.min(height.saturating_sub(1));
        row.saturating_sub(line).min(self.len().saturating_sub(height))
    }

    /// Opens or folds a span. A cursor that would be hidden goes to it.
    pub fn set_open(&mut self, span: SpanId, open: bool) {
        let Some(node) = self.node_mut(span).filter(|node| node.open != open) else { return };
        node.open = open;
        let (below, kept) = (i64::from(node.below), node.kept);
        if kept {
            self.change_rows(span, if open { below } else { -below });
        }
        self.lift_cursor();
    }

    /// Opens everything.
    pub fn open_all(&mut self) {
        self.set_all(|_, node| node.open = true);
    }

    /// Folds everything but the way to the cursor.
    pub fn only_path(&mut self) {
        let path: Vec<SpanId> = self.ancestors(self.cursor).collect();
        self.set_all(|span, node| node.open = span == SpanId::RUN || path.contains(&span));
    }

    /// Shows only spans whose row has the text (in any case) and what is above them; an empty text shows all.
    pub fn set_filter(&mut self, text: &str, run: &RunState) {
        self.filter = text.to_lowercase();
        let filter = self.filter.clone();
        self.set_all(|span, node| node.kept = span == SpanId::RUN || matches(run, span, &filter));
        for at in (1..self.nodes.len()).rev() {
            if self.nodes[at].kept {
                let parent = self.nodes[at].parent.0 as usize;
                self.nodes[parent].kept = true;
            }
        }
        self.recount();
        self.lift_cursor();
    }

    /// A row says something else: it, and those above it, come or go as the filter says. The selected one stays.
    pub fn reconsider(&mut self, span: SpanId, run: &RunState) {
        let mut at = span;
        while at != SpanId::RUN && !self.filter.is_empty() {
            let Some(node) = self.node(at).copied() else { return };
            let stays = node.below > 0 || at == self.cursor || matches(run, at, &self.filter);
            match (stays, node.kept) {
                (true, false) => self.keep(at),
                (false, true) => self.leave_out(at),
                _ => {}
            }
            at = node.parent;
        }
    }

    /// True when the filter means this span itself.
    #[must_use]
    pub fn is_match(&self, span: SpanId, run: &RunState) -> bool {
        !self.filter.is_empty() && matches(run, span, &self.filter)
    }

    /// The next (or previous) span of the whole tree that a test accepts, after `from`, in the order of the rows
    /// with everything opened; goes round at the ends.
    pub fn find_from(&self, from: SpanId, forward: bool, accepts: impl Fn(SpanId) -> bool) -> Option<SpanId> {
        let mut at = from;
        for _ in 1..self.nodes.len().max(1) {
            at = if forward { self.following(at) } else { self.preceding(at) };
            if at != SpanId::RUN && accepts(at) {
                return Some(at);
            }
        }
        (from != SpanId::RUN && accepts(from)).then_some(from)
    }

    fn insert(&mut self, span: SpanId, parent: SpanId, run: &RunState) {
        if span == SpanId::RUN {
            self.nodes.push(Node { parent: span, nth: 0, group: NONE, below: 0, open: true, kept: true });
            return;
        }
        let named = self.filter.is_empty() || matches(run, span, &self.filter);
        let group = self.group_of(parent);
        let nth = u32::try_from(self.groups[group].len()).unwrap_or(NONE);
        self.groups[group].push(span, 0);
        self.nodes.push(Node { parent, nth, group: NONE, below: 0, open: true, kept: false });
        if named {
            self.keep(span);
        }
    }

    /// Removes the newest span, which has no children.
    fn remove_last(&mut self) {
        let Some(node) = self.nodes.last().copied() else { return };
        let span = SpanId(u32::try_from(self.nodes.len() - 1).unwrap_or(NONE));
        if node.rows() > 0 {
            self.change_rows(span, -i64::from(node.rows()));
        }
        self.nodes.pop();
        let above = self.node(node.parent).map_or(NONE, |above| above.group);
        if let Some(group) = self.groups.get_mut(above as usize) {
            group.pop();
        }
    }

    /// Leaves a span in whatever the filter says, with all above it.
    fn keep(&mut self, span: SpanId) {
        let mut at = span;
        while let Some(node) = self.node_mut(at).filter(|node| !node.kept) {
            node.kept = true;
            let (rows, parent) = (i64::from(node.rows()), node.parent);
            self.change_rows(at, rows);
            at = parent;
        }
    }

    /// Leaves out a span that has no row below it.
    fn leave_out(&mut self, span: SpanId) {
        if let Some(node) = self.node_mut(span) {
            node.kept = false;
            self.change_rows(span, -1);
        }
    }

    fn group_of(&mut self, parent: SpanId) -> usize {
        let next = u32::try_from(self.groups.len()).unwrap_or(NONE);
        let Some(node) = self.node_mut(parent) else { return 0 };
        if node.group == NONE {
            node.group = next;
            self.groups.push(Group::default());
            return next as usize;
        }
        node.group as usize
    }

    /// A span stands for more or fewer rows: tells everything above it.
    fn change_rows(&mut self, span: SpanId, change: i64) {
        let mut at = span;
        while at != SpanId::RUN {
            let Some(node) = self.node(at).copied() else { return };
            let Some(above) = self.nodes.get_mut(node.parent.0 as usize) else { return };
            above.below = shifted(above.below, change);
            let goes_on = above.open && above.kept;
            if let Some(group) = self.groups.get_mut(above.group as usize) {
                group.add(node.nth, change);
            }
            if !goes_on {
                return;
            }
            at = node.parent;
        }
    }

    fn set_all(&mut self, change: impl Fn(SpanId, &mut Node)) {
        for (at, node) in (0..).zip(&mut self.nodes) {
            change(SpanId(at), node);
        }
        self.recount();
        self.lift_cursor();
    }

    /// Counts all rows anew: children come after their parents, so one pass from the end is enough.
    fn recount(&mut self) {
        for node in &mut self.nodes {
            node.below = 0;
        }
        for at in (1..self.nodes.len()).rev() {
            let (rows, parent) = (self.nodes[at].rows(), self.nodes[at].parent.0 as usize);
            self.nodes[parent].below += rows;
        }
        let nodes = &self.nodes;
        for group in &mut self.groups {
            group.rebuild(|span| nodes[span.0 as usize].rows());
        }
    }

    fn move_to(&mut self, span: SpanId, height: usize) {
        let top = self.top(height);
        self.cursor = span;
        let row = self.row_of(span).unwrap_or(0);
        self.line = row.saturating_sub(top).min(height.saturating_sub(1));
    }

    /// Moves a hidden cursor up to the nearest row above it, or to the first row.
    fn lift_cursor(&mut self) {
        if self.row_of(self.cursor).is_some() {
            return;
        }
        let shown = self.ancestors(self.cursor).find(|above| self.row_of(*above).is_some());
        self.cursor = shown.or_else(|| self.at(0)).unwrap_or_default();
    }

    fn node(&self, span: SpanId) -> Option<&Node> {
        self.nodes.get(span.0 as usize)
    }

    fn node_mut(&mut self, span: SpanId) -> Option<&mut Node> {
        self.nodes.get_mut(span.0 as usize)
    }
}

fn matches(run: &RunState, span: SpanId, filter: &str) -> bool {
    filter.is_empty() || has_words(run, span, filter)
}

#[cfg(test)]
mod tests;
