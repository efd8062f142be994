//! The diff of an action: who wrote its key before and after, and the lines that differ.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::{Theme, cell, hits, panel};
use super::sheet;
use crate::app::{DIFF_GUTTER, DiffRow, DiffRowKind, DiffView, Place, State};
use crate::model::{ActionStatus, DiffSides, LineIn};

/// Columns of the labels at the top.
const LABEL: usize = 8;

/// Draws the rows in view, in the place of Detail.
pub(super) fn draw(frame: &mut Frame, view: &DiffView, state: &State, theme: Theme) {
    let area = panel::rect(state.diff_area()).intersection(frame.area());
    let shown = view.window();
    let all = view.len();
    let place =
        if all > shown.len() { format!("{}-{} of {all}", view.top + 1, view.top + shown.len()) } else { String::new() };
    let is_held = state.run.ledger.get(view.action).is_some_and(|entry| entry.status == ActionStatus::Held);
    let list = match view.sides {
        DiffSides::Action if is_held => {
            &[("h l", "next"), ("Space", "mark"), ("c", "apply"), ("D", "discard"), ("Esc", "close")][..]
        }
        DiffSides::Action => &[("h l", "previous, next"), ("w", "who"), ("Esc", "close")],
        DiffSides::Present | DiffSides::Content => &[("w", "who"), ("Esc", "back")],
    };
    let keys: Vec<(&str, &str)> =
        std::iter::once((place.as_str(), "")).chain(list.iter().copied()).filter(|(key, _)| !key.is_empty()).collect();
    let size = (usize::from(area.width), usize::from(area.height));
    let inner = sheet::clear(frame, area, size, &view.title(&state.run), &keys, theme);
    let find = state.find(Place::Popup);
    for (row, y) in shown.iter().zip(inner.y..inner.bottom()) {
        let at = Rect { y, height: 1, ..inner };
        frame.render_widget(Paragraph::new(line(row, usize::from(inner.width), theme)), at);
    }
    hits::mark(frame.buffer_mut(), inner, find, theme);
}

fn line(row: &DiffRow, columns: usize, theme: Theme) -> Line<'static> {
    let text =
        |gutter: usize, style| Span::styled(cell::cut(&row.text, columns.saturating_sub(gutter)).into_owned(), style);
    let (sign, style) = match row.kind {
        DiffRowKind::Head => {
            let label = Span::styled(format!(" {} ", cell::left(&row.label, LABEL - 1)), theme.quiet());
            return Line::from(vec![label, text(LABEL + 1, theme.text())]);
        }
        DiffRowKind::Place => return Line::from(vec![Span::raw(" "), text(1, theme.quiet())]),
        DiffRowKind::Note => {
            return Line::from(vec![Span::raw(" ".repeat(LABEL + 1)), text(LABEL + 1, theme.quiet())]);
        }
        DiffRowKind::Line(LineIn::Both) => (" ", theme.text()),
        DiffRowKind::Line(LineIn::Old) => ("-", removed(theme)),
        DiffRowKind::Line(LineIn::New) => ("+", theme.ok()),
    };
    let number = Span::styled(format!("{} ", cell::right(&row.label, DIFF_GUTTER - 3)), theme.quiet());
    Line::from(vec![number, Span::styled(format!("{sign} "), style), text(DIFF_GUTTER, style)])
}

/// A removed line is no error: the same colour, without its weight.
fn removed(theme: Theme) -> Style {
    theme.error().remove_modifier(ratatui::style::Modifier::BOLD)
}
