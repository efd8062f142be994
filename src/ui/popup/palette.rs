//! The palette: the text that is typed, and the verbs that fit it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::{Theme, cell};
use super::sheet;
use crate::app::text::wrapped_under;
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
    let whole = rows.get(palette.cursor).map(|row| whole(row, usize::from(inner.width))).unwrap_or_default();
    let foot = u16::try_from(whole.len()).unwrap_or(0).min(inner.height.saturating_sub(2));
    let list = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1 + foot), ..inner };
    let below = Rect { y: list.bottom(), height: foot, ..inner };
    frame.render_widget(Paragraph::new(whole).style(theme.quiet()), below);
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

/// The text of the chosen row in full, where its line has no room for it.
fn whole(row: &PaletteRow, width: usize) -> Vec<Line<'static>> {
    let text = text(row);
    if cell::width(&text) <= width.saturating_sub(KEYS + NAMES) {
        return Vec::new();
    }
    wrapped_under(&text, width.max(8)).into_iter().map(Line::from).collect()
}

/// The effect of a row, or why it can't be done now.
fn text(row: &PaletteRow) -> String {
    row.why.as_ref().map_or_else(|| row.doc.clone(), |why| format!("not now: {why}"))
}

fn line(row: &PaletteRow, width: usize, theme: Theme) -> Line<'static> {
    let rest = width.saturating_sub(KEYS + NAMES);
    let (name, style) = if row.why.is_some() { (theme.quiet(), theme.quiet()) } else { (theme.strong(), theme.text()) };
    let text = Span::styled(cell::left(&text(row), rest), style);
    let key = if row.why.is_some() { theme.quiet() } else { theme.key() };
    Line::from(vec![
        Span::styled(cell::left(&row.keys, KEYS), key),
        Span::styled(cell::left(&row.name, NAMES), name),
        text,
    ])
}
