//! Tables of plain text. A run can have a million rows, so that cells go into one text, one after the other.

use std::fmt::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::app::safe;

/// Columns, two spaces apart.
pub(super) struct Table<'a> {
    head: &'a [&'a str],
    right: &'a [&'a str],
    /// Every cell, safe, row by row.
    cells: String,
    /// Where each of them ends, and how wide it is.
    ends: Vec<(usize, usize)>,
    widths: Vec<usize>,
    formatted: String,
}

impl<'a> Table<'a> {
    /// A table with these heads; the columns named in `right` are aligned to the right.
    pub fn new(head: &'a [&'a str], right: &'a [&'a str]) -> Self {
        let (cells, ends, widths) = (String::new(), Vec::new(), vec![0; head.len()]);
        let mut table = Self { head, right, cells, ends, widths, formatted: String::new() };
        for name in head {
            table.cell(name);
        }
        table
    }

    /// Adds the next cell of a row; the row is full when there is one for each head.
    pub fn cell(&mut self, text: &str) {
        let broken = text.contains(['\n', '\t']).then(|| text.replace(['\n', '\t'], " "));
        let line = safe::line(broken.as_deref().unwrap_or(text));
        let width = if line.is_ascii() { line.len() } else { line.width() };
        let columns = self.widths.len().max(1);
        if let Some(widest) = self.widths.get_mut(self.ends.len() % columns) {
            *widest = width.max(*widest);
        }
        self.cells.push_str(&line);
        self.ends.push((self.cells.len(), width));
    }

    /// Adds the next cell of a row.
    pub fn format(&mut self, cell: fmt::Arguments<'_>) {
        let mut text = std::mem::take(&mut self.formatted);
        text.clear();
        // A text takes all that is written.
        let _ = text.write_fmt(cell);
        self.cell(&text);
        self.formatted = text;
    }

    /// The heads, and the rows below them.
    pub fn draw(&self) -> String {
        let rows = self.ends.len() / self.head.len().max(1);
        let mut drawn = String::with_capacity(rows * self.widths.iter().map(|width| width + 2).sum::<usize>());
        let mut from = 0;
        for row in self.ends.chunks(self.head.len().max(1)) {
            let start = drawn.len();
            for (((end, width), widest), name) in row.iter().zip(&self.widths).zip(self.head) {
                let gap = std::iter::repeat_n(' ', widest - width);
                let cell = &self.cells[from..*end];
                if self.right.contains(name) {
                    drawn.extend(gap);
                    drawn.push_str(cell);
                } else {
                    drawn.push_str(cell);
                    drawn.extend(gap);
                }
                drawn.push_str("  ");
                from = *end;
            }
            let end = start + drawn[start..].trim_end().len();
            drawn.truncate(end);
            drawn.push('\n');
        }
        drawn
    }
}

/// A table of cells that are texts already.
pub(super) fn table(head: &[&str], right: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new(head, right);
    for row in rows {
        for at in 0..head.len() {
            table.cell(row.get(at).map_or("", String::as_str));
        }
    }
    table.draw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_their_width_on_screen() {
        let rows = vec![vec!["日本".into(), "7".into()], vec!["a".into(), "12".into()]];
        assert_eq!(table(&["name", "n"], &["n"], &rows), "name   n\n日本   7\na     12\n");
    }

    #[test]
    fn cells_are_one_safe_line_each() {
        let mut table = Table::new(&["", "b"], &[]);
        table.cell("a\tb\n\u{1b}[31mc");
        table.format(format_args!("{}", 7));
        table.cell("");
        table.cell("");
        assert_eq!(table.draw(), "        b\na b ␛c  7\n\n");
    }
}
