//! Marks where a search matches, in what is already drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::Theme;

/// Marks every place in an area where the text stands on one line, in any case.
pub(super) fn mark(buffer: &mut Buffer, area: Rect, find: &str, theme: Theme) {
    let find = find.to_lowercase();
    if find.is_empty() {
        return;
    }
    let area = area.intersection(buffer.area);
    for y in area.y..area.bottom() {
        let (text, columns) = line(buffer, area, y);
        for (at, hit) in text.match_indices(&find) {
            for x in columns.iter().skip(at).take(hit.len()) {
                buffer[(*x, y)].set_style(theme.hit());
            }
        }
    }
}

/// A line in lower case, with the column of each of its bytes.
fn line(buffer: &Buffer, area: Rect, y: u16) -> (String, Vec<u16>) {
    let (mut text, mut columns) = (String::new(), Vec::new());
    let mut x = area.x;
    while x < area.right() {
        let symbol = buffer[(x, y)].symbol();
        let lower = symbol.to_lowercase();
        columns.extend(std::iter::repeat_n(x, lower.len()));
        text.push_str(&lower);
        // The cell after a wide character is part of it.
        x += u16::try_from(symbol.width().max(1)).unwrap_or(1);
    }
    (text, columns)
}

#[cfg(test)]
mod tests {
    use super::super::ColorDepth;
    use super::*;

    #[test]
    fn hits_are_marked_in_any_case_and_across_wide_characters() {
        let theme = Theme::new(ColorDepth::True);
        let mut buffer = Buffer::with_lines(["a ROW, 世界 row"]);
        let area = buffer.area;
        mark(&mut buffer, area, "Row", theme);
        let marked = |buffer: &Buffer| -> Vec<u16> {
            (0..buffer.area.width).filter(|x| Some(buffer[(*x, 0)].bg) == theme.hit().bg).collect()
        };
        assert_eq!(marked(&buffer), [2, 3, 4, 12, 13, 14]);
        mark(&mut buffer, area, "世界", theme);
        assert!(marked(&buffer).starts_with(&[2, 3, 4, 7, 9]));
    }
}
