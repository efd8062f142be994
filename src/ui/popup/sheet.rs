//! The sheet that popups are drawn on: centred, as large as its text, keys on its lower border.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};
use unicode_width::UnicodeWidthStr;

use super::super::{Theme, cell};

/// Narrowest text, so that titles and keys have room.
const NARROW: usize = 40;
/// Widest text.
const WIDEST: usize = 104;

/// Lays a sheet with lines on the body.
pub(super) fn show(
    frame: &mut Frame,
    body: Rect,
    title: &str,
    lines: Vec<Line<'static>>,
    keys: &[(&str, &str)],
    theme: Theme,
) -> Rect {
    let needed = lines.iter().map(Line::width).max().unwrap_or(0);
    show_wide(frame, body, title, (lines, needed), keys, theme)
}

/// Lays a sheet for so many columns of text on the body: while its lines are scrolled, it keeps its width.
pub(super) fn show_wide(
    frame: &mut Frame,
    body: Rect,
    title: &str,
    (lines, needed): (Vec<Line<'static>>, usize),
    keys: &[(&str, &str)],
    theme: Theme,
) -> Rect {
    let keys_width = keys.iter().map(|(key, name)| key.width() + name.width() + 4).sum::<usize>();
    let columns = needed.max(keys_width).max(title.width() + 4).clamp(NARROW, WIDEST);
    let inner = clear(frame, body, (columns + 2, lines.len()), title, keys, theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    frame.render_widget(Paragraph::new(lines), inner);
    inner
}

/// Says on the borders of a sheet how many of its lines are above and below.
pub(super) fn more(frame: &mut Frame, inner: Rect, above: usize, below: usize, theme: Theme) {
    let mut put = |count: usize, y: u16, what: &str| {
        if count > 0 && inner.width > 0 {
            let text = cell::cut(&format!(" … {count} more {what} "), usize::from(inner.width)).into_owned();
            let at = Rect { x: inner.x, y, width: u16::try_from(text.width()).unwrap_or(inner.width), height: 1 };
            let at = at.intersection(frame.area());
            frame.render_widget(Paragraph::new(Span::styled(text, theme.output())), at);
        }
    };
    put(below, inner.bottom(), "below");
    if above > 0 {
        // The title stands at the left of the upper border.
        let text = format!(" {above} above … ");
        let width = u16::try_from(text.width()).unwrap_or(0).min(inner.width);
        let at = Rect { x: inner.right() - width, y: inner.y.saturating_sub(1), width, height: 1 };
        frame.render_widget(Paragraph::new(Span::styled(text, theme.output())), at.intersection(frame.area()));
    }
}

/// Clears a centred area for a text of that size and frames it; returns the inside.
pub(super) fn clear(
    frame: &mut Frame,
    body: Rect,
    (columns, rows): (usize, usize),
    title: &str,
    keys: &[(&str, &str)],
    theme: Theme,
) -> Rect {
    let size = |wanted: usize, most: u16| u16::try_from(wanted + 2).unwrap_or(u16::MAX).min(most);
    let (width, height) = (size(columns, body.width), size(rows, body.height));
    let area = Rect::new(body.x + (body.width - width) / 2, body.y + (body.height - height) / 2, width, height);
    frame.render_widget(Clear, area);
    let title = cell::cut(title, usize::from(width).saturating_sub(4));
    // Where not all keys fit, the last ones matter most; the footer has all.
    let fits = |from: &usize| hints(&keys[*from..], theme).width() + 2 <= usize::from(width);
    let from = (0..keys.len()).find(fits).unwrap_or(keys.len().saturating_sub(1));
    let keys = &keys[from.min(keys.len())..];
    let block = Block::bordered()
        .border_type(BorderType::Plain)
        .border_style(theme.border(true))
        .title(Span::styled(format!(" {title} "), theme.title(true)))
        .title_bottom(hints(keys, theme).right_aligned());
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

/// Keys and what they do.
pub(super) fn hints(keys: &[(&str, &str)], theme: Theme) -> Line<'static> {
    let mut line = Line::default();
    for (key, name) in keys {
        line.push_span(Span::styled(format!(" {key}"), theme.key()));
        line.push_span(Span::styled(format!(" {name} "), theme.quiet()));
    }
    line
}
