//! The facts about a try that a run's folded state tells.

use crate::model::{
    EndCause, Generation, Key, KeyKind, KeyState, LedgerEntry, Millis, NetChange, NetKind, RunState, RunStatus, Seq,
    SpanId, SpanKind, SpanStatus,
};
use crate::rollback::not_redoable;

/// The beginning of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Began {
    /// Its generation: every span that starts in it is of the try.
    pub generation: Generation,
    /// When it began.
    pub at: Millis,
}

/// The facts about a try that ended.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Facts {
    /// The span at the path that is tried.
    pub span: Option<SpanId>,
    /// Every span of it.
    pub spans: Vec<SpanId>,
    /// Its applied actions, newest first.
    pub actions: Vec<Seq>,
    /// An applied action that can't be undone, and why.
    pub stays: Option<String>,
    /// The reason why it could not be kept after it was undone.
    pub not_keepable: Option<String>,
    /// The limit of the run that ended it.
    pub limit: Option<String>,
    /// The status that the run came to.
    pub status: RunStatus,
    /// The error that it ended with.
    pub failure: Option<String>,
    /// True when the span itself failed.
    pub span_failed: bool,
    /// The finish key of the span.
    pub finish: Option<String>,
    /// Tokens of its model calls.
    pub tokens: u64,
    /// Their cost in millionths of a US dollar.
    pub cost: u64,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// Its net changes.
    pub changes: Vec<NetChange>,
}

impl Facts {
    /// Gathers them. `path`: that of the tried span; `failure`: the error that the run ended with.
    pub fn of(state: &RunState, path: &str, began: Began, failure: Option<String>) -> Self {
        let trace = &state.trace;
        let all = (0..).map(SpanId).zip(trace.spans().iter()).skip(1);
        let of_try =
            all.filter(|(_, found)| found.generation == began.generation && found.status != SpanStatus::Undone);
        let (mut spans, mut tokens, mut cost, mut limited) = (Vec::new(), 0, 0, false);
        for (span, found) in of_try {
            spans.push(span);
            limited |= found.cause == Some(EndCause::Limit);
            if found.kind == SpanKind::Llm {
                tokens += found.counts.usage.input + found.counts.usage.output;
                cost += found.counts.cost;
            }
        }
        let entries: Vec<&LedgerEntry> = {
            let heads = state.ledger.heads().filter(|head| head.is_applied());
            let own = heads.filter(|head| spans.binary_search(&head.tool_span).is_ok());
            own.filter_map(|head| state.ledger.get(head.seq)).collect()
        };
        let stays = entries.iter().find_map(|entry| {
            let why = entry.check_undoable().err()?;
            Some(format!("{} {} can't be undone: {why}", entry.seq, entry.record.key))
        });
        let not_keepable = entries.iter().find_map(|entry| {
            let why = not_redoable(entry)?;
            Some(format!("{} {} {why}", entry.seq, entry.record.key))
        });
        let span = spans.iter().copied().find(|span| trace.path(*span) == path);
        Self {
            span,
            actions: entries.iter().rev().map(|entry| entry.seq).collect(),
            stays,
            not_keepable,
            limit: failure.clone().filter(|_| limited),
            status: state.status,
            failure,
            span_failed: span.and_then(|span| trace.get(span)).is_some_and(|found| found.status == SpanStatus::Error),
            finish: span.and_then(|span| trace.finish(span)).map(str::to_owned),
            tokens,
            cost,
            ms: state.last_at.0.saturating_sub(began.at.0),
            changes: net_changes(&entries),
            spans,
        }
    }
}

/// The net changes of actions, oldest first: each key as it was before the first of them, and after the last.
fn net_changes(entries: &[&LedgerEntry]) -> Vec<NetChange> {
    let is_state = |entry: &&&LedgerEntry| !matches!(entry.record.key.kind, KeyKind::External | KeyKind::Compensation);
    let place = |key: &Key| (key.kind.is_path(), key.name.clone());
    let mut places = std::collections::BTreeMap::new();
    for entry in entries.iter().filter(is_state) {
        let change = places.entry(place(&entry.record.key)).or_insert_with(|| NetChange {
            key: entry.record.key.clone(),
            kind: NetKind::Modified,
            from: None,
            old: entry.record.old.clone(),
            new: KeyState::Absent,
        });
        change.key.clone_from(&entry.record.key);
        change.new.clone_from(entry.left());
    }
    let changed = places.into_values().filter(|change| change.old != change.new);
    changed
        .map(|change| {
            let kind = match (&change.old, &change.new) {
                (KeyState::Absent, _) => NetKind::Added,
                (_, KeyState::Absent) => NetKind::Deleted,
                _ => NetKind::Modified,
            };
            NetChange { kind, ..change }
        })
        .collect()
}
