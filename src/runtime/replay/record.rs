//! The part of a stored run that an execution is compared with: every span that no retry took back, by path.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::past::version_at;
use crate::model::{
    EffectClass, Fan, Generation, LlmRequestRecord, RestoredEnd, RunStatus, Seq, SpanEnd, SpanId, SpanKind, SpanSpec,
    SpanStart, TextHash, TraceBody, TraceEvent,
};
use crate::pipeline::Pipeline;

/// A stored run, as far as an execution is compared with it.
#[derive(Default)]
pub(super) struct Record {
    /// The pipelines by the generation that they apply from.
    pub versions: Vec<(Generation, Arc<Pipeline>)>,
    /// The workspace, absolute.
    pub workspace: PathBuf,
    /// The run's task.
    pub task: String,
    /// The spans by path.
    pub entries: HashMap<String, Entry>,
    /// The model calls by span, those that a retry took back too: later ones begin like them.
    pub calls: HashMap<SpanId, LlmRequestRecord>,
    /// Paths that are recorded twice without a retry in between.
    pub doubled: Vec<String>,
    /// The run's status, and the hash of its output or error.
    pub status: (RunStatus, Option<TextHash>),
    /// The last seq.
    pub last: Seq,
}

/// One recorded span.
pub(super) struct Entry {
    /// The span.
    pub span: SpanId,
    /// The generation it started in.
    pub generation: Generation,
    /// Its place in a fan-out.
    pub fan: Option<Fan>,
    /// The seq of its start.
    pub started: Seq,
    /// Its request.
    pub request: Request,
    /// The input that the user gave an agent in the place of the code's.
    pub given: Option<TextHash>,
    /// Its end, with the seq; `None` while it is open.
    pub end: Option<(Seq, SpanEnd)>,
}

/// The request that a span began with.
pub(super) enum Request {
    /// An agent: its pattern and input.
    Agent { pattern: String, input: TextHash },
    /// A model call: the hash of the request; the rest stands in [`Record::calls`].
    Llm(TextHash),
    /// A tool call: the hash of the request, the arguments, and the tool's effect.
    Tool { request: TextHash, args: TextHash, effect: EffectClass },
    /// A question to a person: the hash of the request, and the question.
    Human { request: TextHash, question: TextHash },
}

impl Record {
    /// Reads the events of a run. `versions` and `task` are those of the run.
    pub fn of(events: &[TraceEvent], versions: Vec<(Generation, Arc<Pipeline>)>, task: String) -> Self {
        let mut record = Self { versions, task, ..Self::default() };
        let mut paths: HashMap<SpanId, String> = HashMap::new();
        let mut replaced: HashMap<SpanId, Entry> = HashMap::new();
        for event in events {
            record.last = event.seq;
            match &event.body {
                TraceBody::SpanStarted(start) => {
                    paths.insert(start.span, start.path.clone());
                    record.start(event.seq, start);
                }
                TraceBody::Sent { span, args: Some(given), .. } => {
                    let entry = paths.get(span).and_then(|path| record.entries.get_mut(path));
                    if let Some(entry) = entry.filter(|entry| entry.span == *span) {
                        entry.given = Some(*given);
                    }
                }
                TraceBody::SpanEnded(end) => {
                    let entry = paths.get(&end.span).and_then(|path| record.entries.get_mut(path));
                    if let Some(entry) = entry.filter(|entry| entry.span == end.span) {
                        entry.end = Some((event.seq, end.clone()));
                    }
                }
                TraceBody::Invalidated { spans, reopened, .. } => {
                    record.take_back(spans, &paths, &mut replaced);
                    for path in reopened.iter().filter_map(|span| paths.get(span)) {
                        if let Some(entry) = record.entries.get_mut(path) {
                            entry.end = None;
                        }
                    }
                }
                TraceBody::Restored(restored) => {
                    record.take_back(&restored.replaced, &paths, &mut replaced);
                    for span in &restored.spans {
                        if let (Some(path), Some(entry)) = (paths.get(span), replaced.remove(span)) {
                            record.entries.insert(path.clone(), entry);
                        }
                    }
                    for RestoredEnd { seq, end } in &restored.ends {
                        if let Some(entry) = paths.get(&end.span).and_then(|path| record.entries.get_mut(path)) {
                            entry.end = Some((*seq, end.clone()));
                        }
                    }
                }
                TraceBody::RunStarted { workspace, .. } => record.workspace = workspace.into(),
                TraceBody::RunStatus { status, text } => record.status = (*status, *text),
                _ => {}
            }
        }
        record
    }

    /// Takes spans out that another try takes the place of.
    fn take_back(&mut self, spans: &[SpanId], paths: &HashMap<SpanId, String>, replaced: &mut HashMap<SpanId, Entry>) {
        for path in spans.iter().filter_map(|span| paths.get(span)) {
            if let Some(entry) = self.entries.remove(path) {
                replaced.insert(entry.span, entry);
            }
        }
    }

    fn start(&mut self, seq: Seq, start: &SpanStart) {
        let request = match &start.spec {
            SpanSpec::Agent { pattern, input, .. } => Request::Agent { pattern: pattern.clone(), input: *input },
            SpanSpec::Llm(record) => {
                self.calls.insert(start.span, record.clone());
                Request::Llm(record.request)
            }
            SpanSpec::Tool { args, request, effect } => {
                Request::Tool { request: *request, args: *args, effect: *effect }
            }
            SpanSpec::Human { question, request, channel: _ } => {
                Request::Human { request: *request, question: *question }
            }
        };
        let entry = Entry {
            span: start.span,
            generation: start.generation,
            fan: start.fan,
            started: seq,
            request,
            given: None,
            end: None,
        };
        if self.entries.insert(start.path.clone(), entry).is_some() {
            self.doubled.push(start.path.clone());
        }
    }

    /// True for an agent that the user answered in the place of, so that it did not run.
    pub fn was_answered(&self, path: &str, entry: &Entry) -> bool {
        let is_below = |other: &String| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        let answered = entry.kind() == SpanKind::Agent && entry.own_end().is_some_and(|(_, end)| end.answered);
        answered && !self.entries.keys().any(is_below)
    }

    /// The pipeline that spans of a generation run by.
    pub fn version(&self, generation: Generation) -> Option<&Arc<Pipeline>> {
        version_at(&self.versions, generation)
    }

    /// True when the run did not come to the end of its pipeline: an execution may then stop where it stopped.
    pub fn is_partial(&self) -> bool {
        let stopped = matches!(self.status.0, RunStatus::Running | RunStatus::Interrupted | RunStatus::Cancelled);
        let halted = || self.entries.values().any(Entry::is_halted);
        stopped || (self.status.0 == RunStatus::Failed && halted())
    }
}

impl Entry {
    /// The kind of span.
    pub fn kind(&self) -> SpanKind {
        match self.request {
            Request::Agent { .. } => SpanKind::Agent,
            Request::Llm(_) => SpanKind::Llm,
            Request::Tool { .. } => SpanKind::Tool,
            Request::Human { .. } => SpanKind::Human,
        }
    }

    /// Its end, unless the run was stopped in it.
    pub fn own_end(&self) -> Option<&(Seq, SpanEnd)> {
        self.end.as_ref().filter(|(_, end)| end.is_own())
    }

    fn is_halted(&self) -> bool {
        self.end.as_ref().is_some_and(|(_, end)| end.is_halted())
    }
}
