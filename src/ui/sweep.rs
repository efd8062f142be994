//! The last pass over a drawn frame: the last line of defence against text that would steer the terminal, and the
//! background where the screen paints its own.

use ratatui::buffer::Buffer;
use ratatui::style::Color;

use crate::app::safe;

/// Leaves no control character in any cell of a drawn frame, wherever its text came from, and gives cells without a
/// foreground or background of their own the painted one.
pub(super) fn sweep(buffer: &mut Buffer, painted: Option<(Color, Color)>) {
    for cell in &mut buffer.content {
        // Most cells have one letter of ASCII.
        let plain = matches!(cell.symbol().as_bytes(), [b' '..=b'~']);
        if !plain && !cell.symbol().chars().all(safe::is_plain) {
            cell.set_symbol("\u{fffd}");
        }
        if let Some((front, back)) = painted {
            if cell.fg == Color::Reset {
                cell.fg = front;
            }
            if cell.bg == Color::Reset {
                cell.bg = back;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn controls_and_hidden_marks_go() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 1));
        buffer[(0, 0)].set_symbol("\u{1b}[2J");
        buffer[(1, 0)].set_symbol("a\u{202e}");
        buffer[(2, 0)].set_symbol("世");
        sweep(&mut buffer, None);
        let symbols: Vec<&str> = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(symbols, ["\u{fffd}", "\u{fffd}", "世"]);
    }

    #[test]
    fn cells_without_colours_are_painted() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        buffer[(0, 0)].bg = Color::Red;
        sweep(&mut buffer, Some((Color::White, Color::Black)));
        let colors: Vec<_> = buffer.content.iter().map(|cell| (cell.fg, cell.bg)).collect();
        assert_eq!(colors, [(Color::White, Color::Red), (Color::White, Color::Black)]);
    }
}
