//! The line that says which moment is shown: a place on the run's line, and the keys that go on from there.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Theme, cell};
use crate::app::{self, State};

/// The narrowest line of the run that shows anything.
const LEAST: usize = 12;
/// The widest one.
const MOST: usize = 40;

/// Draws the line, if a moment of the past is shown.
pub(super) fn draw(frame: &mut Frame, area: Rect, state: &State, theme: Theme) {
    let Some(strip) = app::strip(state).filter(|_| !area.is_empty()) else { return };
    let keys: Vec<Span<'static>> = strip
        .keys
        .iter()
        .flat_map(|(key, name)| {
            [Span::styled(format!("  {key}"), theme.key()), Span::styled(format!(" {name}"), theme.quiet())]
        })
        .collect();
    let keys = Line::from(keys);
    let mut line = Line::from(vec![
        Span::styled(" PAST ", theme.selection(true)),
        Span::styled(format!(" {}", strip.place), theme.output()),
    ]);
    // Where there is no room for all of it, the keys stay.
    let columns = usize::from(area.width);
    let parts = [strip.waiting.map(|waiting| (waiting, theme.paused())), Some((strip.time, theme.text()))];
    let mut free = columns.saturating_sub(line.width() + keys.width() + 1);
    for (text, style) in parts.into_iter().flatten() {
        let text = format!(" · {text}");
        if cell::width(&text) <= free {
            free -= cell::width(&text);
            line.push_span(Span::styled(text, style));
        }
    }
    let room = columns.saturating_sub(line.width() + keys.width() + 4);
    let wide = if room >= LEAST + 20 { (room - 20).min(MOST) } else { 0 };
    let words = room.saturating_sub(if wide > 0 { wide + 2 } else { 0 });
    line.push_span(Span::styled(format!("  {}", cell::left(&strip.event, words)), theme.quiet()));
    if wide > 0 {
        let at = (usize::from(strip.part) * (wide - 1) / 1000).min(wide - 1);
        line.push_span(Span::styled(format!("  {}", "━".repeat(at)), theme.output()));
        line.push_span(Span::styled("●", theme.output()));
        line.push_span(Span::styled("─".repeat(wide - 1 - at), theme.quiet()));
    }
    line.extend(keys.spans);
    frame.render_widget(Paragraph::new(line), area);
}
