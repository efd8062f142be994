//! A list of lines with a cursor in it, as the frame moves about in it.

use crate::app::Scroll;

/// A list of lines with a cursor in it.
pub trait Lines {
    /// How many lines there are.
    #[must_use]
    fn line_count(&self) -> usize;

    /// The line under the cursor.
    #[must_use]
    fn cursor_line(&self) -> usize;

    /// The first line in a view of that height.
    #[must_use]
    fn top_line(&self, height: usize) -> usize;

    /// Puts the cursor on a line, and the view as far as the cursor needs it.
    fn go_to_line(&mut self, line: usize, height: usize);

    /// Moves the cursor, and the view as far as the cursor needs it.
    fn step_lines(&mut self, by: isize, height: usize);

    /// Moves the view, and the cursor as far as it must stay in view.
    fn slide_lines(&mut self, by: isize, height: usize);
}

/// A list whose cursor and view are a [`Scroll`].
pub(in crate::app) trait Scrolled {
    /// How many lines there are.
    fn count(&self) -> usize;

    /// The cursor and the view.
    fn scroll(&self) -> &Scroll;

    /// The cursor and the view, to move them.
    fn scroll_mut(&mut self) -> &mut Scroll;

    /// Takes note that the user moved the cursor.
    fn note_move(&mut self) {}
}

impl<T: Scrolled> Lines for T {
    fn line_count(&self) -> usize {
        self.count()
    }

    fn cursor_line(&self) -> usize {
        self.scroll().cursor
    }

    fn top_line(&self, _: usize) -> usize {
        self.scroll().top
    }

    fn go_to_line(&mut self, line: usize, height: usize) {
        let count = self.count();
        self.scroll_mut().go(line, count, height);
        self.note_move();
    }

    fn step_lines(&mut self, by: isize, height: usize) {
        let count = self.count();
        self.scroll_mut().step(by, count, height);
        self.note_move();
    }

    fn slide_lines(&mut self, by: isize, height: usize) {
        let count = self.count();
        self.scroll_mut().slide(by, count, height);
        self.note_move();
    }
}
