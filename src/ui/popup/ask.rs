//! Questions before something destructive is done.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::Theme;
use super::sheet;
use crate::app::Ask;

/// A question that wants its key.
pub(super) fn question(frame: &mut Frame, body: Rect, ask: &Ask, theme: Theme) {
    let lines = ask.lines.iter().flat_map(|line| sheet::wrapped(line, body)).map(Line::from).collect();
    let lines = shortened(lines, body, theme);
    let key = ask.key.to_string();
    sheet::show(frame, body, &ask.title, lines, &[(&key, ask.buttons.confirm), ("Esc", ask.buttons.close)], theme);
}

/// Leaves out lines of the middle where not all fit, and says how many: the end of a question matters most.
fn shortened(mut lines: Vec<Line<'static>>, body: Rect, theme: Theme) -> Vec<Line<'static>> {
    let room = usize::from(body.height).saturating_sub(2);
    let over = lines.len().saturating_sub(room);
    if over > 0 && room > 2 {
        let from = room / 3;
        lines.drain(from..=from + over);
        lines.insert(from, Line::from(Span::styled(format!("  … {} more lines", over + 1), theme.quiet())));
    }
    lines
}
