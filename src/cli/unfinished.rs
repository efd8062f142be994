//! Commands that were interrupted: their changes are not recorded yet, or were discarded.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::text::{shorten, shorten_reason};
use crate::model::{CaptureMode, CommandStart, RunState, Seq, SpanId, TraceBody, TraceEvent, readable_name};

/// A command that was interrupted or whose changes were discarded.
pub(super) struct UnfinishedCommand {
    seq: Seq,
    start: CommandStart,
    /// Why its changes were discarded; `None`: nobody has looked for them yet.
    dropped: Option<String>,
}

impl UnfinishedCommand {
    /// Lists the commands of a span and below it that have no recorded end: their process died, or recording their
    /// changes failed. Skips commands up to `after`.
    pub fn list_interrupted(state: &RunState, span: SpanId, after: Option<Seq>) -> Vec<Self> {
        let open = state.commands.iter().filter(|(seq, _)| after.is_none_or(|after| **seq > after));
        let open = open.filter(|(_, start)| state.trace.is_within(start.span, span));
        open.map(|(seq, start)| Self { seq: *seq, start: start.clone(), dropped: None }).collect()
    }

    /// Lists the commands whose changes were discarded, from a run's events.
    pub fn list_dropped(events: &[TraceEvent]) -> Vec<Self> {
        let mut open: BTreeMap<Seq, &CommandStart> = BTreeMap::new();
        let mut found = Vec::new();
        for event in events {
            match &event.body {
                TraceBody::CommandStarted(start) => drop(open.insert(event.seq, start)),
                TraceBody::CommandEnded { command, dropped } => {
                    let ended = open.remove(command).zip(dropped.clone());
                    found.extend(ended.and_then(|(start, why)| Self::with_dropped_changes(*command, start, why)));
                }
                _ => {}
            }
        }
        found
    }

    /// A command whose changes were discarded; `None` in snapshot mode, where changes are in the workspace already.
    pub fn with_dropped_changes(seq: Seq, start: &CommandStart, why: String) -> Option<Self> {
        (start.capture == CaptureMode::Overlay).then(|| Self { seq, start: start.clone(), dropped: Some(why) })
    }

    /// True when it may have changed something that is not recorded.
    pub fn may_have_unrecorded_changes(&self) -> bool {
        self.dropped.is_none() && self.start.capture == CaptureMode::Snapshot
    }

    /// True when its changes were discarded.
    pub fn is_dropped(&self) -> bool {
        self.dropped.is_some()
    }

    /// Describes the command's state on one line.
    pub fn describe(&self, state: &RunState) -> String {
        let name = self.name(state);
        match (&self.dropped, self.start.capture) {
            (Some(why), _) => format!("the changes of {name} were discarded: {}", shorten_reason(why)),
            (None, CaptureMode::Overlay) if state.is_reviewed(self.start.span) => {
                format!("{name} was interrupted; what it wrote is recorded as held when the run is opened")
            }
            (None, CaptureMode::Overlay) => format!("{name} was interrupted: its held changes were discarded"),
            (None, CaptureMode::Snapshot) => format!(
                "{name} was interrupted, and its changes are not recorded yet; they are found and recorded when the run \
                 is opened (by `tama-tui undo` or `tama-tui replay`)"
            ),
        }
    }

    /// Says that its changes were not undone, because they are unknown.
    pub fn describe_not_undone(&self, state: &RunState) -> String {
        format!("not undone: the changes of {}, because they are not recorded", self.name(state))
    }

    /// Formats the description as JSON.
    pub fn to_json(&self, state: &RunState) -> Json {
        json!({
            "seq": self.seq,
            "span": self.start.span.to_string(),
            "path": state.trace.path(self.start.span),
            "command": readable_name(&self.start.command),
            "lane": self.start.capture,
            "dropped": self.dropped,
            "note": self.describe(state),
        })
    }

    fn name(&self, state: &RunState) -> String {
        const COMMAND: usize = 80;
        let command = shorten(&readable_name(&self.start.command), COMMAND);
        format!("the command `{command}` ({}, {})", self.seq, shorten(&state.trace.path(self.start.span), COMMAND))
    }
}
