//! The line at the bottom: what `r` would do or why a key was refused on the left, keys that work now on the right.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Theme, cell};
use crate::app::{Footer, State};

/// Draws the line.
pub(super) fn draw(frame: &mut Frame, area: Rect, state: &State, footer: &Footer, theme: Theme) {
    let columns = usize::from(area.width);
    let (left, style) = match (&footer.input, state.message.is_some()) {
        (Some(input), _) => (format!(" {input}"), theme.call()),
        (None, true) => (format!(" {}", footer.left), theme.tool()),
        (None, false) => (format!(" {}", footer.left), theme.quiet()),
    };
    let wanted = cell::width(&left).min(columns);
    // What is said or typed goes before the hints; the help's key stays.
    let help = footer.hints.last().map_or(0, |(key, name)| key.len() + name.len() + 3);
    let room = columns.saturating_sub(wanted + 2).max(help.min(columns));
    let hints = hints(&footer.hints, room, theme);
    let width = hints.width();
    let mut spans = vec![Span::styled(cell::left(&left, columns.saturating_sub(width + 1)), style)];
    if footer.input.is_some() {
        let at = cell::width(&left).min(columns.saturating_sub(width + 2));
        let mut text = cell::cut(&left, at).into_owned();
        text.truncate(text.trim_end_matches('\n').len());
        spans = vec![
            Span::styled(text, style),
            Span::styled(" ", style.add_modifier(Modifier::REVERSED)),
            Span::raw(" ".repeat(columns.saturating_sub(width + at + 2))),
        ];
    }
    spans.extend(hints.spans);
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

/// As many hints as fit; the last (help) always.
fn hints(all: &[(String, &'static str)], room: usize, theme: Theme) -> Line<'static> {
    let Some((last, first)) = all.split_last() else { return Line::default() };
    let wide = |(key, name): &(String, &str)| cell::width(key) + cell::width(name) + 3;
    let mut left = room.saturating_sub(wide(last));
    let mut shown: Vec<&(String, &str)> = Vec::new();
    for hint in first {
        if wide(hint) > left {
            break;
        }
        left -= wide(hint);
        shown.push(hint);
    }
    shown.push(last);
    let mut line = Line::default();
    for (key, name) in shown {
        line.push_span(Span::styled(format!(" {key}"), theme.key()));
        line.push_span(Span::styled(format!(" {name} "), theme.quiet()));
    }
    line
}
