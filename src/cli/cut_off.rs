//! Commands that did not get to their end: what they changed is not on record yet, or was dropped.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::text::{brief, reason};
use crate::model::{CommandStart, Lane, RunState, Seq, SpanId, TraceBody, TraceEvent, readable_name};

/// A command that did not get to its end.
pub(super) struct CutOff {
    seq: Seq,
    start: CommandStart,
    /// Why none of its changes was kept; `None`: nobody has looked for them yet.
    dropped: Option<String>,
}

impl CutOff {
    /// The commands of a span and below it whose end is not on record: their process died, or what they changed could
    /// not be recorded. Those up to `after` don't count.
    pub fn of(state: &RunState, span: SpanId, after: Option<Seq>) -> Vec<Self> {
        let open = state.commands.iter().filter(|(seq, _)| after.is_none_or(|after| **seq > after));
        let open = open.filter(|(_, start)| state.trace.is_within(start.span, span));
        open.map(|(seq, start)| Self { seq: *seq, start: start.clone(), dropped: None }).collect()
    }

    /// The commands none of whose changes was kept, by a run's events.
    pub fn dropped(events: &[TraceEvent]) -> Vec<Self> {
        let mut open: BTreeMap<Seq, &CommandStart> = BTreeMap::new();
        let mut found = Vec::new();
        for event in events {
            match &event.body {
                TraceBody::CommandStarted(start) => drop(open.insert(event.seq, start)),
                TraceBody::CommandEnded { command, dropped } => {
                    let ended = open.remove(command).zip(dropped.clone());
                    found.extend(ended.and_then(|(start, why)| Self::because(*command, start, why)));
                }
                _ => {}
            }
        }
        found
    }

    /// A command none of whose changes was kept. In the portable lane that can't be: they are in the workspace.
    pub fn because(seq: Seq, start: &CommandStart, why: String) -> Option<Self> {
        (start.lane == Lane::Overlay).then(|| Self { seq, start: start.clone(), dropped: Some(why) })
    }

    /// Whether it may have changed something that is not on record.
    pub fn is_open(&self) -> bool {
        self.dropped.is_none() && self.start.lane == Lane::Portable
    }

    /// Whether none of its changes was kept.
    pub fn is_dropped(&self) -> bool {
        self.dropped.is_some()
    }

    /// What is to be known of it, on one line.
    pub fn line(&self, state: &RunState) -> String {
        let name = self.name(state);
        match (&self.dropped, self.start.lane) {
            (Some(why), _) => format!("nothing that {name} changed was kept: {}", reason(why)),
            (None, Lane::Overlay) => format!("{name} was interrupted: nothing of it that had not landed is kept"),
            (None, Lane::Portable) => format!(
                "{name} was interrupted, and what it changed is not on record yet: it is found and recorded when the \
                 run is opened (by `tama-tui undo` or `tama-tui replay`)"
            ),
        }
    }

    /// What an undo says of it that could not find out what it changed.
    pub fn not_undone(&self, state: &RunState) -> String {
        format!("not undone: what {} changed, because it is not on record", self.name(state))
    }

    /// The same for programs.
    pub fn json(&self, state: &RunState) -> Json {
        json!({
            "seq": self.seq,
            "span": self.start.span.to_string(),
            "path": state.trace.path(self.start.span),
            "command": readable_name(&self.start.command),
            "lane": self.start.lane,
            "dropped": self.dropped,
            "note": self.line(state),
        })
    }

    fn name(&self, state: &RunState) -> String {
        const COMMAND: usize = 80;
        let command = brief(&readable_name(&self.start.command), COMMAND);
        format!("the command `{command}` ({}, {})", self.seq, brief(&state.trace.path(self.start.span), COMMAND))
    }
}
