//! Questions before something destructive is done.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::{Theme, hits};
use super::sheet;
use crate::app::{Ask, Place, State};

/// A question that wants its key: the lines in view, and how many are above and below.
pub(super) fn question(frame: &mut Frame, body: Rect, ask: &Ask, state: &State, theme: Theme) {
    let lines: Vec<Line> = ask.window().iter().cloned().map(Line::from).collect();
    let key = ask.key.to_string();
    let reading = ask.reading();
    let keys = [("j k", "scroll"), (&key[..], ask.buttons.confirm), ("Esc", ask.buttons.close)];
    let from = usize::from(!reading.is_long());
    let inner = sheet::show_wide(frame, body, &ask.title, (lines, ask.widest()), &keys[from..], theme);
    sheet::more(frame, inner, reading.above(), reading.below(), theme);
    hits::mark(frame.buffer_mut(), inner, state.find(Place::Popup), theme);
}
