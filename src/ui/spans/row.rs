//! One row of the Spans panel.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::{Theme, cell};
use super::axis::Axis;
use super::columns::{Columns, Wanted};
use super::name::{self, Name};
use super::{Gap, Spans};
use crate::app::{self, Mark, Row, text};
use crate::model::{Counts, SpanId, SpanState};

/// The widget puts two cells before a name for each level, one for the selection and two for the fold.
const INDENT: usize = 2;
const LEAD: usize = 3;
/// Columns a name keeps, however deep it lies.
const NAME: usize = 10;

/// Draws rows.
pub(super) struct Picture<'a> {
    spans: &'a Spans<'a>,
    pub(super) columns: Columns,
    theme: Theme,
    axis: Axis,
    gap: Option<Gap>,
}

/// The columns for the rows in view.
pub(super) fn columns(spans: &Spans, rows: &[Row], width: u16) -> Columns {
    let trace = &spans.run.trace;
    let whole = trace.get(SpanId::RUN).map(|run| run.counts).unwrap_or_default();
    let soon = || rows.iter().filter_map(|row| trace.get(row.span)).any(crate::model::Span::will_be_permanent);
    Columns::new(width, Wanted { cost: whole.cost > 0, no_undo: whole.permanent > 0 || soon(), bar: spans.bar })
}

impl<'a> Picture<'a> {
    /// For a run, its time axis from its start to its end or to now.
    pub(super) fn new(spans: &'a Spans<'a>, columns: Columns, gap: Option<Gap>, theme: Theme) -> Self {
        let axis = Axis::new(&spans.run.trace, spans.now, columns.bar);
        Self { spans, columns, theme, axis, gap }
    }

    /// The selected row's span.
    pub(super) fn cursor(&self) -> SpanId {
        self.spans.tree.cursor()
    }

    /// The look of the selected row.
    pub(super) fn selection(&self) -> Style {
        self.theme.selection(self.spans.focused)
    }

    /// How many levels are left out at the left, so that names in a deep tree can be read.
    pub(super) fn shift(&self, rows: &[Row]) -> usize {
        let levels = self.columns.name.saturating_sub(LEAD + NAME) / INDENT;
        rows.iter().map(|row| row.depth).max().unwrap_or(0).saturating_sub(levels)
    }

    /// A row's text, right of its fold symbol, at a depth.
    pub(super) fn line(&self, row: &Row, depth: usize) -> Line<'static> {
        let (run, columns) = (self.spans.run, self.columns);
        let Some(span) = run.trace.get(row.span) else { return Line::default() };
        let undone = run.span_state(row.span) == SpanState::Undone;
        let dim = |style: Style| if undone { self.theme.undone() } else { style };
        let mut line = Cells { spans: Vec::new() };
        let room = columns.name.saturating_sub(LEAD + INDENT * depth);
        self.name(&mut line, row.span, room, undone);
        line.put(columns.pattern, |to| cell::left(run.trace.pattern(row.span), to), dim(self.theme.quiet()));
        self.state(&mut line, row);
        let work = text::duration(run.trace.work(row.span, self.spans.now));
        line.put(columns.work, |to| cell::right(&work, to), dim(self.theme.tool()));
        let tokens = span.counts.usage.input + span.counts.usage.output;
        let tokens = if tokens == 0 { String::new() } else { text::count(tokens) };
        line.put(columns.tokens, |to| cell::right(&tokens, to), dim(self.theme.text()));
        let cost = if span.counts.cost == 0 { String::new() } else { text::money(span.counts.cost) };
        line.put(columns.cost, |to| cell::right(&cost, to), dim(self.theme.text()));
        line.put(columns.undo, |to| cell::right(&undo(span.counts), to), dim(self.theme.text()));
        let (no_undo, style) = match span.counts.permanent {
            0 if span.will_be_permanent() => ("1?".to_owned(), self.theme.tool()),
            0 => (String::new(), self.theme.text()),
            count => (count.to_string(), self.theme.error()),
        };
        line.put(columns.no_undo, |to| cell::right(&no_undo, to), dim(style));
        if run.trace.has_known_times(row.span) {
            let bar = self.axis.bar(&run.trace, span.start, span.end.unwrap_or(self.spans.now));
            line.put(columns.bar, |_| bar, dim(self.theme.kind(span.kind)));
        } else {
            line.put(columns.bar, |to| cell::left("time unknown", to), dim(self.theme.quiet()));
        }
        Line::from(line.spans)
    }

    fn name(&self, line: &mut Cells, span: SpanId, room: usize, undone: bool) {
        let run = self.spans.run;
        let Some(found) = run.trace.get(span) else { return };
        let above = self.gap.filter(|gap| gap.below == span).map(|gap| format!(" ▴ {} more", gap.rows));
        let tail = match (app::shown_try(run, span), above) {
            (_, Some(above)) => above,
            (Some(attempt), None) => format!(" try {attempt}"),
            (None, None) => String::new(),
        };
        let Name { name, about } = name::fit(app::span_text(run, span), room.saturating_sub(cell::width(&tail)));
        let (style, quiet) = if undone {
            (self.theme.undone(), self.theme.undone())
        } else {
            (self.theme.kind(found.kind), self.theme.quiet())
        };
        let name = cell::cut(&name, room).into_owned();
        let rest = room.saturating_sub(cell::width(&name));
        line.spans.push(Span::styled(name, style));
        line.spans.push(Span::styled(cell::left(&format!("{about}{tail}"), rest), quiet));
    }

    /// The marks of a row's state, as they fit its column.
    fn marks(&self, row: &Row) -> Vec<Mark> {
        let mut left = self.columns.state;
        let mut marks = app::row_marks(self.spans.run, row.span, !row.open, left);
        for mark in &mut marks {
            mark.text = cell::cut(&mark.text, left).into_owned();
            left = left.saturating_sub(cell::width(&mark.text) + 1);
        }
        marks
    }

    fn state(&self, line: &mut Cells, row: &Row) {
        if self.columns.state == 0 {
            return;
        }
        line.spans.push(Span::raw(" "));
        let mut left = self.columns.state;
        for (at, mark) in self.marks(row).into_iter().enumerate() {
            let gap = usize::from(at > 0 && left > 0);
            left = left.saturating_sub(cell::width(&mark.text) + gap);
            line.spans.push(Span::raw(" ".repeat(gap)));
            line.spans.push(Span::styled(mark.text, self.theme.state(mark.state)));
        }
        line.spans.push(Span::raw(" ".repeat(left)));
    }

    /// Where the filled marks of a row lie, from the panel's inner edge: the selection must not cover them.
    pub(super) fn filled(&self, row: &Row) -> Vec<(usize, usize, Style)> {
        let mut x = self.columns.state_at();
        let mut found = Vec::new();
        for mark in self.marks(row) {
            let (wide, style) = (cell::width(&mark.text), self.theme.state(mark.state));
            if style.bg.is_some() {
                found.push((x, wide, style));
            }
            x += wide + 1;
        }
        found
    }
}

struct Cells {
    spans: Vec<Span<'static>>,
}

impl Cells {
    /// Puts one column, with a cell before it; nothing when the column is left out.
    fn put(&mut self, width: usize, text: impl FnOnce(usize) -> String, style: Style) {
        if width > 0 {
            self.spans.push(Span::raw(" "));
            self.spans.push(Span::styled(text(width), style));
        }
    }
}

/// How many changes of a span can be undone; where none can any more, how many were: `↶3`.
fn undo(counts: Counts) -> String {
    match (counts.undoable, counts.undone) {
        (0, 0) => String::new(),
        (0, undone) => format!("{}{undone}", app::state_glyph(SpanState::Undone)),
        (undo, _) => undo.to_string(),
    }
}
