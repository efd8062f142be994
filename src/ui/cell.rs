//! Text into a fixed number of columns.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::app::safe;

/// The columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Safe text cut to a width; what was cut ends with `…`.
pub(super) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    let text = safe::line(text);
    if text.width() <= columns {
        return text;
    }
    let mut used = 0;
    let mut out: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used < columns
        })
        .collect();
    if columns > 0 {
        out.push('…');
    }
    Cow::Owned(out)
}

/// The end of a safe text, cut to a width; what was cut begins with `…`.
pub(super) fn end(text: &str, columns: usize) -> String {
    let text = safe::line(text);
    if text.width() <= columns {
        return text.into_owned();
    }
    let mut used = 1;
    let fits = |(_, c): &(usize, char)| {
        used += c.width().unwrap_or(0);
        used <= columns
    };
    let from = text.char_indices().rev().take_while(fits).last().map_or(text.len(), |(at, _)| at);
    if columns == 0 { String::new() } else { format!("…{}", &text[from..]) }
}

/// Safe text cut and filled to a width.
pub(super) fn left(text: &str, columns: usize) -> String {
    let mut out = cut(text, columns).into_owned();
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(out.width())));
    out
}

/// Safe text cut and filled to a width, at its right end.
pub(super) fn right(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let mut out = " ".repeat(columns.saturating_sub(text.width()));
    out.push_str(&text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_their_width() {
        assert_eq!(cut("plan", 4), "plan");
        assert_eq!(cut("planner", 4), "pla…");
        assert_eq!(cut("planner", 0), "");
        assert_eq!([end("start.md", 9), end("start.md", 6), end("start.md", 0)], ["start.md", "…rt.md", ""]);
        assert_eq!(left("ab", 4), "ab  ");
        assert_eq!(right("ab", 4), "  ab");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(cut("世界世界", 5), "世界…");
        assert_eq!(width(&left("世界世界", 6)), 6);
    }
}
