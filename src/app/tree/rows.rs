//! Rows of the tree: from a row to its span and back, and the rows in view.

use super::{Group, Tree};
use crate::model::SpanId;

/// One visible row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The span.
    pub span: SpanId,
    /// How deep it lies, from 0.
    pub depth: usize,
    /// True when it has children that can be shown.
    pub has_children: bool,
    /// True while its children are shown.
    pub open: bool,
}

impl Tree {
    /// The span on a row.
    #[must_use]
    pub fn at(&self, row: usize) -> Option<SpanId> {
        let mut rest = u32::try_from(row).ok()?;
        let mut at = SpanId::RUN;
        loop {
            let (span, inside) = self.children(at)?.find(rest)?;
            if inside == 0 {
                return Some(span);
            }
            rest = inside - 1;
            at = span;
        }
    }

    /// The row of a span; `None` while it is folded away or filtered out.
    #[must_use]
    pub fn row_of(&self, span: SpanId) -> Option<usize> {
        if span == SpanId::RUN {
            return None;
        }
        let mut row = 0;
        let mut at = span;
        while at != SpanId::RUN {
            let node = self.node(at).filter(|node| node.kept)?;
            let parent = self.node(node.parent).filter(|above| above.open)?;
            row += self.groups.get(parent.group as usize)?.before(node.nth as usize) as usize;
            row += usize::from(node.parent != SpanId::RUN);
            at = node.parent;
        }
        Some(row)
    }

    /// The rows in view: at most `height` from row `top` on.
    #[must_use]
    pub fn window(&self, top: usize, height: usize) -> Vec<Row> {
        let first = self.at(top).map(|span| self.row(span, self.ancestors(span).count() - 1));
        std::iter::successors(first, |row| self.row_after(row)).take(height).collect()
    }

    /// The rows above the view that the row `top` lies in, outermost first: for a sticky header.
    #[must_use]
    pub fn sticky(&self, top: usize) -> Vec<Row> {
        let Some(span) = self.at(top) else { return Vec::new() };
        let mut above: Vec<SpanId> = self.ancestors(span).filter(|at| *at != SpanId::RUN).collect();
        above.reverse();
        above.into_iter().enumerate().map(|(depth, span)| self.row(span, depth)).collect()
    }

    /// The first visible child.
    #[must_use]
    pub fn first_child(&self, span: SpanId) -> Option<SpanId> {
        self.children(span).and_then(|group| group.find(0)).map(|(child, _)| child)
    }

    /// The span above; `None` on the outermost rows.
    #[must_use]
    pub fn parent(&self, span: SpanId) -> Option<SpanId> {
        self.node(span).map(|node| node.parent).filter(|parent| *parent != SpanId::RUN)
    }

    pub(super) fn ancestors(&self, span: SpanId) -> impl Iterator<Item = SpanId> {
        let up = |at: SpanId| (at != SpanId::RUN).then(|| self.node(at).map(|node| node.parent)).flatten();
        std::iter::successors(up(span), move |at| up(*at))
    }

    /// The span after this one with everything opened; after the last comes the run.
    pub(super) fn following(&self, span: SpanId) -> SpanId {
        if let Some(child) = self.children(span).and_then(|group| group.get(0)) {
            return child;
        }
        std::iter::once(span)
            .chain(self.ancestors(span))
            .filter(|at| *at != SpanId::RUN)
            .find_map(|at| {
                let node = self.node(at)?;
                self.children(node.parent)?.get(node.nth as usize + 1)
            })
            .unwrap_or(SpanId::RUN)
    }

    /// The span before this one with everything opened; before the run comes the last.
    pub(super) fn preceding(&self, span: SpanId) -> SpanId {
        let last_below = |mut at: SpanId| {
            while let Some(child) = self.children(at).and_then(|group| group.spans().last()) {
                at = *child;
            }
            at
        };
        match self.node(span) {
            None => SpanId::RUN,
            Some(_) if span == SpanId::RUN => last_below(SpanId::RUN),
            Some(node) if node.nth == 0 => node.parent,
            Some(node) => self
                .children(node.parent)
                .and_then(|group| group.get(node.nth as usize - 1))
                .map_or(node.parent, last_below),
        }
    }

    fn row(&self, span: SpanId, depth: usize) -> Row {
        let (open, below) = self.node(span).map_or((false, 0), |node| (node.open, node.below));
        Row { span, depth, has_children: below > 0, open }
    }

    fn row_after(&self, row: &Row) -> Option<Row> {
        if row.open && row.has_children {
            return self.first_child(row.span).map(|child| self.row(child, row.depth + 1));
        }
        let (mut at, mut depth) = (row.span, row.depth);
        while at != SpanId::RUN {
            let node = self.node(at)?;
            let group = self.children(node.parent)?;
            if let Some((next, _)) = group.find(group.before(node.nth as usize + 1)) {
                return Some(self.row(next, depth));
            }
            at = node.parent;
            depth = depth.saturating_sub(1);
        }
        None
    }

    fn children(&self, span: SpanId) -> Option<&Group> {
        self.node(span).and_then(|node| self.groups.get(node.group as usize))
    }
}
