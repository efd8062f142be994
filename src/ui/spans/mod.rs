//! The Spans panel: the tree in columns, through tui-tree-widget.
//!
//! The widget lays out whatever it is given on every frame, so it is given only the rows in view and their ancestors.
//! Ancestors that are above the view stay at its top as a sticky header.

mod columns;
mod row;

use std::collections::HashSet;

use columns::Columns;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, StatefulWidget};
use tui_tree_widget::{TreeItem, TreeState};

use super::{Theme, panel};
use crate::app::{Row, Tree};
use crate::model::{Millis, RunState, SpanId};

/// At most so many ancestors stay in view.
const STICKY: usize = 4;
/// Stands in for children that are not in view, so that the widget shows their parent as one.
const ELSEWHERE: SpanId = SpanId(u32::MAX);

/// The panel's input.
pub struct Spans<'a> {
    /// The run.
    pub run: &'a RunState,
    /// Its tree: folds, filter, cursor.
    pub tree: &'a Tree,
    /// How late it is, for spans that have not ended.
    pub now: Millis,
    /// True when the panel has the keys.
    pub focused: bool,
    /// True when rows have a bar on the run's time axis.
    pub bar: bool,
}

/// State that the panel keeps between frames.
#[derive(Debug)]
pub struct SpansView {
    widget: TreeState<SpanId>,
    canvas: Buffer,
}

impl Default for SpansView {
    fn default() -> Self {
        Self { widget: TreeState::default(), canvas: Buffer::empty(Rect::ZERO) }
    }
}

/// Draws the panel.
pub fn draw(frame: &mut Frame, area: Rect, spans: &Spans, view: &mut SpansView, theme: Theme) {
    let columns = Columns::new(area.width.saturating_sub(2), spans.bar);
    let block = panel::frame(theme, spans.focused, title(spans, theme));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    columns.headings(frame.buffer_mut(), area, theme);
    if inner.is_empty() {
        return;
    }
    if spans.tree.is_empty() {
        let text = if spans.tree.filter().is_empty() { "nothing has run yet" } else { "no span matches" };
        frame.render_widget(Paragraph::new(text).style(theme.quiet()), inner);
        return;
    }
    let (rows, hidden) = rows(spans.tree, usize::from(inner.height));
    let picture = row::Picture::new(spans, columns, theme);
    view.lay_out(&rows, hidden, &picture, spans, inner, theme);
    copy(&view.canvas, hidden, frame.buffer_mut(), inner);
}

fn title(spans: &Spans, theme: Theme) -> Line<'static> {
    let filter = spans.tree.filter();
    let text = match (filter.is_empty(), spans.tree.follow) {
        (true, false) => "Spans".to_owned(),
        (true, true) => "Spans · follow".to_owned(),
        (false, _) => format!("Spans · /{}", super::cell::cut(filter, 20)),
    };
    panel::title(theme, spans.focused, &text)
}

/// The rows to lay out, and how many of the first are above the view.
fn rows(tree: &Tree, height: usize) -> (Vec<Row>, usize) {
    let top = tree.top(height);
    let cursor = tree.row_of(tree.cursor()).unwrap_or(top).saturating_sub(top);
    let most = STICKY.min(height / 2).min(cursor);
    // Rows under the header are covered, so the header is that of the first row that is not.
    let mut header = (0..=most).find(|rows| tree.sticky(top + rows).len() <= *rows).unwrap_or(most);
    while tree.sticky(top + header).len() < header {
        header -= 1;
    }
    let mut rows = tree.sticky(top + header);
    let hidden = rows.len() - header;
    rows.extend(tree.window(top + header, height - header));
    (rows, hidden)
}

impl SpansView {
    /// Lays the rows out on a canvas that also has room for the hidden ones.
    fn lay_out(
        &mut self,
        rows: &[Row],
        hidden: usize,
        picture: &row::Picture,
        spans: &Spans,
        inner: Rect,
        theme: Theme,
    ) {
        let height = inner.height.saturating_add(u16::try_from(hidden).unwrap_or(u16::MAX));
        let area = Rect::new(0, 0, inner.width, height);
        self.canvas.resize(area);
        self.canvas.reset();
        self.widget.close_all();
        let shift = picture.shift(rows);
        let items = self.items(rows, shift, picture, spans.tree.cursor());
        // Ids of spans are unique, so this can't fail.
        if let Ok(tree) = tui_tree_widget::Tree::new(&items) {
            let tree = tree
                .node_closed_symbol("▸ ")
                .node_open_symbol("▾ ")
                .node_no_children_symbol("  ")
                .highlight_symbol("›")
                .highlight_style(theme.selection(spans.focused));
            StatefulWidget::render(tree, area, &mut self.canvas, &mut self.widget);
        }
    }

    /// The rows as nested items; opens what is open and selects the cursor's row.
    fn items<'a>(
        &mut self,
        rows: &[Row],
        shift: usize,
        picture: &row::Picture,
        cursor: SpanId,
    ) -> Vec<TreeItem<'a, SpanId>> {
        let mut path: Vec<SpanId> = Vec::new();
        let mut levels: Vec<Vec<TreeItem<'a, SpanId>>> = vec![Vec::new()];
        let mut seen = HashSet::new();
        let mut open: Vec<(Row, Line<'static>)> = Vec::new();
        for row in rows.iter().filter(|row| seen.insert(row.span)) {
            let depth = row.depth.saturating_sub(shift).min(path.len());
            close(&mut path, &mut levels, &mut open, depth, shift);
            path.push(row.span);
            // A level that is cut off stands beside its children, and not above them.
            let has_children = row.has_children && row.depth >= shift;
            if row.open && has_children {
                self.widget.open(path.clone());
            }
            if row.span == cursor {
                self.widget.select(path.clone());
            }
            open.push((Row { has_children, ..*row }, picture.line(row, depth)));
            levels.push(Vec::new());
        }
        close(&mut path, &mut levels, &mut open, 0, shift);
        levels.pop().unwrap_or_default()
    }
}

/// Makes items of the rows that are open below a depth; `shift` levels are left out at the left.
fn close(
    path: &mut Vec<SpanId>,
    levels: &mut Vec<Vec<TreeItem<'_, SpanId>>>,
    open: &mut Vec<(Row, Line<'static>)>,
    depth: usize,
    shift: usize,
) {
    while path.len() > depth {
        path.pop();
        let mut children = levels.pop().unwrap_or_default();
        let Some((row, line)) = open.pop() else { return };
        // At a level that is left out, its children stand beside it.
        let beside = row.open && row.depth < shift;
        if children.is_empty() && row.has_children && !beside {
            children.push(TreeItem::new_leaf(ELSEWHERE, ""));
        }
        if let (Ok(item), Some(level)) = (TreeItem::new(row.span, line, children), levels.last_mut()) {
            level.push(item);
        }
    }
}

/// Copies the canvas without its hidden lines.
fn copy(canvas: &Buffer, hidden: usize, to: &mut Buffer, area: Rect) {
    let hidden = u16::try_from(hidden).unwrap_or(u16::MAX);
    for y in 0..area.height {
        for x in 0..area.width {
            let cell = canvas.cell(Position::new(x, y.saturating_add(hidden)));
            if let (Some(from), Some(to)) = (cell, to.cell_mut(Position::new(area.x + x, area.y + y))) {
                to.clone_from(from);
            }
        }
    }
}
