//! Subjects of spans: the command, path or key of a call that has not run yet, and the item of a branch of a fan-out.
//! Their events hold hashes, so the texts are sent beside them.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::super::ask::Work;
use super::Dispatcher;
use crate::model::{
    Key, RunState, Seq, Span, SpanId, SpanKind, SpanSpec, SpanSubject, TextHash, ToolCall, TraceBody, TraceEvent,
    Update,
};
use crate::store::{Recorder, StoreError};

/// Characters of a subject that are sent; a row shows fewer.
const SHOWN: usize = 120;
/// Spans of a past run whose subjects are read: the newest ones.
const MOST: usize = 2_000;
/// Arguments that say what a call is about, those that say it best first.
const TELLING: [&str; 6] = ["command", "path", "key", "url", "name", "query"];

/// Rows of a past run that are read at once.
const ROWS: u64 = 4_096;

/// A span of a past run, and the stored text that its subject is in.
struct PastSubject {
    span: SpanId,
    text: TextHash,
    /// True for a call: the text is its arguments.
    is_call: bool,
}

impl PastSubject {
    /// Those of the newest spans.
    fn newest(state: &RunState, recorder: &dyn Recorder) -> Result<Vec<Self>, StoreError> {
        let has_one = |found: &Span| matches!(found.kind, SpanKind::Tool | SpanKind::Human) || found.fan.is_some();
        let newest = state.trace.spans().iter().rev().filter(|found| has_one(found)).take(MOST);
        let Some(from) = newest.last().map(|found| found.started) else { return Ok(Vec::new()) };
        let mut subjects = Vec::new();
        let mut after = Seq(from.0.saturating_sub(1));
        while after < state.last {
            let upto = state.last.min(Seq(after.0 + ROWS));
            subjects.extend(recorder.events_between(after, upto)?.iter().filter_map(Self::of));
            after = upto;
        }
        Ok(subjects)
    }

    fn of(event: &TraceEvent) -> Option<Self> {
        let TraceBody::SpanStarted(start) = &event.body else { return None };
        match &start.spec {
            SpanSpec::Tool { args, .. } => Some(Self { span: start.span, text: *args, is_call: true }),
            SpanSpec::Human { question, .. } => Some(Self { span: start.span, text: *question, is_call: false }),
            SpanSpec::Agent { input, .. } if start.fan.is_some() => {
                Some(Self { span: start.span, text: *input, is_call: false })
            }
            _ => None,
        }
    }
}

impl Dispatcher {
    /// Sends the subject of a tool call.
    pub(super) fn send_call_subject(&self, agent: SpanId, span: SpanId, call: &ToolCall) {
        let command =
            self.command_line(&self.tools_of(agent), call).map(|text| SpanSubject { span, text, is_path: false });
        if let Some(subject) = command.or_else(|| of_arguments(span, &call.args)) {
            self.send_subjects(vec![subject]);
        }
    }

    /// Sends the item that a branch of a fan-out works on.
    pub(super) fn send_item_subject(&self, span: SpanId, input: &str) {
        self.send_subjects(vec![SpanSubject { span, text: input.to_owned(), is_path: false }]);
    }

    /// Sends the subject of a question to a person: the question.
    pub(super) fn send_question_subject(&self, path: &str) {
        let Some(pending) = self.calls.get(path) else { return };
        if let Some(Work::Human { question, .. }) = pending.work() {
            let (span, text) = (pending.span(), question.clone());
            self.send_subjects(vec![SpanSubject { span, text, is_path: false }]);
        }
    }

    /// Sends the subjects of a past run, as they are stored; they are read beside the loop.
    pub(in super::super) fn send_past_subjects(&self) {
        let state = self.log.with(RunState::clone);
        let (recorder, sink, masker) = (self.log.recorder().clone(), self.sink.clone(), self.services.masker.clone());
        tokio::task::spawn_blocking(move || {
            // Without them the rows say less, and nothing is wrong.
            let asked = PastSubject::newest(&state, recorder.as_ref()).unwrap_or_default();
            let hashes: Vec<TextHash> = asked.iter().map(|found| found.text).collect();
            let texts: HashMap<TextHash, String> = recorder.texts(&hashes).unwrap_or_default();
            let subject = |PastSubject { span, text, is_call }| {
                let text = texts.get(&text)?;
                if is_call {
                    of_arguments(span, &serde_json::from_str(text).ok()?)
                } else {
                    Some(SpanSubject { span, text: text.clone(), is_path: false })
                }
            };
            let subjects =
                asked.into_iter().filter_map(subject).map(|found| short(found, |text| masker.mask(text).into_owned()));
            let subjects: Vec<SpanSubject> = subjects.collect();
            if !subjects.is_empty() {
                sink.send(Update::Subjects(subjects));
            }
        });
    }

    fn send_subjects(&self, subjects: Vec<SpanSubject>) {
        let mask = |text: &str| self.services.masker.mask(text).into_owned();
        self.sink.send(Update::Subjects(subjects.into_iter().map(|found| short(found, mask)).collect()));
    }
}

/// The first line of a subject, masked and cut.
fn short(mut subject: SpanSubject, mask: impl Fn(&str) -> String) -> SpanSubject {
    let line = subject.text.trim_start().lines().next().unwrap_or_default();
    subject.text = mask(line).chars().take(SHOWN).collect();
    subject
}

/// The argument that says most about a call: a command, a path, a key, else the first text.
fn of_arguments(span: SpanId, args: &Json) -> Option<SpanSubject> {
    let args = args.as_object()?;
    let named = TELLING.iter().find_map(|name| Some((*name, args.get(*name)?.as_str()?)));
    let (name, text) = named.or_else(|| args.iter().find_map(|(name, value)| Some((&name[..], value.as_str()?))))?;
    let is_path = name == "path";
    // A path is written as the row of its change will write it.
    let text = if is_path { Key::file(text.trim_start_matches("./")).name } else { text.to_owned() };
    (!text.is_empty()).then_some(SpanSubject { span, text, is_path })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn subject(args: &Json) -> Option<(String, bool)> {
        of_arguments(SpanId(1), args).map(|found| (found.text, found.is_path))
    }

    #[test]
    fn a_call_is_about_its_command_its_path_or_its_first_text() {
        assert_eq!(subject(&json!({ "content": "x", "path": "./a/b.md" })), Some(("a/b.md".into(), true)));
        assert_eq!(subject(&json!({ "value": "x", "key": "outline" })), Some(("outline".into(), false)));
        assert_eq!(subject(&json!({ "n": 1, "tag": "1.2.0" })), Some(("1.2.0".into(), false)));
        assert_eq!(subject(&json!({ "n": 1 })), None);
        assert_eq!(subject(&json!("no object")), None);
    }

    #[test]
    fn only_the_first_line_is_told_and_masked() {
        let subject = SpanSubject { span: SpanId(1), text: "\n one two\nthree".into(), is_path: false };
        assert_eq!(short(subject, |text| text.replace("two", "…")).text, "one …");
    }
}
