//! The table of tries: made while they go on, looked at when they are over.

use super::row::{TryRow, TryTone, columns};
use super::words::{failure_line, pass_rate_line, try_cells};
use crate::model::{NetChange, NetKind, RunState, SpanId, TriesReport, TriesStep, TryReport};

/// Columns and rows of the screen beside the text.
const EDGE: (usize, usize) = (4, 4);
/// Columns that are comfortable to read.
const WIDEST: usize = 104;
/// The head of the table.
const HEAD: [&str; 8] = ["try", "model", "finish", "verdict", "tokens", "cost", "time", "changes"];
/// Columns that are aligned to the right.
const RIGHT: [usize; 4] = [0, 4, 5, 6];
/// Columns that are left out first where there is no room.
const DROP: [usize; 5] = [6, 4, 5, 2, 7];
/// Rows of the table that are always shown.
const LEAST: usize = 3;

/// The popup with the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TriesTable {
    /// The try under the cursor.
    pub cursor: usize,
    /// True while the changes of that try are shown below the table.
    pub shows_changes: bool,
    /// Lines of them that are above the view.
    pub top: usize,
}

impl TriesTable {
    /// The number of the try under the cursor.
    #[must_use]
    pub fn chosen<'r>(&self, report: &'r TriesReport) -> Option<&'r TryReport> {
        report.tries.get(self.cursor.min(report.tries.len().saturating_sub(1)))
    }

    /// Moves the cursor.
    pub(in crate::app) fn step(&mut self, report: &TriesReport, by: isize) {
        let last = report.tries.len().saturating_sub(1);
        self.cursor = self.cursor.min(last).saturating_add_signed(by).min(last);
        self.top = 0;
    }

    /// Scrolls the changes.
    pub(in crate::app) fn scroll(&mut self, report: &TriesReport, by: isize) {
        let last = self.chosen(report).map_or(0, |made| made.changes.len().saturating_sub(1));
        self.top = self.top.saturating_add_signed(by).min(last);
    }

    /// Its lines, for a screen of that size.
    #[must_use]
    pub fn lines(&self, report: &TriesReport, run: &RunState, (width, height): (u16, u16)) -> Vec<TryRow> {
        let room = (usize::from(width).saturating_sub(EDGE.0)).min(WIDEST);
        let rows = usize::from(height).saturating_sub(EDGE.1);
        let mut lines = vec![TryRow::new(&status(report, run), TryTone::Head)];
        if report.tries.is_empty() {
            return lines;
        }
        let below = self.below(report);
        let most = rows.saturating_sub(lines.len() + 2 + below.len()).max(LEAST);
        let cells: Vec<Vec<String>> = std::iter::once(HEAD.map(str::to_owned).to_vec())
            .chain(report.tries.iter().map(|made| try_cells(made).to_vec()))
            .collect();
        let mut drawn = columns(&cells, &RIGHT, &DROP, room.saturating_sub(2)).into_iter();
        lines.push(TryRow::new(&format!("  {}", drawn.next().unwrap_or_default()), TryTone::Quiet));
        let cursor = self.cursor.min(report.tries.len() - 1);
        let from = (cursor + 1).saturating_sub(most);
        for (at, (made, text)) in report.tries.iter().zip(drawn).enumerate().skip(from).take(most) {
            let tone = if made.has_passed() { TryTone::Pass } else { TryTone::Fail };
            lines.push(TryRow::at_cursor(&text, tone, at == cursor));
        }
        lines.push(TryRow::new("", TryTone::Plain));
        let left = rows.saturating_sub(lines.len()).max(1);
        let (from, hidden) = (if self.shows_changes { self.top } else { 0 }, below.len().saturating_sub(left));
        lines.extend(below.into_iter().skip(from.min(hidden)).take(left));
        lines
    }

    /// The lines below the table: the changes of the chosen try, or what can be said of all.
    fn below(&self, report: &TriesReport) -> Vec<TryRow> {
        let Some(made) = self.chosen(report) else { return Vec::new() };
        if self.shows_changes {
            return change_lines(made);
        }
        let mut lines: Vec<TryRow> = Vec::new();
        let why = made.verdict.line().or(made.failure.as_deref());
        lines.extend(why.map(|why| TryRow::new(&format!("try {}: {why}", made.number), TryTone::Plain)));
        let not_keepable = made.not_keepable.as_ref();
        lines.extend(
            not_keepable.map(|why| TryRow::new(&format!("try {} can't be kept: {why}", made.number), TryTone::Plain)),
        );
        let judged = report.verify.is_some();
        let rates = report.pass_rates();
        lines.extend(rates.iter().map(|rate| TryRow::new(&pass_rate_line(rate, judged), TryTone::Plain)));
        let modes = report.failure_modes();
        lines.extend(modes.iter().map(|mode| TryRow::new(&format!("  {}", failure_line(mode)), TryTone::Quiet)));
        lines
    }
}

/// The line above the table: how far the tries are, and what can be done now.
fn status(report: &TriesReport, run: &RunState) -> String {
    let next = report.tries.len() + 1;
    let of = |at: usize| format!("try {at} of {}", report.total);
    let now = match report.step {
        TriesStep::Preparing => "looking if it can be tried…".to_owned(),
        TriesStep::Trying => format!("{}: running…{}", of(next), waits(run)),
        TriesStep::Verifying => format!("{}: the verify command runs…", of(next)),
        TriesStep::TakingBack => format!("{}: taking it back…", of(report.tries.len().max(1))),
        TriesStep::Choosing => "all are undone: the run is as it was before".to_owned(),
        TriesStep::Keeping => "putting the chosen try in place…".to_owned(),
        TriesStep::Over => "over".to_owned(),
    };
    match (&report.stopped, report.cancelled) {
        (Some(why), _) => format!("{now} · stopped: {why}"),
        (None, true) => format!("{now} · cancelled"),
        (None, false) => now,
    }
}

/// The thing that the run waits for, if it does.
fn waits(run: &RunState) -> &'static str {
    let asks = run.trace.asking().next().is_some();
    let tally = run.trace.get(SpanId::RUN).map(|run| run.tally).unwrap_or_default();
    match (asks, tally.approvals > 0) {
        (true, _) => " it asks you: Esc, then ]a",
        (_, true) => " a tool needs an approval: Esc, then ]a",
        _ => "",
    }
}

fn change_lines(made: &TryReport) -> Vec<TryRow> {
    let head = TryRow::new(&format!("changes of try {}", made.number), TryTone::Head);
    if made.changes.is_empty() {
        return vec![head, TryRow::new("  none", TryTone::Quiet)];
    }
    let line = |change: &NetChange| {
        let letter = match change.kind {
            NetKind::Added => 'A',
            NetKind::Modified => 'M',
            NetKind::Deleted => 'D',
            NetKind::Renamed => 'R',
        };
        TryRow::new(&format!("  {letter} {}  {}", change.key, change.old.change_to(&change.new)), TryTone::Plain)
    };
    std::iter::once(head).chain(made.changes.iter().map(line)).collect()
}
