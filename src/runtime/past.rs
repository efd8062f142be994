//! What a stored run's events say beyond its folded state: what it runs, the journal, the user's edits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::edit_history::EditHistory;
use super::journal::Journal;
use crate::model::{Generation, RunState, SpanId, SpanKind, TextHash, TraceBody, TraceEvent};
use crate::pipeline::{Pattern, Pipeline};
use crate::store::{Recorder, RunLog, StoreError, optional};

/// What a stored run's events say beyond its folded state.
#[derive(Default)]
pub(super) struct Past {
    pub(super) versions: Vec<(Generation, Arc<Pipeline>)>,
    pub(super) task: String,
    pub(super) journal: Journal,
    pub(super) edits: EditHistory,
    pub(super) agent_names: HashMap<SpanId, String>,
    /// The texts that the events name.
    pub(super) texts: Texts,
}

impl Past {
    pub(super) fn rebuild(events: &[TraceEvent], log: &RunLog) -> Result<Self, StoreError> {
        let texts = Texts::of(events, log.recorder().as_ref())?;
        let mut past = Self { journal: Journal::rebuild(events, &texts)?, ..Self::default() };
        for event in events {
            match &event.body {
                TraceBody::RunStarted { pipeline, task, .. } => {
                    past.versions
                        .extend(optional(texts.json(*pipeline))?.map(|pipeline| (Generation(1), Arc::new(pipeline))));
                    optional(texts.get(*task))?.unwrap_or_default().clone_into(&mut past.task);
                }
                TraceBody::PipelineChanged { generation, pipeline, .. } => {
                    past.versions
                        .extend(optional(texts.json(*pipeline))?.map(|pipeline| (*generation, Arc::new(pipeline))));
                }
                TraceBody::PromptEdited { reach, text, .. } => {
                    let text = text.map(|hash| optional(texts.get(hash))).transpose()?.flatten();
                    past.edits.prompt(reach.clone(), text.map(str::to_owned));
                }
                TraceBody::Invalidated { spans, .. } => past.edits.invalidate(spans),
                TraceBody::MessagesEdited { reach, call, upto, messages, .. } => {
                    let messages = messages.iter().map(|record| texts.json(record.text)).collect::<Result<_, _>>();
                    if let Some(messages) = optional(messages)? {
                        past.edits.conversation(reach.clone(), *call, *upto, messages);
                    }
                }
                _ => {}
            }
        }
        let newest = past.versions.last().map(|(_, pipeline)| pipeline.clone()).unwrap_or_default();
        past.agent_names = log.with(|state| agent_names(state, &newest));
        past.agent_names.extend(log.with(|state| step_names(state, events)));
        past.texts = texts;
        Ok(past)
    }
}

/// The pipeline that spans of a generation run by; `None` without any.
pub(super) fn version_at(versions: &[(Generation, Arc<Pipeline>)], generation: Generation) -> Option<&Arc<Pipeline>> {
    let known = versions.iter().rev().find(|(from, _)| *from <= generation);
    known.or(versions.first()).map(|(_, pipeline)| pipeline)
}

/// The texts that a run's events name, where the engine has to know them; read at once.
#[derive(Default)]
pub(super) struct Texts(HashMap<TextHash, String>);

impl Texts {
    fn of(events: &[TraceEvent], recorder: &dyn Recorder) -> Result<Self, StoreError> {
        let named: HashSet<TextHash> = events.iter().flat_map(|event| named(&event.body)).collect();
        recorder.texts(&named.into_iter().collect::<Vec<_>>()).map(Self)
    }

    /// One of them.
    pub(super) fn get(&self, hash: TextHash) -> Result<&str, StoreError> {
        self.0.get(&hash).map(String::as_str).ok_or_else(|| StoreError::no_text(hash))
    }

    /// What one of them stands for.
    pub(super) fn json<T: DeserializeOwned>(&self, hash: TextHash) -> Result<T, StoreError> {
        let read = serde_json::from_str(self.get(hash)?);
        read.map_err(|error| StoreError::Damaged(format!("the stored text {hash} can't be read: {error}")))
    }
}

fn named(body: &TraceBody) -> Vec<TextHash> {
    match body {
        TraceBody::RunStarted { pipeline, task, .. } => vec![*pipeline, *task],
        TraceBody::PipelineChanged { pipeline, .. } => vec![*pipeline],
        TraceBody::PromptEdited { text, .. } => text.iter().copied().collect(),
        TraceBody::MessagesEdited { messages, .. } => messages.iter().map(|record| record.text).collect(),
        TraceBody::SpanEnded(end) => end.output.into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Edit names of the steps whose names are stored (since format 4): `agent.step`.
fn step_names(state: &RunState, events: &[TraceEvent]) -> Vec<(SpanId, String)> {
    let step = |event: &TraceEvent| match &event.body {
        TraceBody::SpanStarted(start) => {
            start.step.as_ref().map(|step| (start.span, format!("{}.{step}", state.trace.name(start.parent))))
        }
        _ => None,
    };
    events.iter().filter_map(step).collect()
}

/// Edit names of agent spans: `agent`, or `agent.step` where the name is a step of the agent above.
fn agent_names(state: &RunState, pipeline: &Pipeline) -> HashMap<SpanId, String> {
    let spans = (1..u32::try_from(state.trace.len()).unwrap_or(u32::MAX)).map(SpanId);
    let agents = spans.filter(|span| state.trace.get(*span).is_some_and(|found| found.kind == SpanKind::Agent));
    agents
        .map(|span| {
            let name = state.trace.name(span);
            let above = state.trace.get(span).map_or("", |found| state.trace.name(found.parent));
            let is_step = state.trace.get(span).is_some_and(|found| state.trace.pattern(found.parent) == "scatter")
                && !matches!(pipeline.agents.get(above).map(|agent| &agent.pattern),
                    Some(Pattern::Scatter { worker }) if worker == name);
            (span, if is_step { format!("{above}.{name}") } else { name.to_owned() })
        })
        .collect()
}
