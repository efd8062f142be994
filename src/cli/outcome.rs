//! The outcome of an undo or of its dry run: as lines, as JSON, and as an exit code.

use serde_json::Value as Json;

use super::changes::changes_json;
use super::exit::Exit;
use super::held_list::held_json;
use super::summary::Summary;
use super::text::{key_name, shorten, shorten_reason, to_lines};
use super::undo_text::undo_text;
use super::unfinished::UnfinishedCommand;
use crate::app::read_back_text;
use crate::app::text::plural;
use crate::model::{ActionStatus, Conflict, ConflictBy, RunState, Seq, UndoReport};
use crate::rollback::describe_conflict;

/// The outcome of an undo or of its dry run.
pub(super) struct UndoOutcome {
    /// Actions to undo, newest first.
    pub wanted: Vec<Seq>,
    /// The engine's report.
    pub report: UndoReport,
    /// Commands in the undone part of the run whose changes are not recorded.
    pub unfinished: Vec<UnfinishedCommand>,
    /// True for a dry run: nothing changed.
    pub dry_run: bool,
    /// True when the undo overwrites conflicting changes.
    pub force: bool,
}

impl UndoOutcome {
    /// The exit code: all, some or none undone. All means that every change is recorded and read back as it was.
    pub fn exit(&self) -> Exit {
        let left = |action: &Seq| self.report.left.iter().any(|left| left.action == *action);
        // A dry run lists the commands, but only the real undo can find their changes.
        let lost = !self.dry_run && self.unfinished.iter().any(UnfinishedCommand::may_have_unrecorded_changes);
        let short = lost || !self.report.read_back.differs.is_empty() || self.wanted.iter().any(left);
        match self.count_undone() {
            all if all == self.wanted.len() && !short => Exit::Done,
            0 => Exit::NoneUndone,
            _ => Exit::SomeUndone,
        }
    }

    fn count_undone(&self) -> usize {
        let undone: std::collections::HashSet<&Seq> = self.report.undone.iter().collect();
        self.wanted.iter().filter(|action| undone.contains(action)).count()
    }

    /// Formats the outcome as JSON; `changes` is what is left of the run.
    pub fn to_json(&self, state: &RunState) -> serde_json::Result<Json> {
        let mut shown = serde_json::to_value(&self.report)?;
        if let Some(shown) = shown.as_object_mut() {
            let commands = self.unfinished.iter().map(|command| command.to_json(state)).collect();
            shown.insert("interrupted_commands".to_owned(), Json::Array(commands));
            shown.insert("changes".to_owned(), changes_json(state));
            shown.insert("summary".to_owned(), Summary::of(state).to_json());
            shown.insert("held".to_owned(), held_json(state));
        }
        Ok(shown)
    }

    /// Formats the outcome as lines.
    pub fn to_text(&self, state: &RunState) -> String {
        let report = &self.report;
        let key = |action: Seq| state.ledger.get(action).map_or_else(String::new, |entry| key_name(&entry.record.key));
        let undone = report.undone.iter().filter_map(|action| state.ledger.get(*action));
        let mut lines: Vec<String> =
            undone.map(|entry| format!("{} · {}", undo_text(entry, self.dry_run), entry.seq)).collect();
        let left = report.left.iter();
        lines.extend(
            left.map(|left| format!("kept {} {}: {}", left.action, key(left.action), shorten_reason(&left.why))),
        );
        if let Some(conflict) = &report.conflict {
            let action = conflict.action;
            lines.push(format!("stopped at {action}: {}", conflict_reason(conflict)));
            let force = if self.force { "" } else { ", or undo it anyway with --force" };
            lines.push(format!("keep it with --skip {}{force}", action.0));
        }
        let found = |command: &UnfinishedCommand| {
            if self.dry_run { command.describe(state) } else { command.describe_not_undone(state) }
        };
        lines.extend(self.unfinished.iter().map(found));
        lines.push(self.summary());
        if !report.compensated.is_empty() {
            let count = report.compensated.len();
            lines.push(format!("{count} of them by an undo command: its result outside can't be read back"));
        }
        if let Some(text) = read_back_text(state, report) {
            lines.push(text);
            let differs = report.read_back.differs.iter();
            lines.extend(differs.map(|line| format!("differs: {}", shorten_reason(line))));
        }
        to_lines(&lines)
    }

    /// How far the run was undone, for the line at the end.
    pub fn extent(&self, state: &RunState) -> &'static str {
        let earlier = || state.ledger.heads().any(|head| head.status == ActionStatus::Undone);
        match self.exit() {
            _ if self.wanted.is_empty() => "has nothing to undo",
            Exit::Done => "undone",
            // An undo before this one got further.
            Exit::NoneUndone if earlier() => "partly undone",
            Exit::NoneUndone => "not undone",
            _ => "partly undone",
        }
    }

    /// True when the run has changes that this undo was not asked for, and that can be undone.
    pub fn left_unasked(&self, state: &RunState) -> bool {
        let wanted: std::collections::HashSet<&Seq> = self.wanted.iter().collect();
        state.ledger.heads().any(|head| head.is_applied() && head.undoable && !wanted.contains(&head.seq))
    }

    fn summary(&self) -> String {
        match (self.wanted.len(), self.unfinished.is_empty()) {
            (0, true) => "nothing to undo".into(),
            (0, false) => "nothing recorded to undo".into(),
            (all, _) => {
                let undone = if self.dry_run { "would be undone" } else { "undone" };
                format!("{} of {} {undone}", self.count_undone(), plural(all, "action"))
            }
        }
    }
}

/// Says why an undo stops at an action; long names of the run are shortened.
pub(super) fn conflict_reason(conflict: &Conflict) -> String {
    const KEY: usize = 80;
    let by = match &conflict.by {
        ConflictBy::Outside { found } => ConflictBy::Outside { found: shorten_reason(found) },
        by => by.clone(),
    };
    describe_conflict(&Conflict { key: shorten(&conflict.key, KEY), by, ..conflict.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReadBack;

    #[test]
    fn all_is_undone_only_when_the_second_reading_says_so() {
        let undone = |wanted: &[u64], differs: &[&str]| UndoOutcome {
            wanted: wanted.iter().map(|seq| Seq(*seq)).collect(),
            report: UndoReport {
                undone: vec![Seq(2), Seq(1)],
                read_back: ReadBack {
                    restored: 2 - differs.len(),
                    total: 2,
                    differs: differs.iter().map(|line| (*line).to_owned()).collect(),
                },
                ..UndoReport::default()
            },
            unfinished: Vec::new(),
            dry_run: false,
            force: false,
        };
        assert_eq!(undone(&[2, 1], &[]).exit(), Exit::Done);
        assert_eq!(undone(&[2, 1], &["a: should be 1 B, found nothing"]).exit(), Exit::SomeUndone);
        assert_eq!(undone(&[3, 2, 1], &[]).exit(), Exit::SomeUndone);
        assert_eq!(undone(&[3], &[]).exit(), Exit::NoneUndone);
        assert_eq!(undone(&[], &[]).exit(), Exit::Done);
    }
}
