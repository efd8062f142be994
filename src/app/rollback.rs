//! The Rollback panel: the actions of the selected span and of everything below it, newest first, each with its
//! state: ready, blocked, held, no undo, undone.

use super::keys::{self, UiAction};
use super::{Command, Scroll, UnderWay, safe};
use crate::model::{
    ActionChange, ActionHead, ActionOp, ActionStatus, Compensation, KeyKind, KeyState, LedgerEntry, RunState, Seq,
    SpanId, Standing, TraceBody, UndoReport, command_line,
};
use std::collections::BTreeSet;

/// The state of an action, in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// The one that `u` undoes.
    Next,
    /// It can be undone now.
    Free,
    /// Another action must be undone first.
    Blocked(Seq),
    /// An undo found that somebody changed it since.
    Conflict,
    /// It can't be undone, and why.
    NoUndo(String),
    /// Its undo is under way.
    Undoing,
    /// Its redo is under way.
    Redoing,
    /// It is undone.
    Undone,
    /// The user skips it.
    Skipped,
    /// It never changed the world.
    NotApplied,
    /// Its change was held and discarded.
    Discarded,
    /// Its change is held beside the workspace.
    Held,
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Next | Self::Free => f.write_str("ready"),
            Self::Blocked(by) => write!(f, "blocked by {by}"),
            Self::Conflict => f.write_str("conflict"),
            Self::NoUndo(why) if why.is_empty() => f.write_str("no undo"),
            Self::NoUndo(why) => write!(f, "no undo ({why})"),
            Self::Undoing => f.write_str("undoing…"),
            Self::Redoing => f.write_str("redoing…"),
            Self::Undone => f.write_str("undone"),
            Self::Skipped => f.write_str("skipped"),
            Self::NotApplied => f.write_str("not done"),
            Self::Discarded => f.write_str("discarded"),
            Self::Held => f.write_str("held"),
        }
    }
}

/// One action, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRow {
    /// The action.
    pub seq: Seq,
    /// Its key.
    pub key: String,
    /// The tool that did it.
    pub tool: String,
    /// Git's letter: A, M, D or R; a space for a call.
    pub letter: char,
    /// The kind of its key: `file`, `key`, `dir`, `link`, `call`, `cmd`.
    pub kind: &'static str,
    /// The agent whose tool did it.
    pub agent: String,
    /// `812 B → 1.9 kB`: the same before and after a look at the diff, which counts the lines.
    pub change: String,
    /// Its state in a word.
    pub word: Word,
    /// True on the row under the cursor.
    pub selected: bool,
    /// True when the user marked it.
    pub marked: bool,
}

/// The Rollback panel.
#[derive(Debug, Clone, Default)]
pub struct Rollback {
    span: SpanId,
    narrow: bool,
    rows: Vec<Seq>,
    next: Option<Seq>,
    undone: usize,
    skipped: BTreeSet<Seq>,
    /// Actions whose undo found a conflict, until something is undone, redone or done again.
    conflicts: BTreeSet<Seq>,
    /// Undone actions, the last undone last.
    undone_order: Vec<Seq>,
    /// The row the user moved to; `None`: the cursor stays on the one that `u` undoes.
    picked: Option<Seq>,
    scroll: Scroll,
    stale: bool,
    /// How many changes are held.
    held: usize,
    /// How many failed: they never changed the world.
    never: usize,
    /// How many were discarded.
    thrown: usize,
    /// How many actions changed the world, undone or not.
    done: usize,
    /// Held changes that were discarded, of the whole run.
    discarded: BTreeSet<Seq>,
    /// Rows that the user marked.
    marked: BTreeSet<Seq>,
    under_way: UnderWay,
    /// The picked row is done with: the cursor goes to the next one that can be undone.
    passed: bool,
}

impl Rollback {
    /// The actions listed, newest first.
    #[must_use]
    pub fn seqs(&self) -> &[Seq] {
        &self.rows
    }

    /// True while actions of the spans below are left out.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        self.narrow
    }

    /// The action under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<Seq> {
        self.rows.get(self.scroll.cursor).copied()
    }

    /// The newest applied action in the list that can be undone and isn't skipped.
    #[must_use]
    pub fn next(&self) -> Option<Seq> {
        self.next
    }

    /// Actions the user wants to leave.
    #[must_use]
    pub fn skipped(&self) -> &BTreeSet<Seq> {
        &self.skipped
    }

    /// The rows that the user marked: `u`, `c` and `D` act on them.
    #[must_use]
    pub fn marked(&self) -> &BTreeSet<Seq> {
        &self.marked
    }

    /// The marked actions that can be undone, newest first.
    #[must_use]
    pub fn marked_undoable(&self, run: &RunState) -> Vec<Seq> {
        let can_undo = |seq: &Seq| run.ledger.get(*seq).is_some_and(can_undo) && !self.under_way.has(*seq);
        self.marked.iter().rev().copied().filter(can_undo).collect()
    }

    /// Marks an action, or not any more.
    pub(super) fn toggle_mark(&mut self, seq: Seq) {
        if !self.marked.remove(&seq) {
            self.marked.insert(seq);
        }
    }

    /// True for a row that can be marked: a held change, or one that can be undone.
    #[must_use]
    pub fn is_markable(&self, run: &RunState, seq: Seq) -> bool {
        run.ledger.get(seq).is_some_and(|entry| entry.status == ActionStatus::Held || can_undo(entry))
    }

    /// `Rollback · writer#2 and below · 2 held · 0 of 3 undone`: what there is of each.
    #[must_use]
    pub fn title(&self, run: &RunState) -> String {
        let label = if self.span == SpanId::RUN { "run".into() } else { run.trace.label(self.span) };
        let scope = if self.narrow { " only" } else { " and below" };
        let done = self.done;
        let part = |count: usize, what: &str| if count > 0 { format!(" · {count} {what}") } else { String::new() };
        let held = part(self.held, "held");
        let never = format!("{}{}", part(self.never, "not done"), part(self.thrown, "discarded"));
        let marked = part(self.marked.len(), "marked");
        let undone = if done > 0 { format!(" · {} of {done} undone", self.undone) } else { String::new() };
        format!("Rollback · {}{scope}{marked}{held}{never}{undone}", safe::line(&label))
    }

    /// The rows in a view of that height.
    #[must_use]
    pub fn window(&self, run: &RunState, height: usize) -> Vec<ActionRow> {
        let range = self.scroll.range(self.rows.len(), height);
        range.filter_map(|at| self.row(run, self.rows[at], at == self.scroll.cursor)).collect()
    }

    /// The action that `u` undoes: the picked row if it can be undone, else the next.
    #[must_use]
    pub fn to_undo(&self, run: &RunState) -> Option<Seq> {
        let picked = self.picked.filter(|seq| !self.under_way.has(*seq)).and_then(|seq| run.ledger.get(seq));
        picked.filter(|entry| can_undo(entry)).map(|entry| entry.seq).or(self.next)
    }

    /// The action that a redo redoes: the picked row if it is undone, else the last undone one in the list.
    #[must_use]
    pub fn to_redo(&self, run: &RunState) -> Option<Seq> {
        let is_undone = |seq: &Seq| {
            run.ledger.head(*seq).is_some_and(|head| head.status == ActionStatus::Undone) && !self.under_way.has(*seq)
        };
        let listed = |seq: &&Seq| self.rows.binary_search_by(|row| seq.cmp(&row)).is_ok();
        self.picked.filter(is_undone).or_else(|| self.undone_order.iter().rev().find(listed).copied())
    }

    /// A few lines about an action, for a question about it.
    #[must_use]
    pub fn describe(&self, run: &RunState, seq: Seq) -> String {
        self.row(run, seq, false).map_or_else(
            || seq.to_string(),
            |row| format!("{seq} {} {} {}  {}", row.tool, row.letter, row.key, row.change),
        )
    }

    /// The first row in view.
    pub(super) fn top(&self) -> usize {
        self.scroll.top
    }

    /// A row as text, for a search.
    pub(super) fn line(&self, run: &RunState, seq: Seq) -> String {
        let agent = run.ledger.get(seq).map(|entry| run.trace.label(entry.record.span)).unwrap_or_default();
        format!("{} {agent} {}", self.describe(run, seq), self.word(run, seq))
    }

    pub(super) fn step(&mut self, by: isize, height: usize) {
        self.scroll.step(by, self.rows.len(), height);
        self.picked = self.selected();
    }

    /// Puts the cursor on an action of the list.
    pub(super) fn pick(&mut self, action: Seq, height: usize) {
        if let Ok(at) = self.rows.binary_search_by(|row| action.cmp(row)) {
            self.scroll.go(at, self.rows.len(), height);
            self.picked = self.selected();
        }
    }

    /// Keeps that the undo of an action found a conflict.
    pub(super) fn conflict(&mut self, action: Seq) {
        self.conflicts.insert(action);
    }

    pub(super) fn slide(&mut self, by: isize, height: usize) {
        self.scroll.slide(by, self.rows.len(), height);
        self.picked = self.selected();
    }

    /// Puts the cursor on the line in view with that number.
    pub(super) fn click(&mut self, line: usize, height: usize) {
        self.scroll.go(self.scroll.top + line, self.rows.len(), height);
        self.picked = self.selected();
    }

    /// `u undoes #12 tama_files_write …`, for the footer; of one that is blocked, by which action.
    #[must_use]
    pub fn undo_line(&self, run: &RunState) -> Option<String> {
        let action = self.to_undo(run)?;
        let key = keys::verb(UiAction::Undo).keys_text();
        if let Standing::Blocked { by, .. } = run.ledger.standing(action) {
            return Some(format!("{}  blocked by {by}: {key} asks", self.describe(run, action)));
        }
        let half = run.ledger.get(action).and_then(|entry| entry.renamed);
        let half = half.map_or_else(String::new, |other| format!("  (half of a rename, {other} is the other)"));
        Some(format!("{key} undoes {}{half}", self.describe(run, action)))
    }

    /// Lets the cursor stay on the one that `u` undoes again.
    fn unpick(&mut self) {
        self.picked = None;
        self.stale = true;
    }

    pub(super) fn toggle_narrow(&mut self) {
        self.narrow = !self.narrow;
        self.unpick();
    }

    /// Leaves an action, or not any more.
    pub(super) fn toggle_skip(&mut self, seq: Seq) {
        if !self.skipped.remove(&seq) {
            self.skipped.insert(seq);
            self.passed |= self.picked == Some(seq);
        }
        self.stale = true;
    }

    /// Lists anew at the next look: the run's state is another one.
    pub(super) fn list_anew(&mut self) {
        self.stale = true;
    }

    /// Takes note of an event that changes what the list shows.
    pub(super) fn event(&mut self, body: &TraceBody, run: &RunState) {
        match body {
            TraceBody::Action(_)
            | TraceBody::Invalidated { .. }
            | TraceBody::Restored(_)
            | TraceBody::Renamed { .. } => self.stale = true,
            TraceBody::ActionEvent(event) => {
                self.stale = true;
                self.under_way.event(event, run);
                if !matches!(event.change, ActionChange::UndoStarted | ActionChange::Refused { .. }) {
                    self.conflicts.clear();
                }
                // A mark is for one decision.
                if matches!(
                    event.change,
                    ActionChange::Applied { .. }
                        | ActionChange::Discarded { .. }
                        | ActionChange::Undone { .. }
                        | ActionChange::Redone
                ) {
                    self.marked.remove(&event.action);
                }
                self.passed |= matches!(event.change, ActionChange::Undone { .. }) && self.picked == Some(event.action);
                self.remember(body);
            }
            _ => {}
        }
    }

    /// The undos and redos that are not through yet.
    #[must_use]
    pub fn under_way(&self) -> &UnderWay {
        &self.under_way
    }

    /// Takes note of what is asked of the run: the next `u` is about the next action, though no event has come yet.
    pub(super) fn ask(&mut self, commands: &[Command]) {
        for command in commands {
            if self.under_way.ask(command) {
                self.stale = true;
                self.passed |= self.picked.is_some_and(|picked| self.under_way.has(picked));
            }
        }
    }

    /// Takes the end of an undo or redo.
    pub(super) fn report(&mut self, report: &UndoReport) {
        self.under_way.report(report);
        self.stale = true;
    }

    /// Something that was asked of the run was refused.
    pub(super) fn refused(&mut self) {
        self.under_way.refused();
        self.stale = true;
    }

    /// Keeps of an event what the ledger does not tell: the order of undos, and what was discarded.
    pub(super) fn remember(&mut self, body: &TraceBody) {
        let TraceBody::ActionEvent(event) = body else { return };
        match event.change {
            ActionChange::Undone { .. } => self.undone_order.push(event.action),
            ActionChange::Redone => self.undone_order.retain(|seq| *seq != event.action),
            ActionChange::Discarded { .. } => {
                self.discarded.insert(event.action);
                self.stale = true;
            }
            _ => {}
        }
    }

    /// Lists anew if the selection or the ledger changed, and puts the cursor into a view of that height.
    pub(super) fn refresh(&mut self, run: &RunState, span: SpanId, height: usize) {
        self.list(run, span);
        let wanted = self.picked.or(self.next);
        let at = wanted.and_then(|wanted| self.rows.binary_search_by(|row| wanted.cmp(row)).ok());
        self.scroll.go(at.unwrap_or(0), self.rows.len(), height);
    }

    /// Lists anew if the selection or the ledger changed.
    pub(super) fn list(&mut self, run: &RunState, span: SpanId) {
        if span != self.span {
            self.span = span;
            self.passed = false;
            self.marked.clear();
            self.unpick();
        }
        if std::mem::take(&mut self.stale) {
            self.rows = run.actions(span, !self.narrow);
            self.count_rows(run);
            let listed = |seq: Seq| self.rows.binary_search_by(|row| seq.cmp(row)).is_ok();
            let marked = std::mem::take(&mut self.marked);
            self.marked = marked.into_iter().filter(|seq| listed(*seq) && self.is_markable(run, *seq)).collect();
            let can_undo = |head: &ActionHead| head.is_applied() && head.undoable;
            let is_free = |seq: Seq| !self.skipped.contains(&seq) && !self.under_way.has(seq);
            let wanted = |seq: &&Seq| is_free(**seq) && run.ledger.head(**seq).is_some_and(can_undo);
            self.next = self.rows.iter().find(wanted).copied();
            if std::mem::take(&mut self.passed) {
                // The rows are newest first: the next one below is the newest older one.
                let from = self.picked.map_or(0, |gone| self.rows.partition_point(|row| *row > gone));
                let (above, below) = self.rows.split_at(from);
                self.picked = below.iter().find(wanted).or_else(|| above.iter().rev().find(wanted)).copied();
            }
        }
    }

    /// Counts for the title: held and discarded changes, of which a rename is one; and the actions that can be undone,
    /// each half of a rename alone.
    fn count_rows(&mut self, run: &RunState) {
        use ActionStatus as S;
        let (mut held, mut thrown, mut never) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut applied, mut undone) = (0, 0);
        for seq in &self.rows {
            match run.ledger.head(*seq).map(|head| head.status) {
                Some(S::Held) => drop(held.insert(*seq)),
                Some(S::NotApplied) if self.discarded.contains(seq) => drop(thrown.insert(*seq)),
                Some(S::NotApplied) => drop(never.insert(*seq)),
                // What never changed the world can't be counted among what is undone of it.
                Some(S::Undone) => undone += 1,
                Some(S::Applied | S::Intent) => applied += 1,
                None => {}
            }
        }
        let changes = |found: BTreeSet<Seq>| run.ledger.changes(&found).count();
        (self.held, self.thrown, self.never) = (changes(held), changes(thrown), changes(never));
        (self.done, self.undone) = (applied + undone, undone);
    }

    /// Where the list stands: the first row in view, and how many rows there are.
    #[must_use]
    pub fn place(&self) -> (usize, usize) {
        (self.scroll.top, self.rows.len())
    }

    fn row(&self, run: &RunState, seq: Seq, selected: bool) -> Option<ActionRow> {
        let entry = run.ledger.get(seq)?;
        Some(ActionRow {
            seq,
            key: safe::line(&entry.record.key.to_string()).into_owned(),
            tool: safe::line(&entry.record.tool_name).into_owned(),
            letter: entry.letter(),
            kind: kind(run, entry),
            agent: safe::line(&run.trace.label(entry.record.span)).into_owned(),
            change: safe::line(&Self::change(run, entry)).into_owned(),
            word: self.word(run, seq),
            selected,
            marked: self.marked.contains(&seq),
        })
    }

    pub(super) fn word(&self, run: &RunState, seq: Seq) -> Word {
        match run.ledger.standing(seq) {
            Standing::Undone if self.under_way.has(seq) => Word::Redoing,
            Standing::Undone => Word::Undone,
            Standing::NotApplied if self.discarded.contains(&seq) => Word::Discarded,
            Standing::NotApplied => Word::NotApplied,
            Standing::Held => Word::Held,
            Standing::NoUndo(why) => Word::NoUndo(why),
            _ if self.under_way.has(seq) => Word::Undoing,
            _ if self.skipped.contains(&seq) => Word::Skipped,
            Standing::Blocked { by, .. } => Word::Blocked(by),
            Standing::Free if self.conflicts.contains(&seq) => Word::Conflict,
            Standing::Free if self.next == Some(seq) => Word::Next,
            Standing::Free => Word::Free,
        }
    }

    /// The change of an action's key.
    fn change(run: &RunState, entry: &LedgerEntry) -> String {
        let record = &entry.record;
        let left = entry.left();
        let change = match record.op {
            ActionOp::External if record.key.kind == KeyKind::Compensation => undo_command(entry),
            _ => entry.change_text(),
        };
        match entry.renamed.and_then(|other| run.ledger.get(other)) {
            Some(other) if *left == KeyState::Absent => format!("→ {}", other.record.key),
            Some(other) if record.old == KeyState::Absent => format!("← {}", other.record.key),
            Some(other) => format!("← {}, over {}", other.record.key, record.old.summary()),
            None => change,
        }
    }
}

/// True for an applied action that can be undone.
fn can_undo(entry: &LedgerEntry) -> bool {
    entry.is_applied() && entry.is_undoable()
}

/// The kind of an action's key, in a word of at most four letters.
fn kind(run: &RunState, entry: &LedgerEntry) -> &'static str {
    match entry.record.key.kind {
        KeyKind::Memory => "key",
        KeyKind::File => "file",
        KeyKind::Directory => "dir",
        KeyKind::Symlink => "link",
        KeyKind::Compensation | KeyKind::External if run.labels.command(entry.record.tool_span).is_some() => "cmd",
        KeyKind::Compensation | KeyKind::External => "call",
    }
}

/// The undo command of an action.
pub(super) fn undo_command(entry: &LedgerEntry) -> String {
    let text = |state: &KeyState| match state {
        KeyState::Text { text } => Some(text.clone()),
        _ => None,
    };
    let stored = text(&entry.record.intended).and_then(|json| serde_json::from_str::<Compensation>(&json).ok());
    let before = text(&entry.record.old);
    match stored.map(|stored| stored.command(before.as_deref(), text(&entry.after).as_deref())) {
        Some(Ok(argv)) => format!("undo command {}", command_line(&argv)),
        Some(Err(why)) => format!("no undo: {why}"),
        None => entry.record.old.summary(),
    }
}
