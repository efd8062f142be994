//! The plan of a retry as text and JSON.

use serde_json::{Map, Value as Json, json};

use super::text::{key_name, shorten, shorten_reason};
use crate::app::text::plural;
use crate::app::{again_text, cost_text, reuse_text};
use crate::model::{Key, KeyKind, ResumePlan, RetryPlan, RunState, Seq, SpanId, readable_name};
use crate::runtime::ForkPlan;

/// Characters of a command or request in a line.
const WHAT: usize = 80;

/// Actions that were undone earlier, in spans that the retry does not rerun: they stay undone.
pub(super) struct UndoneOutside(Vec<(Seq, Key)>);

impl UndoneOutside {
    /// Collects the actions that a plan names, oldest first.
    pub fn of(state: &RunState, plan: &RetryPlan) -> Self {
        let undone = plan.undone_outside.iter().filter_map(|action| state.ledger.get(*action));
        Self(undone.map(|entry| (entry.seq, entry.record.key.clone())).collect())
    }

    /// Formats them as fields of a JSON object.
    pub fn into_json(self) -> Map<String, Json> {
        let outside = self.0.into_iter().map(|(action, key)| json!({ "action": action, "key": key.to_string() }));
        Map::from_iter([("undone_outside".to_owned(), Json::Array(outside.collect()))])
    }

    fn line(&self) -> Option<String> {
        let plural = if self.0.len() == 1 { "change" } else { "changes" };
        let named: Vec<String> = self.0.iter().map(|(action, key)| format!("{action} {}", key_name(key))).collect();
        (!named.is_empty())
            .then(|| format!("  {} undone {plural} outside the retry stay undone: {}", named.len(), named.join(", ")))
    }
}

/// Formats a plan as lines.
pub(super) fn plan_lines(state: &RunState, plan: &RetryPlan, outside: &UndoneOutside) -> Vec<String> {
    let spans = |spans: &[SpanId]| spans.iter().map(|span| state.trace.path(*span)).collect::<Vec<_>>().join(", ");
    let mut lines = vec![format!("retry {}", state.trace.path(plan.span))];
    lines.extend(plan.undoes.iter().map(|undone| format!("  undo {}", action_text(state, *undone))));
    lines.extend(plan.leaves.iter().map(|left| {
        let key = state.ledger.get(left.action).map(|entry| key_name(&entry.record.key)).unwrap_or_default();
        format!("  keep {} {key}: {}", left.action, shorten_reason(&left.why))
    }));
    let (reruns, calls) = (plural(plan.reruns.len(), "span"), plural(plan.calls, "model call"));
    lines.push(format!("  rerun {} ({reruns}, {calls})", plan.rerun_names.join(", ")));
    if !plan.again.is_empty() {
        lines.push(format!("  {}", again_text(plan)));
    }
    if !plan.readers.is_empty() {
        lines.push(format!("  rerun too, because they read an undone value: {}", spans(&plan.readers)));
    }
    lines.push(format!("  reuse {}", reuse_text(plan).replacen("  ", ", ", 1).replace("  ", " ")));
    lines.push(format!("  cost {}", cost_text(plan).replace("  ", " ")));
    if !plan.changed.is_empty() {
        lines.push(format!("  changed since: {}", plan.changed.join(", ")));
    }
    lines.extend(plan.authority.iter().map(|right| format!("  may now: {right}")));
    lines.extend(outside.line());
    lines
}

/// Formats the plan of a fork as lines.
pub(super) fn fork_lines(state: &RunState, plan: &ForkPlan) -> Vec<String> {
    let retry = &plan.retry;
    let (reruns, calls) = (plural(retry.reruns.len(), "span"), plural(retry.calls, "model call"));
    let mut lines = vec![
        format!("fork at {}", state.trace.path(retry.span)),
        format!("  rerun {} ({reruns}, {calls})", retry.rerun_names.join(", ")),
        format!("  reuse {}", reuse_text(retry).replacen("  ", ", ", 1).replace("  ", " ")),
        format!("  cost {}", cost_text(retry).replace("  ", " ")),
    ];
    if !retry.changed.is_empty() {
        lines.push(format!("  changed since: {}", retry.changed.join(", ")));
    }
    lines.extend(retry.authority.iter().map(|right| format!("  may now: {right}")));
    lines.extend(plan.moved.iter().map(|moved| {
        let who = if moved.is_own { "as the run left it" } else { "changed since by another program or person" };
        format!("  differs {}: {}, {who}", key_name(&moved.key), moved.then.change_to(&moved.now))
    }));
    lines.extend(plan.notes.iter().map(|note| format!("  note: {note}")));
    lines
}

/// Formats the plan of a resume as lines.
pub(super) fn resume_lines(state: &RunState, plan: &ResumePlan) -> Vec<String> {
    let mut lines = vec!["resume".to_owned()];
    lines.extend(
        plan.done.iter().map(|done| format!("  done {}: its changes are in place", state.trace.path(done.span))),
    );
    lines.extend(plan.questions.iter().map(|asked| {
        let (path, what) = (state.trace.path(asked.span), shorten(&readable_name(&asked.what), WHAT));
        format!("  decide {} {path} `{what}`: {}", asked.span, shorten_reason(&asked.why))
    }));
    lines.extend(plan.retry.undoes.iter().map(|undone| format!("  undo {}", action_text(state, *undone))));
    let asked = |span: &SpanId| plan.questions.iter().any(|question| question.span == *span);
    let reruns: Vec<SpanId> = plan.retry.reruns.iter().copied().filter(|span| !asked(span)).collect();
    if !reruns.is_empty() {
        let paths: Vec<String> = reruns.iter().map(|span| state.trace.path(*span)).collect();
        lines.push(format!("  rerun {}", paths.join(", ")));
    }
    lines.push(format!("  reuse {}", reuse_text(&plan.retry).replacen("  ", ", ", 1).replace("  ", " ")));
    lines
}

/// Formats an action as the plan on the screen does: `#41 M NOTES.md 158 B → 190 B`.
fn action_text(state: &RunState, action: Seq) -> String {
    const CHANGE: usize = 64;
    let Some(entry) = state.ledger.get(action) else { return action.to_string() };
    let name = key_name(&entry.record.key);
    if entry.record.key.kind == KeyKind::Compensation {
        return format!("{action} {name}, by its undo command");
    }
    format!("{action} {} {name} {}", entry.letter(), shorten(&entry.change_text(), CHANGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_says_what_it_costs_and_saves() {
        let plan = RetryPlan {
            reruns: vec![SpanId(2), SpanId(3)],
            rerun_names: vec!["writer".into()],
            calls: 1,
            tokens: 1900,
            cost: 4000,
            from_journal: 11,
            saved_tokens: 12_000,
            saved_cost: 20_000,
            ..RetryPlan::default()
        };
        let state = RunState::default();
        let lines = plan_lines(&state, &plan, &UndoneOutside::of(&state, &plan));
        let wanted = [
            "  rerun writer (2 spans, 1 model call)",
            "  reuse 11 recorded calls, saves ~12.0k tok $0.020",
            "  cost ~1.9k tok $0.004, as last time",
        ];
        assert_eq!(lines[1..], wanted);
    }
}
