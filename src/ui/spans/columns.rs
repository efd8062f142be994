//! The columns of the Spans panel, by the width there is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::Theme;

/// Widths of the columns right of the name; one cell lies before each that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    /// All of them, the name included.
    pub(super) whole: usize,
    /// The name with its indentation.
    pub(super) name: usize,
    /// The pattern.
    pub(super) pattern: usize,
    /// The status word.
    pub(super) status: usize,
    /// The duration.
    pub(super) time: usize,
    /// Tokens.
    pub(super) tokens: usize,
    /// Counts of its changes.
    pub(super) did: usize,
    /// The bar on the run's time axis.
    pub(super) bar: usize,
}

impl Columns {
    /// The columns for a width; what matters least goes first when it is narrow.
    pub(super) fn new(width: u16, bar: bool) -> Self {
        let whole = usize::from(width);
        let mut columns = Self {
            whole,
            name: 0,
            pattern: if whole >= if bar { 78 } else { 62 } { 8 } else { 0 },
            status: if whole >= if bar { 76 } else { 60 } { 9 } else { 7 },
            time: if whole >= 26 { 5 } else { 0 },
            tokens: if whole >= 42 { 5 } else { 0 },
            did: match whole {
                110.. => 16,
                34.. => 9,
                _ => 0,
            },
            bar: match whole {
                _ if !bar => 0,
                110.. => 24,
                90.. => 12,
                60.. => (whole / 12).saturating_sub(1),
                _ => 0,
            },
        };
        let used: usize = columns.right().iter().map(|(width, _)| width + usize::from(*width > 0)).sum();
        columns.name = whole.saturating_sub(used);
        columns
    }

    /// Width and heading of each column right of the name, in order.
    fn right(&self) -> [(usize, &'static str); 6] {
        [
            (self.pattern, "pattern"),
            (self.status, "status"),
            (self.time, "time"),
            (self.tokens, "tok"),
            (self.did, "undo"),
            (self.bar, "when"),
        ]
    }

    /// Writes the headings into the panel's upper border.
    pub(super) fn headings(&self, buffer: &mut Buffer, area: Rect, theme: Theme) {
        if area.height == 0 {
            return;
        }
        let mut x = usize::from(area.x) + 1 + self.name;
        for (width, heading) in self.right().into_iter().filter(|(width, _)| *width > 0) {
            let numeric = matches!(heading, "time" | "tok");
            let at = if numeric { x + 1 + width - heading.len() } else { x + 1 };
            // A heading that would cover the panel's title is left out.
            if let Some(start) = u16::try_from(at - 1).ok().filter(|_| self.name >= 18) {
                let room = usize::from(area.right().saturating_sub(start + 1)).min(heading.len() + 2);
                buffer.set_stringn(start, area.y, format!(" {heading} "), room, theme.quiet());
            }
            x += width + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_width() {
        for width in 0..200 {
            for bar in [false, true] {
                let columns = Columns::new(width, bar);
                let used: usize = columns.right().iter().map(|(width, _)| width + usize::from(*width > 0)).sum();
                assert!(used + columns.name == columns.whole || columns.name == 0, "{columns:?}");
            }
        }
    }

    #[test]
    fn names_keep_room_in_supported_sizes() {
        // 60 columns stacked, 100 and more side by side.
        for width in [58, 48, 53, 63, 78, 98] {
            assert!(Columns::new(width, width > 60 && width != 78).name >= 16, "{width}");
        }
        // 142 columns, with a bar: a file's name fits beside its tool's.
        assert!(Columns::new(69, true).name >= 34);
    }
}
