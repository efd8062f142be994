//! The frame of a panel: a plain border, accented where the keys go.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
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

/// Marks in a panel's right border where its list goes on: arrows at the ends, and a thumb between them.
pub(super) fn scroll_marks(buffer: &mut Buffer, area: Rect, top: usize, len: usize, theme: Theme) {
    let height = usize::from(area.height.saturating_sub(2));
    if len <= height || height == 0 || area.width < 3 {
        return;
    }
    let most = len - height;
    let top = top.min(most);
    let thumb = (height * height / len).clamp(1, height);
    let from = (top * (height - thumb)).div_ceil(most);
    let last = height - 1;
    for (line, y) in (0..height).zip(area.y + 1..) {
        let symbol = match line {
            0 if top > 0 => "▲",
            _ if line == last && top < most => "▼",
            _ if (from..from + thumb).contains(&line) => "┃",
            _ => continue,
        };
        if let Some(cell) = buffer.cell_mut(Position::new(area.right() - 1, y)) {
            cell.set_symbol(symbol).set_style(theme.quiet());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::ColorDepth;

    fn border(top: usize, len: usize) -> String {
        let area = Rect::new(0, 0, 4, 8);
        let mut buffer = Buffer::empty(area);
        scroll_marks(&mut buffer, area, top, len, Theme::new(ColorDepth::True));
        (1..7).map(|y| buffer[(3, y)].symbol().to_owned()).collect()
    }

    #[test]
    fn marks_say_where_a_list_goes_on() {
        assert_eq!(border(0, 6), "      ");
        assert_eq!(border(0, 12), "┃┃┃  ▼");
        assert_eq!(border(3, 12), "▲ ┃┃┃▼");
        assert_eq!(border(6, 12), "▲  ┃┃┃");
        assert_eq!(border(500, 100_000), "▲┃   ▼");
    }
}
