//! The Rollback panel: the actions of the selected span and of everything below it, newest first, each with its
//! state: ready, blocked, held, no undo, undone.

use std::collections::BTreeSet;

use super::counts::Counts;
use super::{ActionRow, Word};
use crate::app::keys::{self, UiAction};
use crate::app::panel::{Opened, PanelModel, Scene, Scrolled};
use crate::app::{Command, Scroll, UnderWay, safe};
use crate::model::{
    self, ActionChange, ActionHead, ActionStatus, LedgerEntry, RunState, Seq, SpanId, Standing, TraceBody, UndoReport,
};

/// The Rollback panel.
#[derive(Debug, Clone, Default)]
pub struct Rollback {
    span: SpanId,
    narrow: bool,
    rows: Vec<Seq>,
    next: Option<Seq>,
    skipped: BTreeSet<Seq>,
    /// Actions whose undo found a conflict, until something is undone, redone or done again.
    conflicts: BTreeSet<Seq>,
    /// Undone actions, the last undone last.
    undone_order: Vec<Seq>,
    /// The row the user moved to; `None`: the cursor stays on the one that `u` undoes.
    picked: Option<Seq>,
    scroll: Scroll,
    stale: bool,
    counts: Counts,
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
    pub(in crate::app) fn toggle_mark(&mut self, seq: Seq) {
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
        let marked = if self.marked.is_empty() { String::new() } else { format!(" · {} marked", self.marked.len()) };
        format!("Rollback · {}{scope}{marked}{}", safe::line(&label), self.counts.title())
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

    /// A row as text, for a search.
    pub(in crate::app) fn line(&self, run: &RunState, seq: Seq) -> String {
        let agent = run.ledger.get(seq).map(|entry| run.trace.label(entry.record.span)).unwrap_or_default();
        format!("{} {agent} {}", self.describe(run, seq), self.word(run, seq))
    }

    /// Puts the cursor on an action of the list.
    pub(in crate::app) fn pick(&mut self, action: Seq, height: usize) {
        if let Ok(at) = self.rows.binary_search_by(|row| action.cmp(row)) {
            self.scroll.go(at, self.rows.len(), height);
            self.picked = self.selected();
        }
    }

    /// Keeps that the undo of an action found a conflict.
    pub(in crate::app) fn conflict(&mut self, action: Seq) {
        self.conflicts.insert(action);
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

    pub(in crate::app) fn toggle_narrow(&mut self) {
        self.narrow = !self.narrow;
        self.unpick();
    }

    /// Leaves an action, or not any more.
    pub(in crate::app) fn toggle_skip(&mut self, seq: Seq) {
        if !self.skipped.remove(&seq) {
            self.skipped.insert(seq);
            self.passed |= self.picked == Some(seq);
        }
        self.stale = true;
    }

    /// Lists anew at the next look: the run's state is another one.
    pub(in crate::app) fn list_anew(&mut self) {
        self.stale = true;
    }

    /// Takes note of an event that changes what the list shows.
    pub(in crate::app) fn event(&mut self, body: &TraceBody, run: &RunState) {
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
    pub(in crate::app) fn ask(&mut self, commands: &[Command]) {
        for command in commands {
            if self.under_way.ask(command) {
                self.stale = true;
                self.passed |= self.picked.is_some_and(|picked| self.under_way.has(picked));
            }
        }
    }

    /// Takes the end of an undo or redo.
    pub(in crate::app) fn report(&mut self, report: &UndoReport) {
        self.under_way.report(report);
        self.stale = true;
    }

    /// Something that was asked of the run was refused.
    pub(in crate::app) fn refused(&mut self) {
        self.under_way.refused();
        self.stale = true;
    }

    /// Keeps of an event what the ledger does not tell: the order of undos, and what was discarded.
    pub(in crate::app) fn remember(&mut self, body: &TraceBody) {
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
    pub(in crate::app) fn refresh(&mut self, run: &RunState, span: SpanId, height: usize) {
        self.list(run, span);
        let wanted = self.picked.or(self.next);
        let at = wanted.and_then(|wanted| self.rows.binary_search_by(|row| wanted.cmp(row)).ok());
        self.scroll.go(at.unwrap_or(0), self.rows.len(), height);
    }

    /// Lists anew if the selection or the ledger changed.
    pub(in crate::app) fn list(&mut self, run: &RunState, span: SpanId) {
        if span != self.span {
            self.span = span;
            self.passed = false;
            self.marked.clear();
            self.unpick();
        }
        if std::mem::take(&mut self.stale) {
            self.rows = run.actions(span, !self.narrow);
            self.counts = Counts::of(&self.rows, run, &self.discarded);
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

    /// The row of an action.
    fn row(&self, run: &RunState, seq: Seq, selected: bool) -> Option<ActionRow> {
        let row = ActionRow::new(run, seq, self.word(run, seq))?;
        Some(ActionRow { selected, marked: self.marked.contains(&seq), ..row })
    }

    pub(in crate::app) fn word(&self, run: &RunState, seq: Seq) -> Word {
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
}

impl Scrolled for Rollback {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn scroll(&self) -> &Scroll {
        &self.scroll
    }

    fn scroll_mut(&mut self) -> &mut Scroll {
        &mut self.scroll
    }

    fn note_move(&mut self) {
        self.picked = self.selected();
    }
}

impl PanelModel for Rollback {
    fn refresh(&mut self, scene: &Scene) -> Vec<model::Command> {
        self.refresh(scene.run, scene.selected, scene.height);
        Vec::new()
    }

    fn line_text(&self, line: usize, run: &RunState) -> String {
        self.rows.get(line).map(|seq| self.line(run, *seq)).unwrap_or_default()
    }

    fn copied(&self, scene: &Scene) -> (&'static str, Option<String>) {
        let entry = self.selected().and_then(|seq| scene.run.ledger.get(seq));
        ("key", entry.map(|entry| entry.record.key.name.clone()))
    }

    fn open(&mut self, _: &Scene) -> Opened {
        self.selected().map_or(Opened::Nothing("no action here"), Opened::Diff)
    }

    fn unfold(&mut self, scene: &Scene) -> Opened {
        let entry = self.selected().and_then(|seq| scene.run.ledger.get(seq));
        Opened::Span(entry.map(|entry| entry.record.tool_span))
    }
}

/// True for an applied action that can be undone.
fn can_undo(entry: &LedgerEntry) -> bool {
    entry.is_applied() && entry.is_undoable()
}
