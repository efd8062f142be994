//! The help: the key table by group, in one column or two, as many as the screen has room for.

use super::Pane;
use super::detail::wrapped;
use super::keys;

/// Columns of the keys.
pub const HELP_KEYS: usize = 14;
/// Columns of a text in one column.
const TEXT: usize = 60;
/// From this width on there are two columns.
const WIDE: u16 = 120;
/// Columns between two columns.
const GAP: usize = 3;
/// Columns of the screen beside the text: borders, margins, an edge of what is below.
const EDGE: usize = 8;

/// The help popup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Help {
    /// The first row in view.
    pub top: usize,
}

/// One line of a column: a heading, or keys with the start of their text; a text that goes on has no keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpLine {
    /// The keys, or a heading.
    pub keys: String,
    /// The text.
    pub text: String,
    /// True for a heading.
    pub heading: bool,
}

/// The help laid out for a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpPage {
    /// All lines; the second column follows the first.
    lines: Vec<HelpLine>,
    /// Rows of a column.
    pub rows: usize,
    /// Columns of cells in each column.
    pub width: usize,
    /// How many columns there are.
    pub columns: usize,
}

impl HelpPage {
    /// Lays the help out for a screen of that size; the keys of a panel come first.
    #[must_use]
    pub fn new((width, _): (u16, u16), pane: Pane) -> Self {
        let room = usize::from(width).saturating_sub(EDGE);
        let columns = if width >= WIDE { 2 } else { 1 };
        let width = ((room.saturating_sub(GAP * (columns - 1))) / columns).min(HELP_KEYS + TEXT);
        let room = width.saturating_sub(HELP_KEYS);
        let heading = |keys: String| HelpLine { keys, text: String::new(), heading: true };
        let mut lines = vec![heading(format!("In {}", pane.name()))];
        lines.extend(pane.row().help.iter().flat_map(|(keys, text)| key_lines(keys, text, room)));
        lines.extend(keys::help_lines().into_iter().flat_map(|(keys, verb)| match verb {
            None => vec![heading(keys)],
            Some(verb) => key_lines(&keys, &format!("{}{}", verb.context.place(), verb.doc), room),
        }));
        // A heading at the foot of the first column goes to the top of the second, where its keys are.
        let mut rows = lines.len().div_ceil(columns);
        while columns > 1 && rows > 0 && lines.get(rows - 1).is_some_and(|line| line.heading) {
            lines.insert(rows - 1, HelpLine { keys: String::new(), text: String::new(), heading: false });
            rows = lines.len().div_ceil(columns);
        }
        Self { lines, rows, width, columns }
    }

    /// The line on a row of a column.
    #[must_use]
    pub fn line(&self, column: usize, row: usize) -> Option<&HelpLine> {
        self.lines.get(column * self.rows + row).filter(|_| row < self.rows)
    }
}

fn key_lines(keys: &str, text: &str, columns: usize) -> Vec<HelpLine> {
    // Keys that don't fit before the text stand on a line of their own.
    let (first, keys) = if keys.len() + 3 > HELP_KEYS { (Some(keys), "") } else { (None, keys) };
    let own = first.map(|keys| HelpLine { keys: keys.to_owned(), text: String::new(), heading: false });
    let lines = wrapped(text, columns.max(8)).into_iter().enumerate().map(|(at, text)| HelpLine {
        keys: if at == 0 { keys.to_owned() } else { String::new() },
        text: text.to_owned(),
        heading: false,
    });
    own.into_iter().chain(lines).collect()
}

/// Rows in view on a screen of that size: it lies between the first and the last line, in a border.
#[must_use]
pub fn help_height((_, height): (u16, u16)) -> usize {
    usize::from(height.saturating_sub(4))
}

/// The last row that may be the first in view.
pub(super) fn end(size: (u16, u16), pane: Pane) -> usize {
    HelpPage::new(size, pane).rows.saturating_sub(help_height(size))
}

/// The first row in view that shows a line.
pub(super) fn top_for(size: (u16, u16), pane: Pane, line: usize) -> usize {
    let rows = HelpPage::new(size, pane).rows.max(1);
    (line % rows).saturating_sub(help_height(size) / 2).min(end(size, pane))
}

/// The lines as text.
pub(super) fn texts(size: (u16, u16), pane: Pane) -> Vec<String> {
    HelpPage::new(size, pane).lines.into_iter().map(|line| format!("{} {}", line.keys, line.text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_stands_with_its_keys() {
        for width in 60..240 {
            let page = HelpPage::new((width, 42), Pane::Rollback);
            for column in 0..page.columns {
                let foot = page.line(column, page.rows - 1);
                assert!(foot.is_none_or(|line| !line.heading), "{width}: {foot:?}");
            }
            assert_eq!(page.lines.iter().filter(|line| line.heading).count(), keys::Group::ALL.len() + 1);
        }
    }
}
