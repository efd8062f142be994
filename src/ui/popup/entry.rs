//! A line of the Log in full.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::{Theme, hits};
use super::sheet;
use crate::app::{Entry, Place, State};

/// Draws the lines in view, and how many are above and below.
pub(super) fn draw(frame: &mut Frame, body: Rect, entry: &Entry, state: &State, theme: Theme) {
    let texts = entry.texts(state.size);
    let height = Entry::height(state.size);
    let above = entry.top.min(texts.len().saturating_sub(height));
    let below = texts.len().saturating_sub(above + height);
    let lines = texts.into_iter().skip(above).take(height).map(Line::from).collect();
    let keys = [("l", "to its span"), ("y", "copy"), ("Esc", "close")];
    let from = usize::from(entry.span.is_none());
    let inner = sheet::show(frame, body, &entry.title, lines, &keys[from..], theme);
    sheet::more(frame, inner, above, below, theme);
    hits::mark(frame.buffer_mut(), inner, state.find(Place::Popup), theme);
}
