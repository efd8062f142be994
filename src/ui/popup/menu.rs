//! Choices: for a conflict, for an agent whose changes were undone, and the keys that can follow a prefix.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};

use super::super::{Theme, cell};
use super::sheet;
use crate::app::{Footer, Menu};

/// A menu with its reasons above the choices.
pub(super) fn draw(frame: &mut Frame, body: Rect, menu: &Menu, size: (u16, u16), theme: Theme) {
    let (reasons, above, below) = menu.reasons(size);
    let mut lines: Vec<Line> = reasons.into_iter().map(Line::from).collect();
    let reasons = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    let keys = menu.items.iter().map(|item| cell::width(&item.key.to_string())).max().unwrap_or(0);
    for (at, item) in menu.items.iter().enumerate() {
        let chosen = at == menu.cursor;
        let mark = if chosen { "› " } else { "  " };
        let label = Span::raw(cell::cut(&item.label, usize::from(body.width)).into_owned());
        let key = Span::styled(cell::left(&item.key.to_string(), keys + 2), theme.key());
        let line = Line::from(vec![Span::raw(mark), key, label]);
        lines.push(if chosen { line.patch_style(theme.selection(false)) } else { line });
    }
    let keys = [("PgDn", "scroll"), ("Enter", "choose"), ("Esc", "Cancel")];
    let keys = &keys[usize::from(above + below == 0)..];
    let inner = sheet::show(frame, body, &menu.title, lines, keys, theme);
    // The empty line between the reasons and the choices says how many are below.
    sheet::more(frame, Rect { height: reasons.min(inner.height), ..inner }, above, below, theme);
}

/// Draws the keys that can follow the pressed prefix, in the lower right corner.
pub(super) fn prefix(frame: &mut Frame, body: Rect, footer: &Footer, theme: Theme) {
    if footer.menu.is_empty() {
        return;
    }
    let lines: Vec<Line> = footer
        .menu
        .iter()
        .map(|(key, name)| {
            Line::from(vec![Span::styled(format!(" {key}"), theme.key()), Span::raw(format!("  {name} "))])
        })
        .collect();
    let columns = lines.iter().map(Line::width).max().unwrap_or(0);
    let size = |wanted: usize, most: u16| u16::try_from(wanted + 2).unwrap_or(u16::MAX).min(most);
    let (width, height) = (size(columns, body.width), size(lines.len(), body.height));
    let area = Rect::new(body.right() - width, body.bottom() - height, width, height);
    frame.render_widget(Clear, area);
    let block = Block::bordered().border_type(BorderType::Plain).border_style(theme.border(true));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}
