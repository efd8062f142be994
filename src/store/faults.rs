//! The faults of a log, as lines in the order of its rows.

use crate::model::Seq;

/// Lines of damage that are printed; more are counted.
const LINES: usize = 200;

/// Faults that were found in the order of the rows.
#[derive(Debug, Default)]
pub(super) struct Faults {
    lines: Vec<(Seq, String)>,
    /// The number of further lines.
    more: usize,
}

impl Faults {
    /// Adds a fault that shows at a row.
    pub(super) fn push(&mut self, at: Seq, line: String) {
        if self.lines.len() < LINES {
            self.lines.push((at, line));
        } else {
            self.more += 1;
        }
    }

    /// The lines of several, together by row.
    pub(super) fn lines<const N: usize>(all: [Self; N]) -> Vec<String> {
        let more: usize = all.iter().map(|faults| faults.more).sum();
        let mut lines: Vec<(Seq, String)> = all.into_iter().flat_map(|faults| faults.lines).collect();
        lines.sort_by_key(|(at, _)| *at);
        let more = more + lines.len().saturating_sub(LINES);
        let mut lines: Vec<String> = lines.into_iter().take(LINES).map(|(_, line)| line).collect();
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines
    }
}
