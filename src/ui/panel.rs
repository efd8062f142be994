//! The frame of a panel: a plain border, accented where the keys go.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType};

use super::Theme;
use crate::app::Area;

/// The frame of a panel.
pub(super) fn frame(theme: Theme, focused: bool, title: Line<'static>) -> Block<'static> {
    Block::bordered().border_type(BorderType::Plain).border_style(theme.border(focused)).title(title)
}

/// A panel's title, a space on either side of it.
pub(super) fn title(theme: Theme, focused: bool, text: &str) -> Line<'static> {
    Line::from(Span::styled(format!(" {text} "), theme.title(focused)))
}

/// The area as ratatui has it.
pub(super) fn rect(area: Area) -> Rect {
    Rect::new(area.x, area.y, area.width, area.height)
}
