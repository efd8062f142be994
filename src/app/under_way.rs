//! Undos and redos that were asked for and are not through yet.

use std::collections::BTreeSet;

use super::Command;
use crate::model::{self, ActionChange, ActionEvent, KeyKind, RunState, Seq, UndoReport};

/// The actions of undos and redos under way.
#[derive(Debug, Clone, Default)]
pub struct UnderWay {
    /// Asked for; no event came.
    asked: BTreeSet<Seq>,
    /// The one that has started.
    started: Option<Started>,
}

/// An undo or redo that has started.
#[derive(Debug, Clone, Copy)]
struct Started {
    action: Seq,
    is_redo: bool,
    /// True when a command undoes it.
    by_command: bool,
}

impl UnderWay {
    /// Takes note of what is asked of the run. Returns true when it changes something here.
    pub(super) fn ask(&mut self, command: &Command) -> bool {
        match command {
            Command::Run(model::Command::Undo { action, .. } | model::Command::Redo { action }) => {
                self.asked.insert(*action)
            }
            Command::Run(model::Command::UndoList { actions }) => {
                self.asked.extend(actions);
                true
            }
            _ => false,
        }
    }

    /// Takes note of what became of an action.
    pub(super) fn event(&mut self, event: &ActionEvent, run: &RunState) {
        self.asked.remove(&event.action);
        let is_redo = matches!(event.change, ActionChange::RedoStarted);
        if is_redo || matches!(event.change, ActionChange::UndoStarted) {
            let kind = run.ledger.get(event.action).map(|entry| entry.record.key.kind);
            let by_command = kind == Some(KeyKind::Compensation) && !is_redo;
            self.started = Some(Started { action: event.action, is_redo, by_command });
        } else {
            self.started = self.started.filter(|started| started.action != event.action);
        }
    }

    /// Takes the end of an undo or redo.
    pub(super) fn report(&mut self, report: &UndoReport) {
        let left = report.left.iter().map(|left| left.action);
        let stopped = report.conflict.iter().map(|conflict| conflict.action);
        for action in report.undone.iter().chain(&report.redone).copied().chain(left).chain(stopped) {
            self.asked.remove(&action);
        }
        if report.conflict.is_some() {
            self.asked.clear();
        }
        self.started = None;
    }

    /// Something was refused: what was asked for may never come.
    pub(super) fn refused(&mut self) {
        self.asked.clear();
    }

    /// True for an action that was asked for, or has started.
    pub(super) fn has(&self, action: Seq) -> bool {
        self.asked.contains(&action) || self.started.is_some_and(|started| started.action == action)
    }

    /// The one that has started, as text: `undoing #12`.
    #[must_use]
    pub fn started(&self) -> Option<String> {
        let started = self.started?;
        Some(format!("{} {}", if started.is_redo { "redoing" } else { "undoing" }, started.action))
    }

    /// The action whose undo command runs: that can take long, and can be cancelled.
    #[must_use]
    pub fn undo_command(&self) -> Option<Seq> {
        self.started.filter(|started| started.by_command).map(|started| started.action)
    }
}
