//! Lines, safe to be shown, wrapped to the panel's width.

use unicode_width::UnicodeWidthChar;

use crate::app::safe;
use crate::model::LineIn;

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// The title of a section.
    Title {
        /// True while the section is folded.
        folded: bool,
    },
    /// Prose.
    Text,
    /// JSON.
    Json {
        /// The state of JSON in which a wrapped line continues.
        starts: JsonStart,
    },
    /// An error.
    Error,
    /// The role of the message below.
    Role,
    /// A name and its value, the value from this byte on.
    Fact {
        /// Where the value starts.
        value: usize,
    },
    /// A change: git's letter, its key, and from this byte on how its state changes.
    Change {
        /// Where the key ends.
        rest: usize,
    },
    /// The place of the lines below in both states.
    Place,
    /// A line of a diff, after its sign.
    Diff(LineIn),
    /// A remark.
    Note,
}

/// Where a line of JSON begins: a wrapped string goes on in the lines after its first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum JsonStart {
    /// Between strings.
    #[default]
    Outside,
    /// In a string.
    Inside,
    /// In a string, after a backslash.
    Escaped,
}

impl JsonStart {
    /// Where the text after this one begins.
    #[must_use]
    pub fn after(self, text: &str) -> Self {
        text.chars().fold(self, |at, letter| match (at, letter) {
            (Self::Outside, '"') | (Self::Escaped, _) => Self::Inside,
            (Self::Inside, '"') | (Self::Outside, _) => Self::Outside,
            (Self::Inside, '\\') => Self::Escaped,
            (Self::Inside, _) => Self::Inside,
        })
    }
}

/// One line, safe to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailLine {
    /// The section it belongs to.
    pub section: usize,
    /// The kind.
    pub kind: LineKind,
    /// The text.
    pub text: String,
}

/// Collects the lines of one section.
pub(super) struct Lines<'a> {
    pub out: &'a mut Vec<DetailLine>,
    pub section: usize,
    /// The width to wrap at; `None`: long lines are left as they are.
    pub width: Option<usize>,
}

impl Lines<'_> {
    /// Adds a text, line by line.
    pub(super) fn push(&mut self, kind: LineKind, text: &str) {
        for line in safe::lines(text) {
            let width = self.width;
            for piece in width.map_or_else(|| vec![&*line], |width| wrapped(&line, width)) {
                self.add(kind, piece.to_owned());
            }
        }
    }

    /// Adds one safe line, of another kind where it goes on.
    pub(super) fn push_first(&mut self, first: LineKind, then: LineKind, line: &str) {
        let pieces = self.width.map_or_else(|| vec![line], |width| wrapped(line, width));
        for (at, piece) in pieces.into_iter().enumerate() {
            self.add(if at == 0 { first } else { then }, piece.to_owned());
        }
    }

    /// Adds one safe line after a sign; where it goes on, it stands under its beginning.
    pub(super) fn push_after(&mut self, kind: LineKind, sign: &str, line: &str) {
        let width = self.width.map(|width| width.saturating_sub(sign.len()));
        let pieces = width.map_or_else(|| vec![line], |width| wrapped(line, width));
        for (at, piece) in pieces.into_iter().enumerate() {
            let first = if at == 0 { sign.to_owned() } else { " ".repeat(sign.len()) };
            self.add(kind, first + piece);
        }
    }

    /// Adds a name and its value, which begins after the columns of the longest name, in every line of it.
    pub(super) fn fact(&mut self, name: &str, value: &str, longest: usize) {
        let name = safe::line(name);
        let gap = longest.saturating_sub(columns(&name)) + 2;
        let mut head = format!("{name}{}", " ".repeat(gap));
        let rest = " ".repeat(longest + 2);
        let width = self.width.map(|width| width.saturating_sub(longest + 2).max(16));
        for line in safe::lines(if value.is_empty() { " " } else { value }) {
            for piece in width.map_or_else(|| vec![&*line], |width| wrapped(&line, width)) {
                let kind = LineKind::Fact { value: head.len() };
                let line = std::mem::replace(&mut head, rest.clone()) + piece;
                self.add(kind, line);
            }
        }
    }

    /// Adds JSON, line by line.
    pub(super) fn json(&mut self, text: &str) {
        for line in safe::lines(text) {
            let width = self.width;
            let mut next = JsonStart::Outside;
            for piece in width.map_or_else(|| vec![&*line], |width| wrapped(&line, width)) {
                let starts = next;
                next = starts.after(piece);
                self.add(LineKind::Json { starts }, piece.to_owned());
            }
        }
    }

    fn add(&mut self, kind: LineKind, text: String) {
        self.out.push(DetailLine { section: self.section, kind, text });
    }
}

/// The columns of a text on the screen.
pub(in crate::app) fn columns(text: &str) -> usize {
    text.chars().map(|letter| letter.width().unwrap_or(0)).sum()
}

/// Cuts a line into pieces of at most `width` columns, at spaces where that is possible.
pub(in crate::app) fn wrapped(line: &str, width: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(end) = overflow(rest, width.max(2)) {
        let cut = rest[..end].rfind(' ').map_or(end, |space| space + 1);
        pieces.push(rest[..cut].trim_end());
        rest = &rest[cut..];
    }
    pieces.push(rest);
    pieces
}

/// The byte from which on a line is too wide.
fn overflow(line: &str, width: usize) -> Option<usize> {
    let mut used = 0;
    line.char_indices().find_map(|(at, letter)| {
        used += letter.width().unwrap_or(0);
        (used > width).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wrap_at_spaces_and_at_the_width() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("字字字", 4), ["字字", "字"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
