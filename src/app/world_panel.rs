//! The State panel: the memory and the changed files as they are at the moment that is shown, with who wrote each of
//! them and when; a key that is open shows its value and its history.

use std::collections::BTreeSet;

use super::detail::columns;
use super::panel::{Opened, PanelModel, Scene, Scrolled};
use super::text::clock;
use super::{PanelLine, Piece, Scroll, Tone, safe};
use crate::model::{
    ActionStatus, Command, Key, KeyKind, KeyState, LedgerEntry, Millis, NetChange, NetKind, RunState, RunStatus, Seq,
    SpanId,
};

/// Actions from which on they are many.
const MANY: usize = 5_000;
/// Milliseconds between two lists of many.
const AGAIN: u64 = 500;
/// Lines of a value that are shown.
const VALUE: usize = 200;
/// Actions in the history of a key that are shown.
const HISTORY: usize = 200;
/// The largest share of the width that names take: a third.
const NAMES: usize = 3;

/// A line of the panel.
#[derive(Debug, Clone, PartialEq)]
enum Row {
    /// A heading above keys of a kind.
    Heading(&'static str, usize),
    /// A key, by its place among the keys.
    Key(usize),
    /// A line of the value of a key.
    Value(usize, String),
    /// An action in the history of a key.
    Write(usize, Seq),
}

/// A key as it is.
#[derive(Debug, Clone, PartialEq)]
struct Held {
    key: Key,
    state: KeyState,
    /// Git's letter; a space for memory.
    letter: char,
    /// The name before, of a path that was renamed.
    from: Option<Key>,
    /// The action that wrote it last.
    by: Option<Seq>,
}

/// The State panel.
#[derive(Debug, Clone, Default)]
pub struct WorldPanel {
    keys: Vec<Held>,
    rows: Vec<Row>,
    open: BTreeSet<Key>,
    scroll: Scroll,
    width: usize,
    /// The run that was listed: its last event, and how many actions it had.
    listed: Option<(Seq, usize)>,
    /// The time at which it was listed.
    listed_at: Millis,
}

impl WorldPanel {
    /// The action that the line under the cursor is about: the one that wrote the key last, or one of its history.
    #[must_use]
    pub fn action(&self) -> Option<Seq> {
        match self.rows.get(self.scroll.cursor)? {
            Row::Key(at) | Row::Value(at, _) => self.keys.get(*at)?.by,
            Row::Write(_, seq) => Some(*seq),
            Row::Heading(..) => None,
        }
    }

    /// True while a key itself is under the cursor, and not its history.
    #[must_use]
    pub fn is_on_key(&self) -> bool {
        matches!(self.rows.get(self.scroll.cursor), Some(Row::Key(_) | Row::Value(..)))
    }

    /// The key under the cursor.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        self.held().map(|held| &held.key)
    }

    fn held(&self) -> Option<&Held> {
        match self.rows.get(self.scroll.cursor)? {
            Row::Key(at) | Row::Value(at, _) | Row::Write(at, _) => self.keys.get(*at),
            Row::Heading(..) => None,
        }
    }

    /// Lists the keys anew if the run is another one than was listed.
    fn list(&mut self, run: &RunState, now: Millis) {
        let actions = run.ledger.entries().len();
        let listed = (run.last, actions);
        // Of many actions a list takes a while: a run under way has a new one twice a second at most.
        let is_early = actions > MANY && run.status == RunStatus::Running && now.0 < self.listed_at.0 + AGAIN;
        let goes_on = self.listed.is_some_and(|(last, _)| last < run.last);
        if self.listed == Some(listed) || (is_early && goes_on) {
            return;
        }
        self.listed = Some(listed);
        self.listed_at = now;
        let held = |change: NetChange| Held {
            by: run.ledger.last_at(&change.key).map(|entry| entry.seq),
            letter: if change.key.kind == KeyKind::Memory { ' ' } else { letter(change.kind) },
            state: if change.kind == NetKind::Deleted { change.old } else { change.new },
            from: change.from,
            key: change.key,
        };
        self.keys = run.ledger.net_changes().into_iter().map(held).collect();
    }

    /// Lays out the keys, with what is open.
    fn lay_out(&mut self, run: &RunState) {
        let under = self.held().map(|held| held.key.clone());
        self.rows.clear();
        let is_memory = |held: &&Held| held.key.kind == KeyKind::Memory;
        let memory = self.keys.iter().filter(is_memory).count();
        for (at, held) in self.keys.iter().enumerate() {
            if at == 0 && memory > 0 {
                self.rows.push(Row::Heading("memory", memory));
            }
            if at == memory {
                self.rows.push(Row::Heading("changed files", self.keys.len() - memory));
            }
            self.rows.push(Row::Key(at));
            if self.open.contains(&held.key) {
                let value = value(&held.state);
                let lines = value.iter().flat_map(|text| text.lines()).take(VALUE);
                self.rows.extend(lines.map(|line| Row::Value(at, safe::line(line).into_owned())));
                let history = run.ledger.all_at(&held.key).rev().take(HISTORY);
                self.rows.extend(history.map(|entry| Row::Write(at, entry.seq)));
            }
        }
        // The cursor stays on its key.
        if self.held().map(|held| &held.key) != under.as_ref() {
            let row = |row: &Row| matches!(row, Row::Key(at) if Some(&self.keys[*at].key) == under.as_ref());
            self.scroll.cursor = self.rows.iter().position(row).unwrap_or(self.scroll.cursor);
        }
    }

    fn set_open(&mut self, key: Key, open: bool, scene: &Scene) {
        if open {
            self.open.insert(key)
        } else {
            self.open.remove(&key)
        };
        self.lay_out(scene.run);
        self.scroll.go(self.scroll.cursor, self.rows.len(), scene.height);
    }

    fn line(&self, row: &Row, run: &RunState) -> PanelLine {
        match row {
            Row::Heading(name, count) => PanelLine::new(vec![
                Piece::new(format!(" {name}"), Tone::Heading),
                Piece::new(format!("  {count}"), Tone::Quiet),
            ]),
            Row::Key(at) => self.key_line(&self.keys[*at], run),
            Row::Value(_, text) => {
                let room = self.width.saturating_sub(6);
                PanelLine::new(vec![Piece::new("     ", Tone::Quiet), Piece::filling(text.clone(), Tone::Plain, room)])
            }
            Row::Write(_, seq) => run.ledger.get(*seq).map(|entry| self.write_line(entry, run)).unwrap_or_default(),
        }
    }

    fn key_line(&self, held: &Held, run: &RunState) -> PanelLine {
        let name = |held: &Held| match &held.from {
            Some(from) => format!("{} ← {from}", held.key),
            None => held.key.to_string(),
        };
        let widest = self.keys.iter().map(|held| columns(&safe::line(&name(held)))).max().unwrap_or(0);
        let names = widest.min(self.width / NAMES).max(8);
        let who = held.by.and_then(|by| run.ledger.get(by)).map(|entry| writer(entry, run)).unwrap_or_default();
        let wide = columns(&who).min(self.width / 3);
        let room = self.width.saturating_sub(5 + names + 2 + 2 + wide + 1);
        let mark = if self.open.contains(&held.key) { " ▾ " } else { " ▸ " };
        let gone = held.letter == 'D';
        let text = |tone| if gone { Tone::Gone } else { tone };
        let is_path = held.key.kind.is_path();
        PanelLine::new(vec![
            Piece::new(mark, Tone::Quiet),
            Piece::new(format!("{} ", held.letter), letter_tone(held.letter)),
            Piece { keeps_end: is_path, ..Piece::filling(safe::line(&name(held)), text(Tone::Strong), names) },
            Piece::new("  ", Tone::Plain),
            Piece::filling(safe::line(&held.state.summary()), text(Tone::Plain), room),
            Piece::new("  ", Tone::Plain),
            Piece::filling(who, Tone::Quiet, wide),
        ])
    }

    fn write_line(&self, entry: &LedgerEntry, run: &RunState) -> PanelLine {
        let who = writer(entry, run);
        let is_gone = matches!(entry.status, ActionStatus::Undone | ActionStatus::NotApplied);
        let word = match entry.status {
            ActionStatus::Applied => "",
            ActionStatus::Intent => " · no outcome yet",
            ActionStatus::NotApplied => " · not done",
            ActionStatus::Held => " · held",
            ActionStatus::Undone => " · undone",
        };
        let room = self.width.saturating_sub(7 + columns(&who) + 3);
        let tone = |tone| if is_gone { Tone::Gone } else { tone };
        PanelLine::new(vec![
            Piece::new(format!("     {} ", entry.letter()), letter_tone(entry.letter())),
            Piece::filling(safe::line(&format!("{}{word}", entry.change_text())), tone(Tone::Plain), room),
            Piece::new(format!("  {who}"), tone(Tone::Quiet)),
        ])
    }
}

/// The agent that did an action, and when: `writer#2 #41 0:12`.
fn writer(entry: &LedgerEntry, run: &RunState) -> String {
    let start = run.trace.get(SpanId::RUN).map(|found| found.start.0).unwrap_or_default();
    let at = run.trace.get(entry.record.tool_span).map(|found| found.start.0.saturating_sub(start));
    let time = at.map(clock).unwrap_or_default();
    format!("{} {} {time}", safe::line(&run.trace.label(entry.record.span)), entry.seq)
}

fn letter(kind: NetKind) -> char {
    match kind {
        NetKind::Added => 'A',
        NetKind::Modified => 'M',
        NetKind::Deleted => 'D',
        NetKind::Renamed => 'R',
    }
}

fn letter_tone(letter: char) -> Tone {
    match letter {
        'A' => Tone::Added,
        'D' => Tone::Removed,
        _ => Tone::Changed,
    }
}

/// The value of a memory key, text by text.
fn value(state: &KeyState) -> Vec<String> {
    match state {
        KeyState::Text { text } => vec![text.clone()],
        KeyState::List { elements } => elements.iter().map(|element| format!("- {}", element.text)).collect(),
        KeyState::Symlink { .. } => vec![state.summary()],
        KeyState::File { .. } | KeyState::Directory { .. } => vec![state.describe()],
        KeyState::Absent | KeyState::Unknown => Vec::new(),
    }
}

impl Scrolled for WorldPanel {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn scroll(&self) -> &Scroll {
        &self.scroll
    }

    fn scroll_mut(&mut self) -> &mut Scroll {
        &mut self.scroll
    }
}

impl PanelModel for WorldPanel {
    fn refresh(&mut self, scene: &Scene) -> Vec<Command> {
        // It is read only while somebody looks.
        if scene.height > 0 {
            let before = self.listed;
            self.list(scene.run, scene.now);
            if self.listed != before || scene.width != self.width {
                self.width = scene.width;
                self.lay_out(scene.run);
            }
            self.scroll.go(self.scroll.cursor, self.rows.len(), scene.height);
        }
        Vec::new()
    }

    fn line_text(&self, line: usize, run: &RunState) -> String {
        self.rows.get(line).map(|row| self.line(row, run).text()).unwrap_or_default()
    }

    fn lines_in(&self, view: std::ops::Range<usize>, run: &RunState) -> Vec<PanelLine> {
        view.filter_map(|at| self.rows.get(at)).map(|row| self.line(row, run)).collect()
    }

    fn empty_text(&self) -> &'static str {
        "No memory and no changed files at this moment."
    }

    fn heading(&self) -> String {
        self.key().map(ToString::to_string).unwrap_or_default()
    }

    fn copied(&self, _: &Scene) -> (&'static str, Option<String>) {
        match self.held() {
            Some(held) if held.key.kind == KeyKind::Memory => ("value", Some(value(&held.state).join("\n"))),
            held => ("path", held.map(|held| held.key.name.clone())),
        }
    }

    fn open(&mut self, scene: &Scene) -> Opened {
        let entry = self.action().and_then(|action| scene.run.ledger.get(action));
        entry.map_or(Opened::Nothing("nobody in this run wrote this"), |entry| {
            Opened::Span(Some(entry.record.tool_span))
        })
    }

    fn unfold(&mut self, scene: &Scene) -> Opened {
        let Some(key) = self.key().cloned() else { return Opened::Here };
        if self.open.contains(&key) {
            return self.open(scene);
        }
        self.set_open(key, true, scene);
        Opened::Here
    }

    fn fold(&mut self, scene: &Scene) -> Opened {
        match self.key().cloned() {
            Some(key) if self.open.contains(&key) => {
                self.set_open(key, false, scene);
                Opened::Here
            }
            _ => Opened::Pane(super::Pane::Tree),
        }
    }
}
