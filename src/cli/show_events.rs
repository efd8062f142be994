//! Events that `runs show` lists by themselves: approvals, groups of tries, and events of a newer version.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::text::to_lines;
use crate::app::text::plural;
use crate::model::{ApprovalAnswered, ApprovalAsked, RunState, Seq, SpanId, TraceBody, TraceEvent, TryGroup};
use crate::store::Format;

/// Events that are listed by themselves.
#[derive(Default)]
pub(super) struct ShownEvents<'a> {
    asked: BTreeMap<Seq, (&'a ApprovalAsked, Option<&'a ApprovalAnswered>)>,
    groups: Vec<&'a TryGroup>,
    /// Events that this version doesn't know: names and counts.
    unknown: BTreeMap<&'a str, usize>,
}

impl<'a> ShownEvents<'a> {
    /// Picks them out of a run's events.
    pub fn of(events: &'a [TraceEvent]) -> Self {
        let mut shown = Self::default();
        for event in events {
            match &event.body {
                TraceBody::ApprovalAsked(asked) => drop(shown.asked.insert(event.seq, (asked, None))),
                TraceBody::ApprovalAnswered(answered) => {
                    if let Some((_, answer)) = shown.asked.get_mut(&answered.asked) {
                        *answer = Some(answered);
                    }
                }
                TraceBody::TryGroup(group) => shown.groups.push(group),
                TraceBody::Unknown { event, .. } => *shown.unknown.entry(event).or_default() += 1,
                _ => {}
            }
        }
        shown
    }

    /// A line for each; empty when there is none.
    pub fn lines(&self, state: &RunState, format: Format) -> String {
        let approvals = self.asked.values().map(|(asked, answer)| {
            let line = asked.line.map(|line| format!(" (line {line})")).unwrap_or_default();
            let answer = answer.map_or_else(|| "no answer".to_owned(), answer_words);
            format!("approval of {}: {}{line}: {answer}", state.trace.path(asked.span), asked.why)
        });
        let groups = self.groups.iter().map(|group| {
            let path = |span: SpanId| format!("{} ({span})", state.trace.path(span));
            let winner = group.winner.map_or_else(|| "none won".to_owned(), |span| format!("{} won", path(span)));
            format!("{} tries: {winner}: {}", group.tries.len(), group.why)
        });
        let lines: Vec<String> = approvals.chain(groups).chain(self.unknown_line(format)).collect();
        to_lines(&lines)
    }

    fn unknown_line(&self, format: Format) -> Option<String> {
        let names: Vec<String> = self.unknown.iter().map(|(name, count)| format!("{name} x{count}")).collect();
        let count: usize = self.unknown.values().sum();
        (count > 0).then(|| {
            format!(
                "{} of a newer version (format {format}), kept and not understood here: {}; use a newer tama-tui",
                plural(count, "event"),
                names.join(", ")
            )
        })
    }

    /// All of them as members of a JSON object.
    pub fn to_json(&self) -> [(&'static str, Json); 3] {
        let approvals: Vec<Json> = self
            .asked
            .iter()
            .map(|(seq, (asked, answered))| json!({ "seq": seq, "asked": asked, "answered": answered }))
            .collect();
        [("approvals", json!(approvals)), ("try_groups", json!(self.groups)), ("unknown_events", json!(self.unknown))]
    }
}

fn answer_words(answered: &ApprovalAnswered) -> String {
    let word = answered.word.as_ref().map(|word| format!(", \"{word}\"")).unwrap_or_default();
    format!("{} {}{word}", answered.how.words(), answered.by.words())
}
