//! A cursor in a list of lines, and the first line in view.

/// Where a list stands: the line under the cursor and the first line in view.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scroll {
    /// The line under the cursor.
    pub cursor: usize,
    /// The first line in view.
    pub top: usize,
}

impl Scroll {
    /// Moves the cursor, and the view as far as the cursor needs it.
    pub fn step(&mut self, by: isize, len: usize, height: usize) {
        self.go(self.cursor.saturating_add_signed(by), len, height);
    }

    /// Puts the cursor on a line, and the view as far as the cursor needs it.
    pub fn go(&mut self, line: usize, len: usize, height: usize) {
        self.cursor = line.min(len.saturating_sub(1));
        let first = (self.cursor + 1).saturating_sub(height.max(1));
        self.top = self.top.clamp(first, self.cursor).min(len.saturating_sub(height));
    }

    /// Moves the view, and the cursor as far as it must stay in view.
    pub fn slide(&mut self, by: isize, len: usize, height: usize) {
        self.top = self.top.saturating_add_signed(by).min(len.saturating_sub(height));
        let last = (self.top + height.max(1) - 1).min(len.saturating_sub(1));
        self.cursor = self.cursor.clamp(self.top.min(last), last);
    }

    /// The lines in view.
    #[must_use]
    pub fn range(&self, len: usize, height: usize) -> std::ops::Range<usize> {
        let top = self.top.min(len);
        top..len.min(top + height)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_cursor_stays_in_view(moves in prop::collection::vec((any::<bool>(), -30isize..30), 0..20), len in 0usize..50, height in 1usize..12) {
            let mut scroll = Scroll::default();
            for (slides, by) in moves {
                if slides { scroll.slide(by, len, height) } else { scroll.step(by, len, height) }
                let view = scroll.range(len, height);
                prop_assert!(len == 0 || view.contains(&scroll.cursor), "{scroll:?} {view:?}");
                prop_assert_eq!(view.len(), len.min(height));
            }
        }
    }
}
