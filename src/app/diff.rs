//! The diff of an action, in the place of Detail: who changed the key, before and after, and what differs. The spans
//! and the list of actions stay visible beside it.

use super::detail::wrapped;
use super::{Area, Menu, State, safe, text};
use crate::model::{
    ActionDiff, ActionStatus, Bytes, DiffBody, DiffSides, HunkLine, KeyState, LedgerEntry, LineIn, RunState, Seq,
    Writer,
};

/// Columns left of the text of a line: its number, a space, its sign, a space.
pub const DIFF_GUTTER: usize = 9;
/// Columns left of the text of a line at the top.
const LABEL: usize = 8;
/// A panel of fewer lines has no room for a diff: it then takes the place of all panels.
const LOWEST: u16 = 9;
/// A line that isn't wrapped is kept up to this many characters: more than any screen has.
const LONGEST: usize = 2_000;

/// The kind of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffRowKind {
    /// At the top: a label and what it says.
    Head,
    /// Where the following lines stand.
    Place,
    /// A line.
    Line(LineIn),
    /// Something said about the lines.
    Note,
}

/// One row, safe to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffRow {
    /// The kind.
    pub kind: DiffRowKind,
    /// The label, or the line's number; empty where a row goes on.
    pub label: String,
    /// The text.
    pub text: String,
}

/// The diff of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct DiffView {
    /// The action.
    pub action: Seq,
    /// The compared sides.
    pub sides: DiffSides,
    /// True while long lines are wrapped.
    pub wrap: bool,
    /// The first row in view.
    pub top: usize,
    /// The menu it was opened from.
    pub(super) back: Option<Menu>,
    diff: Option<ActionDiff>,
    rows: Vec<DiffRow>,
    body: Vec<DiffRow>,
    /// Width and wrapping of the body's layout.
    laid: Option<(usize, bool)>,
    height: usize,
    /// The action's state in a word.
    word: String,
}

impl DiffView {
    pub(super) fn new(action: Seq, sides: DiffSides, back: Option<Menu>) -> Self {
        let (rows, body) = (Vec::new(), Vec::new());
        Self {
            action,
            sides,
            wrap: true,
            top: 0,
            back,
            diff: None,
            rows,
            body,
            laid: None,
            height: 0,
            word: String::new(),
        }
    }

    /// Takes the diff if it is of the shown action and sides.
    pub(super) fn fill(&mut self, diff: &ActionDiff) {
        if (diff.action, diff.sides) == (self.action, self.sides) {
            self.diff = Some(diff.clone());
            self.laid = None;
        }
    }

    /// `#41 NOTES.md · ready · +41 -3`.
    #[must_use]
    pub fn title(&self, run: &RunState) -> String {
        let key = run.ledger.get(self.action).map(|entry| entry.record.key.to_string()).unwrap_or_default();
        let what = match self.sides {
            DiffSides::Action => &self.word[..],
            DiffSides::Present => "after it, and now",
            DiffSides::Content => "content",
        };
        let count = self
            .diff
            .as_ref()
            .and_then(counts)
            .map_or_else(String::new, |(added, removed)| format!(" · +{added} -{removed}"));
        safe::line(&format!("{} {key} · {what}{count}", self.action)).into_owned()
    }

    /// The rows in view.
    #[must_use]
    pub fn window(&self) -> &[DiffRow] {
        let from = self.top.min(self.rows.len());
        &self.rows[from..self.rows.len().min(from + self.height)]
    }

    /// All rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when no row is there to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows as text, for a search.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| &row.text[..])
    }

    /// Scrolls until a row is in view.
    pub(super) fn show(&mut self, row: usize) {
        self.top = row.saturating_sub(self.height / 2);
        self.scroll(0);
    }

    pub(super) fn scroll(&mut self, by: isize) {
        self.top = self.top.saturating_add_signed(by).min(self.rows.len().saturating_sub(self.height));
    }

    /// Scrolls by most of a page.
    pub(super) fn page(&mut self, direction: isize) {
        let lines = self.height.saturating_sub(1).max(1);
        self.scroll(direction * isize::try_from(lines).unwrap_or(1));
    }

    /// Lays it out for its area; what it says of the run is as of now.
    pub(super) fn refresh(&mut self, run: &RunState, word: String, area: Area) {
        self.word = word;
        let columns = usize::from(area.inner().width);
        self.height = area.lines();
        if self.laid != Some((columns, self.wrap)) {
            self.laid = Some((columns, self.wrap));
            let room = columns.saturating_sub(DIFF_GUTTER + 1).max(4);
            self.body = body(self.diff.as_ref(), run, self.wrap.then_some(room));
        }
        self.rows.clear();
        for (label, text) in head(self.diff.as_ref(), self.action, run) {
            let lines = safe::line(&text).into_owned();
            let lines = wrapped(&lines, columns.saturating_sub(LABEL + 2));
            self.rows.extend(lines.into_iter().enumerate().map(|(at, line)| DiffRow {
                kind: DiffRowKind::Head,
                label: if at == 0 { label.into() } else { String::new() },
                text: line.to_owned(),
            }));
        }
        self.rows.extend(self.body.iter().cloned());
        self.scroll(0);
    }
}

impl State {
    /// The area of a diff: the panel beside or below the spans, or all of them where that is too low.
    #[must_use]
    pub fn diff_area(&self) -> Area {
        let layout = self.layout();
        let area = layout.area(if layout.stacked { self.below() } else { self.side });
        if area.height >= LOWEST {
            return area;
        }
        let (width, height) = self.size;
        Area { x: 0, y: 1.min(height), width, height: height.saturating_sub(2) }
    }
}

/// Lines added and removed, where they were counted.
fn counts(diff: &ActionDiff) -> Option<(usize, usize)> {
    match diff.body {
        DiffBody::Lines { added, removed, .. } => Some((added, removed)),
        DiffBody::Opaque { .. } | DiffBody::Same => None,
    }
}

/// The rows above the lines: label and text.
fn head(diff: Option<&ActionDiff>, action: Seq, run: &RunState) -> Vec<(&'static str, String)> {
    let Some(entry) = run.ledger.get(action) else { return Vec::new() };
    // The last part of the path is the tool.
    let mut head = vec![("by", run.trace.path(entry.record.tool_span))];
    let Some(diff) = diff else { return head };
    head.push(("change", diff.change.clone()));
    if diff.sides == DiffSides::Action {
        head.extend([("before", before(run, action)), ("after", after(run, diff))]);
    }
    head.extend(diff.notes.iter().map(|note| ("note", note.clone())));
    head
}

/// The writer of the state before the action.
fn before(run: &RunState, action: Seq) -> String {
    match run.ledger.writer_before(action) {
        Writer::Action(by) => who(run, by),
        Writer::Outside { since } => format!("another program or person, after {}", who(run, since)),
        Writer::Nobody => match run.ledger.get(action).map(|entry| &entry.record.old) {
            Some(KeyState::Absent) => "nobody in this run: it was not there".into(),
            Some(KeyState::Unknown) | None => "not known".into(),
            Some(_) => "from before the run".into(),
        },
    }
}

/// The writer of the key after the action.
fn after(run: &RunState, diff: &ActionDiff) -> String {
    let status = run.ledger.get(diff.action).map(|entry| entry.status);
    match (status, run.ledger.writer_after(diff.action)) {
        (Some(ActionStatus::Held), _) => "nobody yet".into(),
        (_, Some(by)) => who(run, by),
        (Some(ActionStatus::Undone), _) => "it is undone".into(),
        (Some(ActionStatus::NotApplied), _) => "it was not done".into(),
        _ if diff.outside => "another program or person".into(),
        _ => "nobody in this run".into(),
    }
}

/// `#12 tama_files_write in planner`.
pub(super) fn who(run: &RunState, action: Seq) -> String {
    let Some(entry) = run.ledger.get(action) else { return action.to_string() };
    let undone = if entry.status == ActionStatus::Undone { " (undone)" } else { "" };
    format!("{action} {} in {}{undone}", entry.record.tool_name, agent(run, action))
}

/// The label of the agent that an action belongs to.
pub(super) fn agent(run: &RunState, action: Seq) -> String {
    run.ledger.get(action).map(|entry| run.trace.label(entry.record.span)).unwrap_or_default()
}

fn body(diff: Option<&ActionDiff>, run: &RunState, width: Option<usize>) -> Vec<DiffRow> {
    let note = |text: &str| DiffRow { kind: DiffRowKind::Note, label: String::new(), text: text.to_owned() };
    let Some(diff) = diff else { return vec![note("reading…")] };
    match &diff.body {
        DiffBody::Same => {
            let lines = same(run, diff);
            let pieces = lines.iter().flat_map(|text| wrapped(text, width.unwrap_or(LONGEST)));
            pieces.map(note).collect()
        }
        DiffBody::Opaque { why, old, new } => {
            let mut rows = vec![note(why)];
            let sides = match diff.sides {
                DiffSides::Action => ["before", "after"],
                DiffSides::Present => ["after", "now"],
                DiffSides::Content => ["", "content"],
            };
            for (label, bytes) in sides.into_iter().zip([old, new]) {
                rows.push(note(&format!("{label:<7} {}", bytes.map_or_else(|| "no file".into(), fingerprint))));
            }
            rows
        }
        DiffBody::Lines { hunks, .. } => {
            let mut rows = Vec::new();
            for hunk in hunks {
                let place = format!("@@ -{},{} +{},{} @@", hunk.old.0, hunk.old.1, hunk.new.0, hunk.new.1);
                rows.push(DiffRow { kind: DiffRowKind::Place, label: String::new(), text: place });
                hunk.lines.iter().for_each(|line| push_line(&mut rows, line, width));
            }
            rows
        }
    }
}

/// Lines of content that a note about a folder names at most.
const NAMED: usize = 20;

/// Says why there is no line that differs: of a folder, what came or went with it.
fn same(run: &RunState, diff: &ActionDiff) -> Vec<String> {
    let entry = run.ledger.get(diff.action).filter(|_| diff.sides == DiffSides::Action);
    let Some(entry) = entry else { return vec!["the content is the same".into()] };
    let is_folder = |state: &KeyState| matches!(state, KeyState::Directory { .. });
    let (old, new) = (&entry.record.old, entry.left());
    let is = if entry.status == ActionStatus::Held { "would be" } else { "is" };
    match (old, new) {
        (old, KeyState::Absent) if is_folder(old) => {
            let gone = inside(run, entry);
            if gone.is_empty() {
                return vec![format!("the folder {is} deleted; there was nothing in it")];
            }
            let head = format!("the folder {is} deleted, with {} in it:", text::plural(gone.len(), "path"));
            let more = gone.len().saturating_sub(NAMED);
            let more =
                (more > 0).then(|| format!("  … and {} more, each a row of Rollback", text::grouped(more as u64)));
            let names = gone
                .iter()
                .take(NAMED)
                .map(|entry| format!("  {} {}", entry.seq, safe::line(&entry.record.key.to_string())));
            std::iter::once(head).chain(names).chain(more).collect()
        }
        (KeyState::Absent, new) if is_folder(new) => vec!["a new folder".into()],
        (old, new) if is_folder(old) && is_folder(new) => vec!["only the permissions of the folder differ".into()],
        (KeyState::File { .. }, KeyState::Absent) => vec![format!("the file {is} deleted; it was empty")],
        (KeyState::Absent, KeyState::File { .. }) => vec!["a new file; it is empty".into()],
        _ => vec!["the content is the same".into()],
    }
}

/// The paths in a folder that the same call deleted.
fn inside<'a>(run: &'a RunState, folder: &LedgerEntry) -> Vec<&'a LedgerEntry> {
    let record = &folder.record;
    let inside = run.ledger.inside(&record.key);
    inside.filter(|entry| entry.record.tool_span == record.tool_span && *entry.left() == KeyState::Absent).collect()
}

fn fingerprint(bytes: Bytes) -> String {
    format!("{} bytes, blake3 {}", text::grouped(bytes.size), bytes.hash)
}

fn push_line(rows: &mut Vec<DiffRow>, line: &HunkLine, width: Option<usize>) {
    let kind = DiffRowKind::Line(line.side);
    let cut = || line.text.char_indices().nth(LONGEST).map_or(&line.text[..], |(at, _)| &line.text[..at]);
    let shown = safe::line(if width.is_some() { &line.text } else { cut() }).into_owned();
    let shown = if line.side == LineIn::Both { shown } else { with_end(&shown) };
    let pieces = width.map_or_else(|| vec![&*shown], |width| wrapped(&shown, width));
    for (at, piece) in pieces.into_iter().enumerate() {
        let label = if at == 0 { line.number.to_string() } else { String::new() };
        rows.push(DiffRow { kind, label, text: piece.to_owned() });
    }
    if line.unended {
        rows.push(DiffRow { kind: DiffRowKind::Note, label: String::new(), text: "(no line end here)".into() });
    }
}

/// Spaces at the end of a line that differs would not be seen.
fn with_end(line: &str) -> String {
    let kept = line.trim_end_matches(' ');
    format!("{kept}{}", "·".repeat(line.len() - kept.len()))
}
