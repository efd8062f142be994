//! The Spans panel: the tree in columns, through tui-tree-widget.
//!
//! The widget lays out whatever it is given on every frame, so it is given only the rows in view and their ancestors.
//! Ancestors that are above the view stay at its top as a sticky header.

mod axis;
mod columns;
mod name;
mod row;

use std::collections::HashSet;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, StatefulWidget};
use tui_tree_widget::{TreeItem, TreeState};

use super::{Theme, panel};
use crate::app::keys::{self, UiAction};
use crate::app::{Pane, Row, Tree};
use crate::model::{Millis, RunState, SpanId};

/// At most so many ancestors stay in view, and at most one in so many lines.
const STICKY: usize = 4;
const LINES: usize = 4;
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

/// Rows left out between an ancestor that stays in view and the first row below it in view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    below: SpanId,
    rows: usize,
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
    let lines = usize::from(area.height.saturating_sub(2));
    let View { rows, hidden, gap } = rows(spans.tree, lines);
    let columns = row::columns(spans, &rows, area.width.saturating_sub(2));
    let block = panel::frame(theme, spans.focused, title(spans, columns.name, theme));
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
    let picture = row::Picture::new(spans, columns, gap, theme);
    view.draw(&rows, hidden, &picture, frame.buffer_mut(), inner);
}

/// The title, as much of it as fits beside the headings.
fn title(spans: &Spans, columns: usize, theme: Theme) -> Line<'static> {
    let (tree, all) = (spans.tree, spans.tree.len());
    let at = tree.row_of(tree.cursor()).filter(|_| all > 0).map(|row| format!(" {} of {all}", row + 1));
    let at = at.unwrap_or_default();
    let more = match (tree.filter(), tree.follow) {
        ("", false) => String::new(),
        ("", true) => " · following".to_owned(),
        (filter, _) => format!(" · /{}", super::cell::cut(filter, 20)),
    };
    let name = format!("{} {}", keys::verb(UiAction::Show(Pane::Tree)).keys_text(), Pane::Tree.name());
    let ways = [format!("{name}{at}{more}"), format!("{name}{more}"), format!("{name}{at}")];
    let fits = |text: &String| super::cell::width(text) + 2 <= columns + 1;
    let text = ways.into_iter().find(fits).unwrap_or(name);
    panel::title(theme, spans.focused, &text)
}

/// Rows to lay out.
struct View {
    rows: Vec<Row>,
    /// How many of the first are above the view.
    hidden: usize,
    gap: Option<Gap>,
}

/// The rows to lay out: those in view, and their ancestors above them.
fn rows(tree: &Tree, height: usize) -> View {
    let top = tree.top(height);
    let cursor = tree.row_of(tree.cursor()).unwrap_or(top).saturating_sub(top);
    let most = STICKY.min(height / LINES).min(cursor);
    // Rows under the header are covered, so the header is that of the first row that is not.
    let mut header = (0..=most).find(|rows| tree.sticky(top + rows).len() <= *rows).unwrap_or(most);
    while tree.sticky(top + header).len() < header {
        header -= 1;
    }
    let mut rows = tree.sticky(top + header);
    let hidden = rows.len() - header;
    let last = rows.last().filter(|_| header > 0).and_then(|row| Some((row.span, tree.row_of(row.span)?)));
    let gap = last.map(|(below, row)| Gap { below, rows: (top + header).saturating_sub(row + 1) });
    rows.extend(tree.window(top + header, height - header));
    View { rows, hidden, gap: gap.filter(|gap| gap.rows > 0) }
}

impl SpansView {
    /// Draws the rows. Where some are above the view, the widget gets a canvas that has room for them too.
    fn draw(&mut self, rows: &[Row], hidden: usize, picture: &row::Picture, to: &mut Buffer, inner: Rect) {
        if hidden == 0 {
            return self.lay_out(rows, picture, to, inner);
        }
        let height = inner.height.saturating_add(u16::try_from(hidden).unwrap_or(u16::MAX));
        let area = Rect::new(0, 0, inner.width, height);
        let mut canvas = std::mem::take(&mut self.canvas);
        canvas.resize(area);
        canvas.reset();
        self.lay_out(rows, picture, &mut canvas, area);
        copy(&canvas, hidden, to, inner);
        self.canvas = canvas;
    }

    fn lay_out(&mut self, rows: &[Row], picture: &row::Picture, to: &mut Buffer, area: Rect) {
        let cursor = picture.cursor();
        self.widget.close_all();
        let shift = picture.shift(rows);
        let items = self.items(rows, shift, picture, cursor);
        // Ids of spans are unique, so this can't fail.
        if let Ok(tree) = tui_tree_widget::Tree::new(&items) {
            let tree = tree
                .node_closed_symbol("▸ ")
                .node_open_symbol("▾ ")
                .node_no_children_symbol("  ")
                .highlight_symbol("›")
                .highlight_style(picture.selection());
            StatefulWidget::render(tree, area, to, &mut self.widget);
        }
        fill_selected(rows, picture, cursor, to, area);
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

/// Marks that want the user stay filled on the selected row too.
fn fill_selected(rows: &[Row], picture: &row::Picture, cursor: SpanId, to: &mut Buffer, area: Rect) {
    let mut seen = HashSet::new();
    let selected = (0u16..).zip(rows.iter().filter(|row| seen.insert(row.span))).find(|(_, row)| row.span == cursor);
    let Some((y, row)) = selected else { return };
    for (x, wide, style) in picture.filled(row) {
        if let (Ok(x), Ok(width)) = (u16::try_from(x), u16::try_from(wide)) {
            let marked = Rect { x: area.x.saturating_add(x), y: area.y.saturating_add(y), width, height: 1 };
            to.set_style(marked.intersection(area), style);
        }
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
    let wide = usize::from(area.width);
    let lines = canvas.content.chunks_exact(wide).skip(hidden);
    for (line, y) in lines.zip(area.top()..area.bottom()) {
        let start = to.index_of(area.x, y);
        if let Some(place) = to.content.get_mut(start..start + wide) {
            place.clone_from_slice(line);
        }
    }
}
