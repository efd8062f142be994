//! The last line of defence against text that would steer the terminal.

use ratatui::buffer::Buffer;

use crate::app::safe;

/// Leaves no control character in any cell of a drawn frame, wherever its text came from.
pub(super) fn sweep(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().chars().all(safe::is_plain) {
            cell.set_symbol("\u{fffd}");
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
        sweep(&mut buffer);
        let symbols: Vec<&str> = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(symbols, ["\u{fffd}", "\u{fffd}", "世"]);
    }
}
