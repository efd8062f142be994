//! A line of a popup about tries.

use unicode_width::UnicodeWidthStr;

use crate::app::safe;

/// The weight of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryTone {
    /// A plain line.
    Plain,
    /// A heading.
    Head,
    /// A try that passed.
    Pass,
    /// A try that did not, or something to look at.
    Fail,
    /// Of less weight.
    Quiet,
}

/// A line, safe to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryRow {
    /// The text.
    pub text: String,
    /// Its weight.
    pub tone: TryTone,
    /// True for the line under the cursor.
    pub chosen: bool,
}

impl TryRow {
    /// A line without the cursor.
    pub(super) fn new(text: &str, tone: TryTone) -> Self {
        Self { text: safe::line(text).into_owned(), tone, chosen: false }
    }

    /// Puts the cursor's mark before it, or the same room.
    pub(super) fn at_cursor(text: &str, tone: TryTone, chosen: bool) -> Self {
        let mark = if chosen { '›' } else { ' ' };
        Self { chosen, ..Self::new(&format!("{mark} {text}"), tone) }
    }
}

/// Cells side by side, each as wide as the widest of its column; columns that `drop` names go first when they are more
/// than `room` columns wide. `right`: columns that are aligned to the right.
pub(super) fn columns(rows: &[Vec<String>], right: &[usize], drop: &[usize], room: usize) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut shown: Vec<usize> = (0..count).filter(|at| widths[*at] > 0).collect();
    for gone in drop {
        if shown.iter().map(|at| widths[*at] + 2).sum::<usize>() <= room + 2 {
            break;
        }
        shown.retain(|at| at != gone);
    }
    let line = |row: &Vec<String>| {
        let cells = shown.iter().map(|at| {
            let cell = row.get(*at).map_or("", String::as_str);
            let gap = " ".repeat(widths[*at].saturating_sub(cell.width()));
            if right.contains(at) { format!("{gap}{cell}") } else { format!("{cell}{gap}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_the_less_important_ones_go_first() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let rows = vec![row(&["try", "model", "tokens"]), row(&["1", "fast", "12"])];
        assert_eq!(columns(&rows, &[2], &[1], 40), ["try  model  tokens", "1    fast       12"]);
        assert_eq!(columns(&rows, &[2], &[1], 11), ["try  tokens", "1        12"]);
    }
}
