//! The plan of a retry as text and JSON.

use serde_json::{Map, Value as Json, json};

use super::text::{key_name, shorten_reason};
use crate::model::{Key, RetryPlan, RunState, Seq, SpanId};

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
    let action = |action: &Seq| {
        let key = state.ledger.get(*action).map(|entry| key_name(&entry.record.key));
        format!("{action} {}", key.unwrap_or_default())
    };
    let spans = |spans: &[SpanId]| spans.iter().map(|span| state.trace.path(*span)).collect::<Vec<_>>().join(", ");
    let mut lines = vec![format!("retry {}", state.trace.path(plan.span))];
    lines.extend(plan.undoes.iter().map(|undone| format!("  undo {}", action(undone))));
    lines.extend(
        plan.leaves.iter().map(|left| format!("  keep {}: {}", action(&left.action), shorten_reason(&left.why))),
    );
    lines.push(format!(
        "  rerun {} ({} spans, {} tokens last time)",
        plan.rerun_names.join(", "),
        plan.reruns.len(),
        plan.tokens
    ));
    if !plan.readers.is_empty() {
        lines.push(format!("  rerun too, because they read an undone value: {}", spans(&plan.readers)));
    }
    lines.push(format!("  reuse {} recorded outcomes", plan.from_journal));
    if !plan.changed.is_empty() {
        lines.push(format!("  changed since: {}", plan.changed.join(", ")));
    }
    lines.extend(outside.line());
    lines
}
