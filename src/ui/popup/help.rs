//! The help: the key table, in one column or two.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::{Theme, cell, hits};
use super::sheet;
use crate::app::{HELP_KEYS, Help, HelpLine, HelpPage, Place, State};

/// Columns between two columns.
const GAP: usize = 3;

/// Draws the part of the table that fits, from the help's first row on.
pub(super) fn draw(frame: &mut Frame, body: Rect, help: Help, state: &State, theme: Theme) {
    let page = HelpPage::new(state.size, state.focus);
    let columns = page.columns * (page.width + GAP) - GAP;
    let keys = [("j k", "scroll"), ("/", "find"), ("Esc", "close")];
    let inner = sheet::clear(frame, body, (columns + 2, page.rows), "Keys", &keys, theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let height = usize::from(inner.height);
    let top = help.top.min(page.rows.saturating_sub(height));
    for (row, y) in (top..page.rows).zip(inner.y..inner.bottom()) {
        let line = (0..page.columns).flat_map(|column| {
            let gap = if column == 0 { 0 } else { GAP };
            std::iter::once(Span::raw(" ".repeat(gap))).chain(cells(page.line(column, row), page.width, theme))
        });
        frame.render_widget(Paragraph::new(line.collect::<Line>()), Rect { y, height: 1, ..inner });
    }
    sheet::more(frame, inner, top, page.rows.saturating_sub(top + height), theme);
    hits::mark(frame.buffer_mut(), inner, state.find(Place::Popup), theme);
}

fn cells(line: Option<&HelpLine>, width: usize, theme: Theme) -> Vec<Span<'static>> {
    match line {
        None => vec![Span::raw(" ".repeat(width))],
        Some(line) if line.heading => vec![Span::styled(cell::left(&line.keys, width), theme.title(true))],
        Some(line) if line.text.is_empty() => {
            vec![Span::styled(cell::left(&format!("  {}", line.keys), width), theme.key())]
        }
        Some(line) => vec![
            Span::styled(cell::left(&format!("  {}", line.keys), HELP_KEYS), theme.key()),
            Span::raw(cell::left(&line.text, width.saturating_sub(HELP_KEYS))),
        ],
    }
}
