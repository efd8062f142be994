//! The breakpoints.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::{Theme, cell};
use super::sheet;
use crate::app::text::plural;
use crate::app::{BreakList, State};

/// Draws the list; cleared ones stay in it.
pub(super) fn draw(frame: &mut Frame, body: Rect, list: BreakList, state: &State, theme: Theme) {
    let room = usize::from(body.width).saturating_sub(26);
    let mut lines: Vec<Line> = state
        .breakpoints
        .iter()
        .enumerate()
        .map(|(at, breakpoint)| {
            let chosen = at == list.cursor;
            let (word, style) = if breakpoint.enabled { ("on ", theme.call()) } else { ("off", theme.quiet()) };
            let line = Line::from(vec![
                Span::raw(if chosen { "› " } else { "  " }),
                Span::styled(word, style),
                Span::raw(format!("  {}", cell::cut(&breakpoint.label(), room))),
                Span::styled(hits(state.break_hits(breakpoint)), theme.quiet()),
            ]);
            if chosen { line.patch_style(theme.selection(true)) } else { line }
        })
        .collect();
    if lines.is_empty() {
        lines.push(Line::from(Span::styled("none: a adds one from what is selected", theme.quiet())));
    }
    let keys = [("Space", "on or off"), ("w", "when"), ("d", "delete"), ("a", "add"), ("Esc", "close")];
    sheet::show(frame, body, "Breakpoints", lines, &keys, theme);
}

/// How often it stopped the run.
fn hits(hits: usize) -> String {
    if hits == 0 { String::new() } else { format!("  {}", plural(hits, "hit")) }
}
