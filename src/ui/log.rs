//! The Log panel: what the debugger did and why.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Theme, cell};
use crate::app::{LogKind, LogLine, State};

/// Draws the lines inside the panel's border.
pub(super) fn draw(frame: &mut Frame, inner: Rect, state: &State, focused: bool, theme: Theme) {
    let lines = state.log.lines();
    for (at, y) in state.log.scroll.range(lines.len(), usize::from(inner.height)).zip(inner.y..inner.bottom()) {
        let row = Rect { y, height: 1, ..inner };
        frame.render_widget(Paragraph::new(line(&lines[at], usize::from(inner.width), theme)), row);
        if focused && at == state.log.scroll.cursor {
            frame.buffer_mut().set_style(row, theme.selection(true));
        }
    }
}

fn line(entry: &LogLine, columns: usize, theme: Theme) -> Line<'static> {
    let rest = columns.saturating_sub(cell::width(&entry.time) + 2);
    Line::from(vec![
        Span::styled(format!("{}  ", entry.time), theme.quiet()),
        Span::styled(cell::cut(&entry.text, rest).into_owned(), style(entry.kind, theme)),
    ])
}

fn style(kind: LogKind, theme: Theme) -> Style {
    match kind {
        LogKind::Note => theme.text(),
        LogKind::Warning | LogKind::Refused => theme.tool(),
        LogKind::Error => theme.error(),
        LogKind::Gate => theme.call(),
        LogKind::Undo | LogKind::Retry => theme.output(),
    }
}
