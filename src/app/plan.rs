//! The plan of a retry: what it undoes and keeps, what reruns, what is reused and saved, what it costs, what changed.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr;

use super::detail::wrapped;
use super::text::{count, money, plural};
use super::{Command, Confirmed, Key, Reading, edit_lines, rollback, safe};
use crate::model::{self, EditPart, KeyKind, LedgerEntry, PlanLeave, RetryEdits, RetryPlan, RunState, Seq};

/// Columns of the labels: `rerun  `.
pub const PLAN_LABEL: usize = 8;
/// Columns of text that are comfortable to read.
const WIDEST: usize = 96;
/// Columns and rows of the screen beside the text.
const EDGE: (usize, usize) = (4, 4);
/// Names of agents that one line of the footer has.
const NAMES: usize = 2;

/// The plan of a retry, not confirmed.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct PlanAsk {
    /// The plan.
    pub plan: RetryPlan,
    /// True when siblings that read an undone value are rerun too.
    pub with_readers: bool,
    /// The edits by hand that it begins with.
    edits: RetryEdits,
    reading: Reading,
    /// The lines as they fit the screen.
    fitted: Vec<PlanLine>,
}

/// The weight of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanTone {
    /// A plain line.
    Plain,
    /// It has no undo, or an undo command.
    Warning,
    /// One of several below their heading.
    Quiet,
}

/// One line of the plan, safe to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanLine {
    /// `undo`, `keep`, …; empty below it.
    pub label: &'static str,
    /// The text.
    pub text: String,
    /// Its weight.
    pub tone: PlanTone,
}

impl PlanAsk {
    pub(super) fn new(plan: RetryPlan, edits: RetryEdits) -> Self {
        let with_readers = !plan.readers.is_empty();
        Self { plan, with_readers, edits, reading: Reading::default(), fitted: Vec::new() }
    }

    /// True when parts of the span can be edited for this retry.
    pub(super) fn takes_edits(&self, run: &RunState) -> bool {
        let kind = run.trace.get(self.plan.span).map(|found| found.kind);
        kind.is_some_and(|kind| !EditPart::of(kind).is_empty())
    }

    /// Carries it out as it is shown, once its end was in view.
    ///
    /// # Errors
    ///
    /// The plan itself, when there is more to read.
    pub fn confirm(self) -> Result<Confirmed, Box<Self>> {
        if !self.reading.is_done() {
            return Err(Box::new(self));
        }
        let Self { plan, with_readers, edits, .. } = self;
        let plan = Box::new(plan);
        let command = if edits.is_empty() {
            model::Command::Retry { plan, with_readers }
        } else {
            model::Command::RetryEdited { plan, edits: Box::new(edits), with_readers }
        };
        Ok(Confirmed::new(vec![Command::Run(command)]))
    }

    /// The key that carries it out: `y` where the run may do other things than it could.
    #[must_use]
    pub fn key(&self) -> Key {
        if self.plan.authority.is_empty() { Key::Enter } else { Key::Char('y') }
    }

    /// Lays it out for a screen of that size.
    pub(super) fn refresh(&mut self, run: &RunState, size: (u16, u16)) {
        self.fitted = self.lines(run, size);
        self.reading.fit(self.fitted.len(), usize::from(size.1).saturating_sub(EDGE.1).max(1));
    }

    /// The lines in view.
    #[must_use]
    pub fn window(&self) -> &[PlanLine] {
        self.fitted.get(self.reading.range()).unwrap_or_default()
    }

    /// The place in its lines.
    #[must_use]
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    pub(super) fn reading_mut(&mut self) -> &mut Reading {
        &mut self.reading
    }

    /// Columns of the longest line, in view or not.
    #[must_use]
    pub fn widest(&self) -> usize {
        self.fitted.iter().map(|line| PLAN_LABEL + line.text.width()).max().unwrap_or(0)
    }

    /// The lines as text.
    pub(super) fn texts(&self) -> Vec<String> {
        self.fitted.iter().map(|line| format!("{} {}", line.label, line.text)).collect()
    }

    /// All lines, wrapped for a screen of that size.
    fn lines(&self, run: &RunState, (width, _): (u16, u16)) -> Vec<PlanLine> {
        let columns = usize::from(width).saturating_sub(EDGE.0).clamp(PLAN_LABEL + 8, WIDEST) - PLAN_LABEL;
        let mut out = Vec::new();
        for PlanLine { label, text, tone } in self.rows(run) {
            let text = safe::line(&text).into_owned();
            for (at, text) in wrapped(&text, columns).into_iter().enumerate() {
                out.push(PlanLine { label: if at == 0 { label } else { "" }, text: text.to_owned(), tone });
            }
        }
        out
    }

    /// The plan line by line, each as long as it is.
    fn rows(&self, run: &RunState) -> Vec<PlanLine> {
        let plan = &self.plan;
        let mut rows = undo_rows(run, plan);
        rows.extend(keep_rows(run, &plan.leaves));
        if plan.cancels > 0 {
            rows.push(row("cancel", plural(plan.cancels, "running call")));
        }
        let calls = plural(plan.calls, "model call");
        let edits = edit_lines(&self.edits).into_iter();
        rows.extend(labelled("edited", edits.map(|edit| below(edit, PlanTone::Plain))));
        rows.push(row("rerun", format!("{}  {calls}", grouped_names(&plan.rerun_names, usize::MAX))));
        if !plan.again.is_empty() {
            rows.push(below(again_text(plan), PlanTone::Warning));
        }
        if !plan.readers.is_empty() {
            let names: Vec<String> = plan.readers.iter().map(|span| run.trace.path(*span)).collect();
            let choice = if self.with_readers { "rerun too" } else { "keep what they read (stale)" };
            rows.push(row("readers", format!("{choice}: {}", grouped_names(&names, usize::MAX))));
            rows.push(below("they read a value that is undone; Space changes it".into(), PlanTone::Quiet));
        }
        rows.push(row("reuse", reuse_text(plan)));
        rows.push(row("cost", cost_text(plan)));
        rows.extend(stay_rows(run, &plan.undone_outside));
        rows.extend(labelled("rights", plan.authority.iter().map(|right| below(right.clone(), PlanTone::Warning))));
        rows.extend(labelled("changed", plan.changed.iter().map(|changed| below(changed.clone(), PlanTone::Plain))));
        rows
    }
}

fn row(label: &'static str, text: String) -> PlanLine {
    PlanLine { label, text, tone: PlanTone::Plain }
}

fn below(text: String, tone: PlanTone) -> PlanLine {
    PlanLine { label: "", text, tone }
}

/// Puts the label before the first of some rows.
fn labelled(label: &'static str, rows: impl Iterator<Item = PlanLine>) -> Vec<PlanLine> {
    rows.enumerate().map(|(at, row)| PlanLine { label: if at == 0 { label } else { "" }, ..row }).collect()
}

/// The calls that are reused, with what that saves: `11 recorded calls  saves ~12k tok  $0.020`.
#[must_use]
pub fn reuse_text(plan: &RetryPlan) -> String {
    let calls = plural(plan.from_journal, "recorded call");
    if plan.saved_tokens == 0 {
        return calls;
    }
    format!("{calls}  saves ~{}", amount(plan.saved_tokens, plan.saved_cost))
}

/// Tools that really run again, as another program's agent can only begin anew: `4 tools before it really run again`.
#[must_use]
pub fn again_text(plan: &RetryPlan) -> String {
    let run = if plan.again.len() == 1 { "runs" } else { "run" };
    format!("{} before it really {run} again: the agent begins anew", plural(plan.again.len(), "tool"))
}

/// The expected tokens and money: `~1.9k tok  $0.004, as last time`.
#[must_use]
pub fn cost_text(plan: &RetryPlan) -> String {
    format!("~{}, as last time", amount(plan.tokens, plan.cost))
}

/// `1.9k tok  $0.004`; without the money where no price is known.
fn amount(tokens: u64, cost: u64) -> String {
    let money = if cost == 0 { String::new() } else { format!("  {}", money(cost)) };
    format!("{} tok{money}", count(tokens))
}

/// The actions to undo, those that are alike in one line.
fn undo_rows(run: &RunState, plan: &RetryPlan) -> Vec<PlanLine> {
    if plan.undoes.is_empty() {
        return vec![row("undo", "nothing".into())];
    }
    let mut groups: Vec<Vec<&LedgerEntry>> = Vec::new();
    let mut known: BTreeMap<(char, String, bool), usize> = BTreeMap::new();
    for entry in plan.undoes.iter().filter_map(|seq| run.ledger.get(*seq)) {
        let by_command = entry.record.key.kind == KeyKind::Compensation;
        let at = *known.entry((entry.letter(), pattern(&entry.record.key.name), by_command)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    let heads = (groups.len() > 1).then(|| row("undo", plural(plan.undoes.len(), "change")));
    let rows = groups.iter().map(|group| undo_row(group));
    let rows = if heads.is_some() { rows.collect() } else { labelled("undo", rows) };
    heads.into_iter().chain(rows).collect()
}

/// `41 M NOTES.md  1.2 kB → 1.9 kB`, `checks ×30`.
fn undo_row(group: &[&LedgerEntry]) -> PlanLine {
    let Some((first, last)) = group.first().zip(group.last()) else { return row("", String::new()) };
    let by_command = first.record.key.kind == KeyKind::Compensation;
    let key = |entry: &LedgerEntry| entry.record.key.name.clone();
    let text = match group {
        [one] if by_command => format!("{}   {}  {}", one.seq, key(one), rollback::undo_command(one)),
        [one] => format!("{} {} {}  {}", one.seq, one.letter(), key(one), one.change_text()),
        many => {
            let ends = if key(first) == key(last) { key(first) } else { format!("{} … {}", key(last), key(first)) };
            let how = if by_command { "  by their undo commands" } else { "" };
            format!("{} {ends} ×{}{how}", first.letter(), many.len())
        }
    };
    below(text, if by_command { PlanTone::Warning } else { PlanTone::Quiet })
}

/// A name with its numbers left out: names that differ in them only are alike.
fn pattern(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        match letter {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            other => out.push(other),
        }
    }
    out
}

fn keep_rows(run: &RunState, leaves: &[PlanLeave]) -> Vec<PlanLine> {
    let rows = leaves.iter().map(|left| {
        let entry = run.ledger.get(left.action);
        let key = entry.map(|entry| entry.record.key.to_string()).unwrap_or_default();
        let says_so = left.why.contains("no undo");
        let no_undo = if !says_so && entry.is_some_and(|entry| !entry.is_undoable()) { "no undo, " } else { "" };
        below(format!("{} {key}  {no_undo}{}", left.action, left.why), PlanTone::Warning)
    });
    labelled("keep", rows)
}

fn stay_rows(run: &RunState, undone: &[Seq]) -> Vec<PlanLine> {
    if undone.is_empty() {
        return Vec::new();
    }
    let verb = if undone.len() == 1 { "stays" } else { "stay" };
    let head = row("undone", format!("{} of other spans {verb} undone", plural(undone.len(), "change")));
    let lines = undone.iter().map(|seq| {
        let key = run.ledger.get(*seq).map(|entry| entry.record.key.to_string()).unwrap_or_default();
        below(format!("{seq} {key}"), PlanTone::Quiet)
    });
    std::iter::once(head).chain(lines).collect()
}

/// `writer, checks ×30`: names that differ by their number only are counted, at most some are named.
pub(super) fn grouped_names(names: &[String], most: usize) -> String {
    let mut groups: Vec<(&str, &str, usize)> = Vec::new();
    for name in names {
        let stem = name.rsplit_once('#').map_or(&name[..], |(stem, _)| stem);
        match groups.iter_mut().find(|(known, ..)| *known == stem) {
            Some((.., count)) => *count += 1,
            None => groups.push((stem, name, 1)),
        }
    }
    let shown = groups.iter().take(most).map(|(stem, name, count)| match count {
        1 => (*name).to_owned(),
        many => format!("{stem} ×{many}"),
    });
    let text = shown.collect::<Vec<_>>().join(if most == usize::MAX { ", " } else { " + " });
    match groups.len().saturating_sub(most) {
        0 => text,
        more => format!("{text} + {more} more"),
    }
}

/// `retry writer: undo 30, keep 1, rerun writer + diggers · ~12k tok $0.024`, for the footer.
pub(super) fn line(run: &RunState, plan: &RetryPlan) -> String {
    let part = |what: &str, count: usize| (count > 0).then(|| format!("{what} {count}"));
    let rerun = format!("rerun {}", grouped_names(&plan.rerun_names, NAMES));
    let parts = [part("undo", plan.undoes.len()), part("keep", plan.leaves.len()), Some(rerun)];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let cost = match plan.tokens {
        0 => String::new(),
        tokens => format!(" · ~{}", amount(tokens, plan.cost).replace("  ", " ")),
    };
    safe::line(&format!("retry {}: {parts}{cost}", run.trace.label(plan.span))).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_that_differ_by_their_number_are_counted() {
        let many = names(&["writer#2", "checks#1", "checks#2", "checks", "reviewer"]);
        assert_eq!(grouped_names(&many, usize::MAX), "writer#2, checks ×3, reviewer");
        assert_eq!(grouped_names(&many, 2), "writer#2 + checks ×3 + 1 more");
        assert_eq!(pattern("out/12/file-3.md"), "out/#/file-#.md");
    }

    #[test]
    fn money_is_left_out_where_no_price_is_known() {
        assert_eq!(amount(12_000, 0), "12.0k tok");
        assert_eq!(amount(1_900, 4_000), "1.9k tok  $0.004");
    }
}
