//! How far a question was read: one that doesn't fit the screen is scrolled, and confirmed only after its end was in
//! view.

use std::ops::Range;

use super::Key;
use super::text::plural;

/// The place in a text, and whether its end was in view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    top: usize,
    height: usize,
    len: usize,
    done: bool,
}

impl Reading {
    /// Takes the number of lines, and how many of them fit.
    pub(super) fn fit(&mut self, len: usize, height: usize) {
        (self.len, self.height) = (len, height);
        self.go(self.top);
    }

    /// The lines in view.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.top..self.len.min(self.top + self.height)
    }

    /// Lines above the view.
    #[must_use]
    pub fn above(&self) -> usize {
        self.top
    }

    /// Lines below the view.
    #[must_use]
    pub fn below(&self) -> usize {
        self.len.saturating_sub(self.top + self.height)
    }

    /// True while not all of it fits.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.len > self.height
    }

    /// True once its end was in view.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The first line in view becomes this one, or the last that leaves no empty lines below.
    pub(super) fn go(&mut self, top: usize) {
        self.top = top.min(self.len.saturating_sub(self.height));
        self.done |= self.height > 0 && self.below() == 0;
    }

    /// Puts a line into the middle of the view.
    pub(super) fn show(&mut self, line: usize) {
        self.go(line.saturating_sub(self.height / 2));
    }

    /// A key that scrolls; others do nothing.
    pub(super) fn key(&mut self, key: Key) {
        let page = self.height.saturating_sub(1).max(1);
        match key {
            Key::Char('j') | Key::Down => self.go(self.top + 1),
            Key::Char('k') | Key::Up => self.go(self.top.saturating_sub(1)),
            Key::PageDown | Key::Ctrl('d') => self.go(self.top + page),
            Key::PageUp | Key::Ctrl('u') => self.go(self.top.saturating_sub(page)),
            Key::Home | Key::Char('g') => self.go(0),
            Key::End | Key::Char('G') => self.go(usize::MAX),
            _ => {}
        }
    }

    /// The key that confirms came before the end was in view: shows the next page instead, and says so. `None`: all
    /// of it was in view already.
    pub(super) fn read_on(&mut self, key: Key) -> Option<String> {
        if self.done {
            return None;
        }
        self.go(self.top + self.height.max(1));
        Some(match self.below() {
            0 => format!("not yet: this is the end, {key} confirms"),
            left => format!("not yet: {} below, {key} shows more", plural(left, "more line")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_must_be_in_view_before_it_is_read() {
        let mut reading = Reading::default();
        reading.fit(25, 10);
        assert!(!reading.is_done() && reading.is_long());
        assert!(reading.read_on(Key::Enter).is_some_and(|said| said.contains("5 more lines below")));
        assert_eq!((reading.range(), reading.above()), (10..20, 10));
        assert!(reading.read_on(Key::Enter).is_some_and(|said| said.contains("this is the end")));
        assert_eq!((reading.range(), reading.is_done()), (15..25, true));
        assert_eq!(reading.read_on(Key::Enter), None);
        reading.key(Key::Home);
        assert!(reading.is_done(), "it was read");
    }

    #[test]
    fn a_text_that_fits_is_read_at_once() {
        let mut reading = Reading::default();
        assert!(!reading.is_done(), "nothing was shown yet");
        reading.fit(3, 10);
        assert!(reading.is_done());
        let mut grown = Reading::default();
        grown.fit(20, 5);
        grown.fit(20, 30);
        assert!(grown.is_done(), "a larger window shows all of it");
    }
}
