//! The plan of a retry as text and JSON, and `retry --dry-run`: what the retry would do and meet, touching nothing.

use std::path::Path;

use color_eyre::eyre::eyre;
use serde_json::{Map, Value as Json, json};

use super::exit::Exit;
use super::retry::{Args, check_whole};
use super::stored::{Stored, find_span, open_log};
use super::text::{key_name, print, print_json, reason, report};
use super::undone::why_stopped;
use crate::model::{Key, RetryPlan, RunState, Seq, SpanId};
use crate::rollback::{plan_retry, preview};
use crate::runtime::foresee;
use crate::store::{Access, DataDir};

/// Effects that were undone before, of spans that the retry does not run again: they stay undone.
pub(super) struct Outside(Vec<(Seq, Key)>);

impl Outside {
    /// As a plan names them, oldest first.
    pub fn of(state: &RunState, plan: &RetryPlan) -> Self {
        let undone = plan.undone_outside.iter().filter_map(|action| state.ledger.get(*action));
        Self(undone.map(|entry| (entry.seq, entry.record.key.clone())).collect())
    }

    /// As fields of a JSON object.
    pub fn into_json(self) -> Map<String, Json> {
        let outside = self.0.into_iter().map(|(action, key)| json!({ "action": action, "key": key.to_string() }));
        Map::from_iter([("undone_outside".to_owned(), Json::Array(outside.collect()))])
    }

    fn line(&self) -> Option<String> {
        let plural = if self.0.len() == 1 { "effect" } else { "effects" };
        let named: Vec<String> = self.0.iter().map(|(action, key)| format!("{action} {}", key_name(key))).collect();
        (!named.is_empty())
            .then(|| format!("  {} {plural} outside the retry stay undone: {}", named.len(), named.join(", ")))
    }
}

/// Shows the plan, and what would stop it.
pub(super) async fn dry_run(args: &Args, prompt: Option<&str>, data: &DataDir) -> color_eyre::Result<Exit> {
    let (folder, log, events) = open_log(data, &args.run, Access::ReadOnly)?;
    log.with(check_whole)?;
    let span = find_span(&log, &args.span)?;
    let mut plan = log.with(|state| plan_retry(state, span, true)).map_err(|error| eyre!("failed to {error}"))?;
    let source = folder.manifest().map_err(|error| eyre!("failed to {error}"))?.pipeline_file;
    let outlook = foresee(&log, &events, source.as_deref().map(Path::new), &plan, prompt);
    let outlook = outlook.map_err(|why| eyre!("{why}"))?;
    plan.changed = outlook.changed;
    let stored = Stored::with_world(data, folder, log, &events, Access::ReadOnly).await?;
    let conflict = preview(&stored.log, &stored.world, &plan.undoes, false).conflict;
    let outside = stored.log.with(|state| Outside::of(state, &plan));
    let exit = if conflict.is_some() { Exit::Failed } else { Exit::Done };
    if args.json {
        let mut shown = serde_json::to_value(&plan)?;
        if let Some(shown) = shown.as_object_mut() {
            shown.extend(outside.into_json());
            shown.insert("conflict".to_owned(), serde_json::to_value(&conflict)?);
            shown.insert("notes".to_owned(), json!(outlook.notes));
        }
        print_json(&shown)?;
        return Ok(exit);
    }
    let mut lines = stored.log.with(|state| told(state, &plan, &outside));
    lines.extend(outlook.notes.iter().map(|note| format!("  note: {note}")));
    lines.extend(conflict.iter().map(|conflict| {
        format!("  refused, before anything is touched: {} stands, because {}", conflict.action, why_stopped(conflict))
    }));
    print(&report(&lines))?;
    Ok(exit)
}

/// A plan as lines.
pub(super) fn told(state: &RunState, plan: &RetryPlan, outside: &Outside) -> Vec<String> {
    let action = |action: &Seq| {
        let key = state.ledger.get(*action).map(|entry| key_name(&entry.record.key));
        format!("{action} {}", key.unwrap_or_default())
    };
    let spans = |spans: &[SpanId]| spans.iter().map(|span| state.trace.path(*span)).collect::<Vec<_>>().join(", ");
    let mut lines = vec![format!("retry {}", state.trace.path(plan.span))];
    lines.extend(plan.undoes.iter().map(|undone| format!("  undoes {}", action(undone))));
    lines.extend(plan.leaves.iter().map(|left| format!("  leaves {}: {}", action(&left.action), reason(&left.why))));
    lines.push(format!(
        "  runs again {} ({} spans, {} tokens the last time)",
        plan.rerun_names.join(", "),
        plan.reruns.len(),
        plan.tokens
    ));
    if !plan.readers.is_empty() {
        lines.push(format!("  with them, because they read what is undone: {}", spans(&plan.readers)));
    }
    lines.push(format!("  {} effects from the journal", plan.from_journal));
    if !plan.changed.is_empty() {
        lines.push(format!("  changed since: {}", plan.changed.join(", ")));
    }
    lines.extend(outside.line());
    lines
}
