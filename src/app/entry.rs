//! A line of the Log, opened in full.

use super::detail::wrapped;
use super::{LogLine, safe};
use crate::model::SpanId;

/// Columns of text that are comfortable to read.
const WIDEST: usize = 100;
/// Columns and rows of the screen beside the text.
const EDGE: (usize, usize) = (6, 4);

/// A line of the Log over the panels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The line's time and the span it is about.
    pub title: String,
    /// The whole text, as it is stored.
    pub text: String,
    /// The span it is about.
    pub span: Option<SpanId>,
    /// The first line in view.
    pub top: usize,
}

impl Entry {
    pub(super) fn new(line: &LogLine, path: &str) -> Self {
        let title = if path.is_empty() { line.time.clone() } else { format!("{} · {path}", line.time) };
        Self { title: safe::line(&title).into_owned(), text: line.full.clone(), span: line.span, top: 0 }
    }

    /// The text as safe lines that fit a screen of that size.
    #[must_use]
    pub fn texts(&self, (width, _): (u16, u16)) -> Vec<String> {
        let columns = usize::from(width).saturating_sub(EDGE.0).clamp(8, WIDEST);
        let lines = safe::lines(&self.text);
        lines.flat_map(|line| wrapped(&line, columns).into_iter().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// Lines in view on a screen of that size.
    #[must_use]
    pub fn height((_, height): (u16, u16)) -> usize {
        usize::from(height).saturating_sub(EDGE.1)
    }

    /// Scrolls by lines.
    pub(super) fn scroll(&mut self, by: isize, size: (u16, u16)) {
        self.top = self.top.saturating_add_signed(by).min(self.end(size));
    }

    /// The first line in view that shows a line.
    pub(super) fn top_for(&self, line: usize, size: (u16, u16)) -> usize {
        line.saturating_sub(Self::height(size) / 2).min(self.end(size))
    }

    fn end(&self, size: (u16, u16)) -> usize {
        self.texts(size).len().saturating_sub(Self::height(size))
    }
}
