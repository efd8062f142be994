//! The help: the key table.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::{Theme, cell};
use super::sheet;
use crate::app::{Context, Help, keys};

/// Columns of the keys.
const KEYS: usize = 16;
/// Columns of the docs.
const DOCS: usize = 58;

/// Draws the part of the table that fits, from the help's first line on.
pub(super) fn draw(frame: &mut Frame, body: Rect, help: Help, theme: Theme) {
    let lines: Vec<Line> = keys::help_lines()
        .into_iter()
        .map(|(text, verb)| match verb {
            None => Line::from(Span::styled(text, theme.title(true))),
            Some(verb) => {
                let place = if verb.context == Context::Rollback { "in Rollback: " } else { "" };
                Line::from(vec![
                    Span::styled(format!("  {}", cell::left(&text, KEYS)), theme.key()),
                    Span::raw(format!("{place}{}", verb.doc)),
                ])
            }
        })
        .collect();
    let all = lines.len();
    let keys = [("j k", "scroll"), ("Esc", "close")];
    let inner = sheet::clear(frame, body, (KEYS + DOCS + 4, all), "Keys", &keys, theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let top = help.top.min(all.saturating_sub(usize::from(inner.height)));
    frame.render_widget(Paragraph::new(lines.into_iter().skip(top).collect::<Vec<_>>()), inner);
}
