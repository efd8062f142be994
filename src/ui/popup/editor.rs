//! The editor: what is about to be sent, or an answer in its place.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::super::{Theme, View};
use super::sheet;
use crate::app::{Editor, Purpose};

/// Draws the text area with its title, its scope and its keys.
pub(super) fn draw(frame: &mut Frame, body: Rect, editor: &Editor, view: &View, theme: Theme) {
    let choosable = matches!(&editor.purpose, Purpose::Edit { scopes, .. } if scopes.len() > 1);
    let title = editor.full_title();
    let keys = [("Ctrl-t", "scope"), ("Ctrl-s", editor.purpose.word()), ("Esc", "Cancel")];
    let keys = &keys[usize::from(!choosable)..];
    // A margin of what is below stays visible, so that it is clear where this text belongs.
    let size = (usize::from(body.width).saturating_sub(8), usize::from(body.height).saturating_sub(4));
    let inner = sheet::clear(frame, body, size, &title, keys, theme);
    if let Some(editing) = view.editing() {
        frame.render_widget(editing.area(), inner);
    }
}
