//! The line at the bottom: an answer to the last key or what a key would do on the left, keys that work now on the
//! right.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Theme, cell};
use crate::app::Footer;

/// Narrower than this, what a key would do says nothing any more.
const READABLE: usize = 16;

/// Draws the line.
pub(super) fn draw(frame: &mut Frame, area: Rect, footer: &Footer, theme: Theme) {
    let columns = usize::from(area.width);
    let (left, style) = match (&footer.input, footer.is_answer) {
        (Some(input), _) => (format!(" {input}"), theme.call()),
        (None, true) if footer.is_refusal => (format!(" {}", footer.left), theme.tool()),
        (None, true) => (format!(" {}", footer.left), theme.text()),
        (None, false) => (format!(" {}", footer.left), theme.quiet()),
    };
    let hints = hints(&footer.hints, room(footer, &left, columns), theme);
    let width = hints.width();
    let left_room = columns.saturating_sub(width + 1);
    let mut spans = if footer.input.is_some() {
        typed(&left, footer, left_room, style, theme)
    } else if footer.is_answer || cell::width(&left) <= left_room || left_room >= READABLE {
        vec![Span::styled(cell::left(&left, left_room), style)]
    } else {
        vec![Span::raw(" ".repeat(left_room))]
    };
    spans.extend(hints.spans);
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

/// The columns for hints: an answer or what is typed goes before them, all but the help's; what a key would do goes
/// after those that are needed now.
fn room(footer: &Footer, left: &str, columns: usize) -> usize {
    let wide = |(key, name): &(String, &str)| cell::width(key) + cell::width(name) + 3;
    let help = footer.hints.last().map_or(0, wide);
    let first = footer.input.is_some() || footer.is_answer;
    let needed = if first { 0 } else { footer.hints.iter().take(footer.needed).map(wide).sum() };
    let beside =
        if footer.input.is_some() { cell::width(left) + cell::width(&footer.left) + 3 } else { cell::width(left) };
    columns.saturating_sub(beside + 2).max((needed + help).min(columns))
}

/// The search as it is typed, with a cursor, and that it finds nothing.
fn typed<'a>(text: &str, footer: &Footer, room: usize, style: Style, theme: Theme) -> Vec<Span<'a>> {
    let at = cell::width(text).min(room.saturating_sub(1));
    let note = if footer.is_answer { format!("  {}", footer.left) } else { String::new() };
    vec![
        Span::styled(cell::left(text, at), style),
        Span::styled(" ", style.add_modifier(Modifier::REVERSED)),
        Span::styled(
            cell::left(&note, room.saturating_sub(at + 1)),
            if footer.is_refusal { theme.tool() } else { theme.text() },
        ),
    ]
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
