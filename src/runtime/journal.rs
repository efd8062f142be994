//! The journal: the outcome of every effect under its path, with the hash of the request that the code made; and each
//! agent's input and end, which are computed anew and compared.

use std::collections::HashMap;

use super::ask::{Outcome, Output, Payload};
use super::compare::{self, AgentEnd};
use super::failure::{AgentFailure, Failure, Halt};
use super::past::Texts;
use super::request::HashVersion;
use crate::model::{
    EndCause, LlmResponse, RunState, SpanEnd, SpanId, SpanKind, SpanSpec, SpanStatus, TextHash, TraceBody, TraceEvent,
};
use crate::store::{StoreError, optional};

/// An agent's end is no request.
pub(super) const NO_REQUEST: TextHash = TextHash([0; 16]);

/// Outcomes that no invalidation covers, by path.
#[derive(Default)]
pub(super) struct Journal {
    entries: HashMap<String, Entry>,
    agents: HashMap<String, AgentRecord>,
    hash: HashVersion,
}

struct Entry {
    span: SpanId,
    request: TextHash,
    outcome: Outcome,
}

/// An agent's start, and its end where it has one of its own.
struct AgentRecord {
    input: TextHash,
    end: Option<AgentEnd>,
}

/// What the journal says to a request.
pub(super) enum Lookup<'a> {
    /// It was answered.
    Hit(&'a Outcome),
    /// The path was answered for another request: nothing may go on from here.
    Diverged(SpanId),
    /// It was not asked.
    Miss,
}

impl Journal {
    /// The way in which the run's requests are hashed.
    pub fn hash(&self) -> HashVersion {
        self.hash
    }

    /// The outcome at a path, if the request is the one that was made then.
    pub fn lookup(&self, path: &str, request: TextHash) -> Lookup<'_> {
        match self.entries.get(path) {
            Some(entry) if entry.request == request => Lookup::Hit(&entry.outcome),
            Some(entry) => Lookup::Diverged(entry.span),
            None => Lookup::Miss,
        }
    }

    /// Stores an outcome.
    pub fn insert(&mut self, path: String, span: SpanId, request: TextHash, outcome: Outcome) {
        self.entries.insert(path, Entry { span, request, outcome });
    }

    /// The user's answer in the place of an agent's end, if one was given.
    pub fn answered_end(&self, path: &str) -> Option<&Outcome> {
        self.entries.get(path).map(|entry| &entry.outcome)
    }

    /// Stores an agent's input.
    pub fn start_agent(&mut self, path: String, input: TextHash) {
        self.agents.insert(path, AgentRecord { input, end: None });
    }

    /// Stores an agent's end, unless the run was stopped in it.
    pub fn end_agent(&mut self, path: &str, end: &SpanEnd) {
        if let Some(agent) = self.agents.get_mut(path) {
            agent.end = end.is_own().then(|| end.into());
        }
    }

    /// Returns an agent's recorded input, if it is another one than this.
    pub fn other_input(&self, path: &str, input: &str) -> Option<TextHash> {
        self.agents.get(path).map(|agent| agent.input).filter(|recorded| !compare::is_input(*recorded, input))
    }

    /// Returns an agent's recorded end, if it is another one than this. A halt is no end of an agent.
    pub fn other_end(&self, path: &str, result: &Result<Output, Failure>) -> Option<AgentEnd> {
        let recorded = self.agents.get(path)?.end.as_ref()?;
        let is_halt = matches!(result, Err(Failure::Halt(_)));
        (!is_halt && !recorded.is_end(result)).then(|| recorded.clone())
    }

    /// Forgets what a retry undoes.
    pub fn invalidate<'a>(&mut self, paths: impl IntoIterator<Item = &'a String>) {
        for path in paths {
            self.entries.remove(path);
            self.agents.remove(path);
        }
    }

    /// Forgets the ends of the agents that a retry reopens.
    pub fn reopen<'a>(&mut self, paths: impl IntoIterator<Item = &'a String>) {
        for path in paths {
            self.entries.remove(path);
            if let Some(agent) = self.agents.get_mut(path) {
                agent.end = None;
            }
        }
    }

    /// Rebuilds the journal of a stored run.
    pub fn rebuild(events: &[TraceEvent], texts: &Texts) -> Result<Self, StoreError> {
        let mut journal = Self::default();
        let mut asked: HashMap<SpanId, (String, TextHash, SpanKind)> = HashMap::new();
        for event in events {
            match &event.body {
                TraceBody::RunStarted { hash, .. } => journal.hash = HashVersion::stored(*hash),
                TraceBody::SpanStarted(start) => {
                    let (request, kind) = match &start.spec {
                        SpanSpec::Llm(record) => (record.request, SpanKind::Llm),
                        SpanSpec::Tool { request, .. } => (*request, SpanKind::Tool),
                        SpanSpec::Agent { .. } => (NO_REQUEST, SpanKind::Agent),
                        SpanSpec::Human { .. } => continue,
                    };
                    if let SpanSpec::Agent { input, .. } = &start.spec {
                        journal.start_agent(start.path.clone(), *input);
                    }
                    asked.insert(start.span, (start.path.clone(), request, kind));
                }
                TraceBody::SpanEnded(end) => {
                    let Some((path, request, kind)) = asked.get(&end.span) else { continue };
                    journal.end_agent(path, end);
                    if let Some(outcome) = optional(stored_outcome(end, *kind, texts))?.flatten() {
                        journal.insert(path.clone(), end.span, *request, outcome);
                    }
                }
                TraceBody::Invalidated { paths, reopened, .. } => {
                    journal.invalidate(paths);
                    journal.reopen(reopened.iter().filter_map(|span| asked.get(span)).map(|(path, ..)| path));
                }
                _ => {}
            }
        }
        Ok(journal)
    }
}

/// An effect's outcome as its end tells it; a cancelled one has none. An agent's end is computed anew, unless the
/// user gave it.
pub(super) fn stored_outcome(end: &SpanEnd, kind: SpanKind, texts: &Texts) -> Result<Option<Outcome>, StoreError> {
    if end.status == SpanStatus::Cancelled || (kind == SpanKind::Agent && !end.answered) {
        return Ok(None);
    }
    let text = end.output.map(|hash| texts.get(hash)).transpose()?.unwrap_or_default().to_owned();
    if kind == SpanKind::Agent {
        let key = end.finish.as_ref().map_or("done", |finish| &finish.key);
        return Ok(Some(Ok(Payload::Agent(Output::new(key, text)))));
    }
    // A tool's fault that the model was told of has a finish: it is a result to the code.
    let failed = end.status == SpanStatus::Error && end.finish.is_none();
    Ok(Some(match (failed, kind) {
        (true, _) if end.cause == Some(EndCause::Limit) => Err(Halt::Limit(text).into()),
        (true, _) => Err(AgentFailure { text, shown: true }.into()),
        (false, SpanKind::Llm) => Ok(Payload::Llm(parse_response(&text)?)),
        (false, _) => Ok(Payload::Tool(text)),
    }))
}

fn parse_response(text: &str) -> Result<LlmResponse, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Damaged(format!("a stored response is no response: {error}")))
}

/// The newest span at every path that no invalidation covers, and how often each path ran.
pub(super) fn surviving(state: &RunState) -> (HashMap<String, SpanId>, HashMap<String, u32>) {
    let mut paths = HashMap::new();
    let mut tries: HashMap<String, u32> = HashMap::new();
    for index in 1..u32::try_from(state.trace.len()).unwrap_or(u32::MAX) {
        let span = SpanId(index);
        let path = state.trace.path(span);
        *tries.entry(path.clone()).or_default() += 1;
        if state.trace.get(span).is_some_and(|found| found.status != SpanStatus::Undone) {
            paths.insert(path, span);
        }
    }
    (paths, tries)
}
