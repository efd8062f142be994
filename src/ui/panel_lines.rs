//! Draws the lines of a panel that are made of pieces.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::{Theme, cell};
use crate::app::{Pane, PanelLine, Piece, State, Tone};

/// Draws the lines inside a panel's border; what it says when it has none.
pub(super) fn draw(frame: &mut Frame, inner: Rect, state: &State, pane: Pane, theme: Theme) {
    let (top, len) = state.position(pane);
    if len == 0 {
        let area = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let text = Paragraph::new(state.empty_text(pane)).style(theme.quiet()).wrap(Wrap { trim: true });
        return frame.render_widget(text, area);
    }
    let view: Range<usize> = top..len.min(top + usize::from(inner.height));
    let cursor = state.cursor_line(pane);
    for ((at, line), y) in view.clone().zip(state.panel_lines(pane, view)).zip(inner.y..inner.bottom()) {
        let row = Rect { y, height: 1, ..inner };
        frame.render_widget(Paragraph::new(text(&line, theme)), row);
        if at == cursor && state.focus == pane {
            frame.buffer_mut().set_style(row, theme.selection(true));
        }
    }
}

fn text(line: &PanelLine, theme: Theme) -> Line<'static> {
    let piece = |piece: &Piece| {
        let text = match piece.columns {
            None => piece.text.clone(),
            Some(columns) if piece.keeps_end => cell::left(&cell::end(&piece.text, columns), columns),
            Some(columns) => cell::left(&piece.text, columns),
        };
        Span::styled(text, style(piece.tone, theme))
    };
    Line::from(line.pieces.iter().map(piece).collect::<Vec<_>>())
}

fn style(tone: Tone, theme: Theme) -> Style {
    match tone {
        Tone::Plain => theme.text(),
        Tone::Quiet => theme.quiet(),
        Tone::Strong => theme.strong(),
        Tone::Heading => theme.call(),
        Tone::Added => theme.ok(),
        Tone::Removed | Tone::Bad => theme.error(),
        Tone::Changed => theme.tool(),
        Tone::Gone => theme.undone(),
    }
}
