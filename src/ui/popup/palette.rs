//! The palette: the text that is typed, and the verbs that fit it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::{Theme, cell};
use super::sheet;
use crate::app::{Palette, PaletteRow, State};

/// Columns of the keys, and of the names.
const KEYS: usize = 14;
const NAMES: usize = 14;
/// Columns of the whole, and rows.
const WIDE: usize = 96;
const ROWS: usize = 16;

/// Draws the palette.
pub(super) fn draw(frame: &mut Frame, body: Rect, palette: &Palette, state: &State, theme: Theme) {
    let rows = palette.rows(state);
    let keys = [("Enter", "choose"), ("↑ ↓", "move"), ("Esc", "close")];
    let inner = sheet::clear(frame, body, (WIDE, ROWS + 1), "Palette", &keys, theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let typed = Line::from(vec![
        Span::styled(
            format!(":{}", cell::cut(&palette.text, usize::from(inner.width.saturating_sub(3)))),
            theme.call(),
        ),
        Span::styled(" ", theme.call().add_modifier(Modifier::REVERSED)),
    ]);
    frame.render_widget(Paragraph::new(typed), Rect { height: 1.min(inner.height), ..inner });
    let list = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let height = usize::from(list.height);
    let top = (palette.cursor + 1).saturating_sub(height);
    if rows.is_empty() {
        frame.render_widget(Paragraph::new("no verb has this in its name").style(theme.quiet()), list);
    }
    for ((at, row), y) in rows.iter().enumerate().skip(top).zip(list.y..list.bottom()) {
        let area = Rect { y, height: 1, ..list };
        frame.render_widget(Paragraph::new(line(row, usize::from(list.width), theme)), area);
        if at == palette.cursor {
            frame.buffer_mut().set_style(area, theme.selection(true));
        }
    }
    sheet::more(frame, list, top, rows.len().saturating_sub(top + height), theme);
}

fn line(row: &PaletteRow, width: usize, theme: Theme) -> Line<'static> {
    let rest = width.saturating_sub(KEYS + NAMES);
    let (name, text) = match &row.why {
        Some(why) => (theme.quiet(), Span::styled(cell::left(&format!("not now: {why}"), rest), theme.quiet())),
        None => (theme.strong(), Span::styled(cell::left(&row.doc, rest), theme.text())),
    };
    let key = if row.why.is_some() { theme.quiet() } else { theme.key() };
    Line::from(vec![
        Span::styled(cell::left(&row.keys, KEYS), key),
        Span::styled(cell::left(&row.name, NAMES), name),
        text,
    ])
}
