//! The columns of the Spans panel, by the width there is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::Theme;

/// Columns that are shown only when there is something to show in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Some cost is known.
    pub(super) cost: bool,
    /// Something has no undo.
    pub(super) no_undo: bool,
    /// The screen is wide enough for the time axis.
    pub(super) bar: bool,
}

/// Widths of the columns right of the name; one cell lies before each that is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// All of them, the name included.
    pub(super) whole: usize,
    /// The name with its indentation.
    pub(super) name: usize,
    /// The pattern.
    pub(super) pattern: usize,
    /// The state.
    pub(super) state: usize,
    /// Time without waits.
    pub(super) work: usize,
    /// Tokens.
    pub(super) tokens: usize,
    /// Cost.
    pub(super) cost: usize,
    /// How many changes can be undone.
    pub(super) undo: usize,
    /// How many have no undo.
    pub(super) no_undo: usize,
    /// The bar on the run's time axis.
    pub(super) bar: usize,
}

/// A column: its field, its width, how much it must leave for the name, and whether it is wanted.
type Column = (fn(&mut Columns) -> &mut usize, usize, usize, bool);

impl Columns {
    /// The columns for a width; what matters least goes first when it is narrow.
    pub(super) fn new(width: u16, wanted: Wanted) -> Self {
        let whole = usize::from(width);
        let mut columns = Self { whole, name: whole, ..Self::default() };
        let order: [Column; 8] = [
            (|columns| &mut columns.state, 11, 5, true),
            (|columns| &mut columns.work, 5, 12, true),
            (|columns| &mut columns.undo, 4, 14, true),
            (|columns| &mut columns.no_undo, 7, 14, wanted.no_undo),
            (|columns| &mut columns.tokens, 5, 16, true),
            (|columns| &mut columns.cost, 7, 20, wanted.cost),
            (|columns| &mut columns.bar, 12, 22, wanted.bar),
            (|columns| &mut columns.pattern, 8, 30, true),
        ];
        for (column, wide, leaves, is_wanted) in order {
            if is_wanted && columns.name > wide + leaves {
                columns.name -= wide + 1;
                *column(&mut columns) = wide;
            }
        }
        columns.grow(|columns| &mut columns.state, 5, 34);
        columns.grow(|columns| &mut columns.bar, 24, 50);
        columns
    }

    /// Makes a column wider where the name has more than it needs.
    fn grow(&mut self, column: fn(&mut Self) -> &mut usize, most: usize, leaves: usize) {
        let more = self.name.saturating_sub(leaves).min(most);
        if *column(self) > 0 {
            *column(self) += more;
            self.name -= more;
        }
    }

    /// The first column of the state, from the panel's inner edge.
    pub(super) fn state_at(&self) -> usize {
        self.name + 1 + if self.pattern > 0 { self.pattern + 1 } else { 0 }
    }

    /// Width and heading of each column right of the name, in order, and whether it holds numbers.
    fn right(&self) -> [(usize, &'static str, bool); 8] {
        [
            (self.pattern, "pattern", false),
            (self.state, "state", false),
            (self.work, "work", true),
            (self.tokens, "tok", true),
            (self.cost, "cost", true),
            (self.undo, "undo", true),
            (self.no_undo, "no undo", true),
            (self.bar, "when", false),
        ]
    }

    /// Writes the headings into the panel's upper border.
    pub(super) fn headings(&self, buffer: &mut Buffer, area: Rect, theme: Theme) {
        if area.height == 0 {
            return;
        }
        let mut x = usize::from(area.x) + 1 + self.name;
        for (width, heading, is_number) in self.right().into_iter().filter(|(width, ..)| *width > 0) {
            let at = if is_number { x + 1 + width.saturating_sub(heading.len()) } else { x + 1 };
            if let Ok(start) = u16::try_from(at - 1) {
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

    const ALL: Wanted = Wanted { cost: true, no_undo: true, bar: true };
    const BAR: Wanted = Wanted { bar: true, cost: false, no_undo: false };

    #[test]
    fn columns_fill_the_width() {
        for width in 0..300 {
            for wanted in [Wanted::default(), BAR, ALL] {
                let columns = Columns::new(width, wanted);
                let used: usize = columns.right().iter().map(|(width, ..)| width + usize::from(*width > 0)).sum();
                assert_eq!(used + columns.name, columns.whole, "{columns:?}");
            }
        }
    }

    #[test]
    fn names_keep_room_in_supported_sizes() {
        // 60 columns stacked, 100 and more side by side.
        for width in [58, 48, 53, 63, 78, 98] {
            assert!(Columns::new(width, ALL).name >= 14, "{width}");
            assert!(Columns::new(width, Wanted::default()).name >= 16, "{width}");
        }
        // 140 columns: a file's name fits beside its tool's.
        assert!(Columns::new(82, BAR).name >= 30);
    }

    #[test]
    fn what_matters_most_stays() {
        let narrow = Columns::new(40, ALL);
        assert_eq!((narrow.state, narrow.work, narrow.undo, narrow.tokens), (11, 5, 4, 0));
        let wide = Columns::new(82, ALL);
        assert!(wide.bar >= 12 && wide.cost > 0 && wide.no_undo > 0 && wide.tokens > 0, "{wide:?}");
        // A word that is cut is never taken for a count.
        assert!(Columns::new(118, ALL).state >= "◆ NEEDS APPROVAL".chars().count());
    }
}
