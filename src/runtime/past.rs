//! What a stored run's events say beyond its folded state: what it runs, the journal, the user's edits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::by_hand::{ByHand, Given};
use super::edit_history::EditHistory;
use super::journal::Journal;
use super::recorded::Gathered;
use super::request::HashVersion;
use crate::model::{Generation, RetryEdits, RunState, RunStatus, SpanId, SpanKind, TextHash, TraceBody, TraceEvent};
use crate::pipeline::{Pattern, Pipeline};
use crate::store::{Recorder, RunLog, StoreError, optional};

/// What a stored run's events say beyond its folded state.
#[derive(Default)]
pub(super) struct Past {
    pub(super) versions: Vec<(Generation, Arc<Pipeline>)>,
    pub(super) task: String,
    pub(super) record: PastRecord,
    pub(super) edits: EditHistory,
    pub(super) agent_names: HashMap<SpanId, String>,
    /// The edits by hand of a retry that did not come to its end.
    pub(super) by_hand: ByHand,
    /// The texts that the events name.
    pub(super) texts: Texts,
}

/// The record of a past run's calls.
pub(super) enum PastRecord {
    /// It is read.
    Whole(Box<Journal>),
    /// It is read when a retry asks for it; its requests are hashed in this way. Beside it, the part of
    /// the record that is gathered already.
    Unread(HashVersion, Box<Gathered>),
}

impl Default for PastRecord {
    fn default() -> Self {
        Self::Whole(Box::default())
    }
}

impl PastRecord {
    /// The way in which the run's requests are hashed.
    pub(super) fn hash(&self) -> HashVersion {
        match self {
            Self::Whole(journal) => journal.hash(),
            Self::Unread(hash, _) => *hash,
        }
    }
}

impl Past {
    /// Reads all events of a run.
    pub(super) fn rebuild(events: &[TraceEvent], log: &RunLog) -> Result<Self, StoreError> {
        let texts = Texts::of(events, true, log.recorder().as_ref())?;
        let mut gathered = Gathered::default();
        gathered.take_all(events);
        let record = PastRecord::Whole(Box::new(gathered.journal(&texts)?));
        Self::gather(events, log, texts, record)
    }

    /// Reads the events that are reported of a run; its calls are left for later. `is_whole`: these are all of its events,
    /// and need not be read again then.
    pub(super) fn of_reported(events: &[TraceEvent], is_whole: bool, log: &RunLog) -> Result<Self, StoreError> {
        let texts = Texts::of(events, false, log.recorder().as_ref())?;
        let hash = events.iter().find_map(|event| match &event.body {
            TraceBody::RunStarted { hash, .. } => Some(HashVersion::stored(*hash)),
            _ => None,
        });
        let mut gathered = Gathered::default();
        if is_whole {
            gathered.take_all(events);
        }
        Self::gather(events, log, texts, PastRecord::Unread(hash.unwrap_or_default(), Box::new(gathered)))
    }

    fn gather(events: &[TraceEvent], log: &RunLog, texts: Texts, record: PastRecord) -> Result<Self, StoreError> {
        let mut past = Self { record, ..Self::default() };
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
                    past.by_hand.prompt_edited(reach);
                    past.edits.prompt(reach.clone(), text.map(str::to_owned));
                }
                TraceBody::EditedByHand { generation, path, edits, lent } => {
                    if let Some(edits) = optional(texts.json::<RetryEdits>(*edits))? {
                        let before = lent.as_ref().and_then(|name| past.edits.prompt_of(name)).map(str::to_owned);
                        let (generation, path) = (*generation, path.clone());
                        let given = Given { generation, path, edits, prompted: lent.clone() };
                        past.by_hand.begin(given, lent.clone().map(|name| (name, before)));
                    }
                }
                TraceBody::Invalidated { spans, cause, .. } => {
                    past.edits.invalidate(spans);
                    if *cause != SpanId::RUN {
                        past.by_hand = ByHand::default();
                    }
                }
                TraceBody::RunStatus { status: RunStatus::Ok | RunStatus::Failed, .. } => {
                    past.by_hand = ByHand::default();
                }
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
    /// Those that events name; `ends`: those of the ends of spans too.
    fn of(events: &[TraceEvent], ends: bool, recorder: &dyn Recorder) -> Result<Self, StoreError> {
        let events = events.iter().filter(|event| ends || !matches!(event.body, TraceBody::SpanEnded(_)));
        Self::read(events.flat_map(|event| named(&event.body)), recorder)
    }

    /// Reads texts.
    pub(super) fn read(named: impl Iterator<Item = TextHash>, recorder: &dyn Recorder) -> Result<Self, StoreError> {
        let named: HashSet<TextHash> = named.collect();
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
        TraceBody::EditedByHand { edits, .. } => vec![*edits],
        TraceBody::MessagesEdited { messages, .. } => messages.iter().map(|record| record.text).collect(),
        TraceBody::SpanEnded(end) => end.output.into_iter().collect(),
        TraceBody::Sent { args, .. } => args.iter().copied().collect(),
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
    let agents = (0..).map(SpanId).zip(state.trace.spans().iter()).filter(|(_, found)| found.kind == SpanKind::Agent);
    agents
        .map(|(span, found)| {
            let (name, above) = (state.trace.name_of(&found), state.trace.name(found.parent));
            let is_step = state.trace.pattern(found.parent) == "scatter"
                && !matches!(pipeline.agents.get(above).map(|agent| &agent.pattern),
                    Some(Pattern::Scatter { worker }) if worker == name);
            (span, if is_step { format!("{above}.{name}") } else { name.to_owned() })
        })
        .collect()
}
