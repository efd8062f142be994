//! One row of the Spans panel.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::{Theme, cell};
use super::{Columns, Spans};
use crate::app::{self, Row, safe, text};
use crate::model::{ActionRecord, Counts, Key, KeyState, Millis, PauseReason, SpanId, SpanKind, SpanStatus};

/// The widget puts two cells before a name for each level, one for the selection and two for the fold.
const INDENT: usize = 2;
const LEAD: usize = 3;
/// Columns a name keeps, however deep it lies.
const NAME: usize = 10;
/// Columns of `try 2` behind a name.
const TRY: usize = 6;
/// Actions looked at for a tool's key.
const NEAR: usize = 32;

/// Draws rows.
pub(super) struct Picture<'a> {
    spans: &'a Spans<'a>,
    columns: Columns,
    theme: Theme,
    start: Millis,
    end: Millis,
}

impl<'a> Picture<'a> {
    /// For a run, its time axis from its start to its end or to now.
    pub(super) fn new(spans: &'a Spans<'a>, columns: Columns, theme: Theme) -> Self {
        let run = spans.run.trace.get(SpanId::RUN);
        let start = run.map_or(Millis(0), |run| run.start);
        let end = run.and_then(|run| run.end).unwrap_or(spans.now).max(start);
        Self { spans, columns, theme, start, end }
    }

    /// How many levels are left out at the left, so that names in a deep tree can be read.
    pub(super) fn shift(&self, rows: &[Row]) -> usize {
        let levels = self.columns.name.saturating_sub(LEAD + NAME) / INDENT;
        rows.iter().map(|row| row.depth).max().unwrap_or(0).saturating_sub(levels)
    }

    /// A row's text, right of its fold symbol, at a depth.
    pub(super) fn line(&self, row: &Row, depth: usize) -> Line<'static> {
        let trace = &self.spans.run.trace;
        let Some(span) = trace.get(row.span) else { return Line::default() };
        let undone = span.status == SpanStatus::Undone;
        let dim = |style: Style| if undone { self.theme.undone() } else { style };
        let mut line = Cells { spans: Vec::new() };
        let room = self.columns.name.saturating_sub(LEAD + INDENT * depth);
        self.name(&mut line, row.span, room, undone);
        line.put(self.columns.pattern, |to| cell::left(trace.pattern(row.span), to), dim(self.theme.quiet()));
        let now = app::shown_status(self.spans.run, span.status);
        let stop = trace.pause(row.span).filter(|_| now == SpanStatus::Paused).map(|(_, reason)| reason);
        let word = status(now, stop, self.columns.status);
        line.put(self.columns.status, |to| cell::left(word, to), self.theme.status(now));
        let took = span.end.unwrap_or(self.spans.now).0.saturating_sub(span.start.0);
        line.put(self.columns.time, |to| cell::right(&text::duration(took), to), dim(self.theme.tool()));
        let tokens = span.counts.usage.input + span.counts.usage.output;
        let tokens = if tokens == 0 { String::new() } else { text::count(tokens) };
        line.put(self.columns.tokens, |to| cell::right(&tokens, to), dim(self.theme.text()));
        let did = match self.spans.run.held.get(&row.span) {
            Some(held) => format!("{} held", held.len()),
            None if span.will_be_permanent() => "no undo?".to_owned(),
            None => did(span.counts, self.columns.did),
        };
        line.put(self.columns.did, |to| cell::left(&did, to), dim(self.theme.text()));
        let bar = self.bar(span.start, span.end.unwrap_or(self.spans.now));
        line.put(self.columns.bar, |_| bar, dim(self.theme.kind(span.kind)));
        Line::from(line.spans)
    }

    fn name(&self, line: &mut Cells, span: SpanId, room: usize, undone: bool) {
        let trace = &self.spans.run.trace;
        let Some(found) = trace.get(span) else { return };
        let (name, more) = match found.kind {
            SpanKind::Llm => (format!("llm {}", found.visit), String::new()),
            SpanKind::Tool => {
                let label = trace.label(span);
                let short = label.strip_prefix("tama_").unwrap_or(&label).to_owned();
                let attempt = if found.attempt.0 > 1 { TRY } else { 0 };
                match self.key(span) {
                    Some(key) => tool(&short, key, room.saturating_sub(attempt)),
                    None => (short, String::new()),
                }
            }
            SpanKind::Run | SpanKind::Agent | SpanKind::Human => (trace.label(span), String::new()),
        };
        let more = if found.attempt.0 > 1 { format!("{more} try {}", found.attempt.0) } else { more };
        let style = if undone { self.theme.undone() } else { self.theme.kind(found.kind) };
        let name = cell::cut(&name, room).into_owned();
        let rest = room.saturating_sub(cell::width(&name));
        line.spans.push(Span::styled(name, style));
        let quiet = if undone { self.theme.undone() } else { self.theme.quiet() };
        line.spans.push(Span::styled(cell::left(&more, rest), quiet));
    }

    /// The key of a tool's change: the first one, or the one after the folders that were made for it.
    fn key(&self, span: SpanId) -> Option<&Key> {
        let started = self.spans.run.trace.get(span)?.started;
        let entries = self.spans.run.ledger.entries();
        let from = entries.partition_point(|entry| entry.seq < started);
        let near = entries.get(from..)?.iter().take(NEAR).map(|entry| &entry.record);
        let mut own = near.filter(|record| record.tool_span == span);
        let first = own.next()?;
        let makes_folder = |record: &ActionRecord| matches!(record.intended, KeyState::Directory { .. });
        let thing = if makes_folder(first) { own.find(|record| !makes_folder(record)) } else { None };
        Some(&thing.unwrap_or(first).key)
    }

    fn bar(&self, start: Millis, end: Millis) -> String {
        let columns = self.columns.bar as u64;
        let whole = (self.end.0 - self.start.0).max(1);
        let place = |at: Millis| at.0.saturating_sub(self.start.0).min(whole) * columns / whole;
        let from = place(start).min(columns.saturating_sub(1));
        let to = place(end).max(from + 1);
        (0..columns).map(|at| if (from..to).contains(&at) { '━' } else { ' ' }).collect()
    }
}

/// A tool and what it changed. What is looked for is the file's name: folders and the tool's family go before it.
fn tool(name: &str, key: &Key, room: usize) -> (String, String) {
    let fits = |name: &str, key: &str| cell::width(name) + 1 + cell::width(key) <= room;
    let key_name = safe::line(&key.name).into_owned();
    let file = key_name.rsplit('/').next().filter(|_| key.kind.is_path()).unwrap_or(&key_name).to_owned();
    let short_key = if file.len() < key_name.len() { format!("…/{file}") } else { file };
    let short_name = name.strip_prefix("files_").unwrap_or(name);
    let ways = [(name, &key_name), (name, &short_key), (short_name, &short_key)];
    let found = ways.into_iter().find(|(name, key)| fits(name, key)).map(|(name, key)| (name.to_owned(), key.clone()));
    let (name, key) = found.unwrap_or_else(|| {
        let rest = room.saturating_sub(cell::width(short_name) + 1);
        let cut = if key.kind.is_path() { cell::end(&short_key, rest) } else { short_key };
        (short_name.to_owned(), cut)
    });
    (name, format!(" {key}"))
}

struct Cells {
    spans: Vec<Span<'static>>,
}

impl Cells {
    /// Puts one column, with a cell before it; nothing when the column is left out.
    fn put(&mut self, width: usize, text: impl FnOnce(usize) -> String, style: Style) {
        if width > 0 {
            self.spans.push(Span::raw(" "));
            self.spans.push(Span::styled(text(width), style));
        }
    }
}

/// The status in a word that fits; what needs the user is in capitals.
fn status(status: SpanStatus, stop: Option<&PauseReason>, columns: usize) -> &'static str {
    match status {
        SpanStatus::Paused => match stop {
            Some(PauseReason::Policy { .. }) if columns < 8 => "APPROVE",
            Some(PauseReason::Policy { .. }) => "APPROVE?",
            Some(PauseReason::Conflict { .. }) if columns < 8 => "CONFLCT",
            Some(reason) => app::pause_word(reason),
            None => "PAUSED",
        },
        SpanStatus::Error => "FAILED",
        SpanStatus::Cancelled if columns < 9 => "cancel",
        other => other.name(),
    }
}

/// How many changes of a span can be undone, can't, or were.
fn did(counts: Counts, columns: usize) -> String {
    let wide = columns >= 16;
    match (counts.undoable, counts.permanent, counts.undone) {
        (0, 0, 0) => String::new(),
        (0, 0, undone) => format!("{undone} undone"),
        (undo, 0, _) => format!("{undo} undo"),
        (0, permanent, _) => format!("{permanent} no undo"),
        (undo, permanent, _) if wide => format!("{undo} undo {permanent} no undo"),
        (undo, permanent, _) => format!("{undo} · {permanent} no"),
    }
}
