//! What came of an undo, or would come of it: as lines, as JSON, and as an exit code.

use serde_json::Value as Json;

use super::cut_off::CutOff;
use super::exit::Exit;
use super::text::{brief, key_name, reason, report as lines_of};
use crate::model::{Conflict, ConflictBy, KeyKind, RunState, Seq, UndoReport};
use crate::rollback::describe_conflict;

/// What came of an undo.
pub(super) struct Undone {
    /// What was to be undone, newest first.
    pub wanted: Vec<Seq>,
    /// What was.
    pub report: UndoReport,
    /// Commands of what was to be undone whose changes are not on record.
    pub cut_off: Vec<CutOff>,
    /// Nothing was touched: it says what would be.
    pub dry_run: bool,
    /// It goes over conflicts.
    pub force: bool,
}

impl Undone {
    /// Whether it was all, some or none. All is only what is on record, and back as it was by the second reading.
    pub fn verdict(&self) -> Exit {
        let left = |action: &Seq| self.report.left.iter().any(|left| left.action == *action);
        // A dry run tells of the commands; whether the undo finds what they changed is not known.
        let lost = !self.dry_run && self.cut_off.iter().any(CutOff::is_open);
        let short = lost || !self.report.read_back.differs.is_empty() || self.wanted.iter().any(left);
        match self.count() {
            all if all == self.wanted.len() && !short => Exit::Done,
            0 => Exit::NoneUndone,
            _ => Exit::SomeUndone,
        }
    }

    fn count(&self) -> usize {
        let undone: std::collections::HashSet<&Seq> = self.report.undone.iter().collect();
        self.wanted.iter().filter(|action| undone.contains(action)).count()
    }

    /// The report as JSON.
    pub fn json(&self, state: &RunState) -> serde_json::Result<Json> {
        let mut shown = serde_json::to_value(&self.report)?;
        if let Some(shown) = shown.as_object_mut() {
            let commands = self.cut_off.iter().map(|command| command.json(state)).collect();
            shown.insert("interrupted_commands".to_owned(), Json::Array(commands));
        }
        Ok(shown)
    }

    /// The report as lines.
    pub fn told(&self, state: &RunState) -> String {
        let report = &self.report;
        let key = |action: Seq| state.ledger.get(action).map_or_else(String::new, |entry| key_name(&entry.record.key));
        let undoes = if self.dry_run { "would undo" } else { "undid" };
        let undone = report.undone.iter();
        let mut lines: Vec<String> = undone
            .map(|action| format!("{undoes} {action} {}: {}", key(*action), self.becomes(state, *action)))
            .collect();
        let left = report.left.iter();
        lines.extend(left.map(|left| format!("left {} {}: {}", left.action, key(left.action), reason(&left.why))));
        if let Some(conflict) = &report.conflict {
            let action = conflict.action;
            lines.push(format!("stopped at {action}: {}", why_stopped(conflict)));
            let force = if self.force { "" } else { "; --force undoes it all the same" };
            lines.push(format!("--skip {} leaves it and goes on{force}", action.0));
        }
        let found = |command: &CutOff| if self.dry_run { command.line(state) } else { command.not_undone(state) };
        lines.extend(self.cut_off.iter().map(found));
        lines.push(self.sum());
        if !report.compensated.is_empty() {
            let count = report.compensated.len();
            lines.push(format!("{count} of them compensated: what that did outside can't be read again"));
        }
        let read_back = &report.read_back;
        if read_back.total > 0 {
            lines.push(format!("restored {}/{}", read_back.restored, read_back.total));
            lines.extend(read_back.differs.iter().map(|line| format!("differs: {}", reason(line))));
        }
        lines_of(&lines)
    }

    /// What an action's key is after its undo.
    fn becomes(&self, state: &RunState, action: Seq) -> String {
        const VALUE: usize = 80;
        let entry = state.ledger.get(action);
        entry.map_or_else(String::new, |entry| match (entry.record.key.kind, self.dry_run) {
            (KeyKind::Compensation, true) => "by its compensation".into(),
            (KeyKind::Compensation, false) => "compensated".into(),
            _ => format!("{} again", brief(&entry.record.old.summary(), VALUE)),
        })
    }

    fn sum(&self) -> String {
        match (self.wanted.len(), self.cut_off.is_empty()) {
            (0, true) => "nothing to undo".into(),
            (0, false) => "nothing on record to undo".into(),
            (all, _) => {
                let undone = if self.dry_run { "would be undone" } else { "undone" };
                format!("{} of {all} {undone}", self.count())
            }
        }
    }
}

/// Why an undo stops at an action, with names of the run cut to what fits a line.
pub(super) fn why_stopped(conflict: &Conflict) -> String {
    const KEY: usize = 80;
    let by = match &conflict.by {
        ConflictBy::Outside { found } => ConflictBy::Outside { found: reason(found) },
        by => by.clone(),
    };
    describe_conflict(&Conflict { key: brief(&conflict.key, KEY), by, ..conflict.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReadBack;

    #[test]
    fn all_is_undone_only_when_the_second_reading_says_so() {
        let undone = |wanted: &[u64], differs: &[&str]| Undone {
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
            cut_off: Vec::new(),
            dry_run: false,
            force: false,
        };
        assert_eq!(undone(&[2, 1], &[]).verdict(), Exit::Done);
        assert_eq!(undone(&[2, 1], &["a: should be 1 B, found nothing"]).verdict(), Exit::SomeUndone);
        assert_eq!(undone(&[3, 2, 1], &[]).verdict(), Exit::SomeUndone);
        assert_eq!(undone(&[3], &[]).verdict(), Exit::NoneUndone);
        assert_eq!(undone(&[], &[]).verdict(), Exit::Done);
    }
}
