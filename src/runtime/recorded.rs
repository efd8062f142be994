//! The record of a stored run's calls: gathered event by event, and read as a journal.

use std::collections::HashMap;

use super::ask::{Outcome, Output, Payload};
use super::compare::AgentEnd;
use super::failure::{AgentFailure, Halt};
use super::journal::{Journal, NO_REQUEST};
use super::past::Texts;
use super::request::HashVersion;
use crate::model::{
    EndCause, LlmResponse, Restored, RestoredEnd, RunState, Seq, SpanEnd, SpanId, SpanKind, SpanSpec, SpanStatus,
    TextHash, TraceBody, TraceEvent,
};
use crate::store::{RunLog, StoreError, optional};

/// The calls of a stored run, gathered event by event: hashes only.
#[derive(Default)]
pub(super) struct Gathered {
    /// The last event that was taken.
    last: Seq,
    journal: Journal,
    asked: HashMap<SpanId, (String, TextHash, SpanKind)>,
    ends: HashMap<String, (SpanId, SpanEnd)>,
    /// The inputs of agents by span.
    inputs: HashMap<SpanId, TextHash>,
    /// The inputs that the user gave agents, by span.
    given: HashMap<SpanId, TextHash>,
    /// The agent at each path.
    at: HashMap<String, SpanId>,
    /// The ends of spans that a retry undid: an earlier try may stand again.
    replaced: HashMap<SpanId, (Option<AgentEnd>, Option<SpanEnd>)>,
}

impl Gathered {
    /// Takes the next events.
    pub fn take_all(&mut self, events: &[TraceEvent]) {
        for event in events {
            self.take(event);
        }
    }

    /// Takes the next event.
    fn take(&mut self, event: &TraceEvent) {
        self.last = event.seq;
        match &event.body {
            TraceBody::RunStarted { hash, .. } => self.journal.set_hash(HashVersion::stored(*hash)),
            TraceBody::SpanStarted(start) => {
                let (request, kind) = match &start.spec {
                    SpanSpec::Llm(record) => (record.request, SpanKind::Llm),
                    SpanSpec::Tool { request, .. } => (*request, SpanKind::Tool),
                    SpanSpec::Agent { .. } => (NO_REQUEST, SpanKind::Agent),
                    SpanSpec::Human { request, .. } => (*request, SpanKind::Human),
                };
                if let SpanSpec::Agent { input, .. } = &start.spec {
                    self.journal.start_agent(start.path.clone(), *input);
                    self.inputs.insert(start.span, *input);
                    self.at.insert(start.path.clone(), start.span);
                }
                self.asked.insert(start.span, (start.path.clone(), request, kind));
            }
            TraceBody::SpanEnded(end) => self.end(end),
            TraceBody::Invalidated { spans, paths, reopened, .. } => {
                self.replace(spans);
                self.journal.invalidate(paths);
                let reopened: Vec<String> =
                    reopened.iter().filter_map(|span| self.asked.get(span)).map(|(path, ..)| path.clone()).collect();
                self.journal.reopen(&reopened);
                for path in paths.iter().chain(&reopened) {
                    self.ends.remove(path);
                }
            }
            TraceBody::Restored(restored) => self.restore(restored),
            TraceBody::Sent { span, args: Some(given), .. } if self.inputs.contains_key(span) => {
                self.given.insert(*span, *given);
            }
            _ => {}
        }
    }

    fn end(&mut self, end: &SpanEnd) {
        let Some((path, _, kind)) = self.asked.get(&end.span) else { return };
        self.journal.end_agent(path, end);
        if has_outcome(end, *kind) {
            self.ends.insert(path.clone(), (end.span, SpanEnd { waited: None, ..end.clone() }));
        }
    }

    /// Keeps the ends of spans that are undone: their tries may stand again.
    fn replace(&mut self, spans: &[SpanId]) {
        for span in spans {
            let Some((path, ..)) = self.asked.get(span) else { continue };
            let agent = self.journal.end_of(path).cloned();
            let end = self.ends.get(path).filter(|(of, _)| of == span).map(|(_, end)| end.clone());
            self.replaced.insert(*span, (agent, end));
        }
    }

    /// Has an earlier try stand again.
    fn restore(&mut self, restored: &Restored) {
        self.replace(&restored.replaced);
        self.journal.invalidate(&restored.paths);
        for path in &restored.paths {
            self.ends.remove(path);
        }
        for span in &restored.spans {
            let (Some((path, ..)), Some((agent, end))) = (self.asked.get(span), self.replaced.remove(span)) else {
                continue;
            };
            if let Some(input) = self.inputs.get(span) {
                self.at.insert(path.clone(), *span);
                self.journal.stand_again(path.clone(), *input, agent);
            }
            if let Some(end) = end {
                self.ends.insert(path.clone(), (*span, end));
            }
        }
        for RestoredEnd { end, .. } in &restored.ends {
            if let Some((path, ..)) = self.asked.get(&end.span) {
                self.ends.remove(path);
            }
            self.end(end);
        }
    }

    /// The hashes of the texts that the outcomes are in.
    pub fn texts(&self) -> impl Iterator<Item = TextHash> {
        let finished = self.journal.ends().filter_map(AgentEnd::text);
        self.ends.values().filter_map(|(_, end)| end.output).chain(self.given.values().copied()).chain(finished)
    }

    /// The journal, with the outcomes as the texts say them.
    pub fn journal(mut self, texts: &Texts) -> Result<Journal, StoreError> {
        for (path, span) in &self.at {
            if let Some(input) = self.given.get(span).map(|given| optional(texts.get(*given))).transpose()?.flatten() {
                self.journal.give_input(path, input.to_owned());
            }
        }
        self.journal.finish_agents(|end| {
            let text = end.text().map(|text| optional(texts.get(text))).transpose()?.flatten();
            Ok::<_, StoreError>(text.and_then(|text| end.output(text)))
        })?;
        for (path, (span, end)) in self.ends {
            let Some((_, request, kind)) = self.asked.get(&span) else { continue };
            if let Some(outcome) = optional(stored_outcome(&end, *kind, texts))?.flatten() {
                self.journal.insert(path, span, *request, outcome);
            }
        }
        Ok(self.journal)
    }
}

/// The record of a run's calls.
#[derive(Default)]
pub(super) struct Recorded {
    /// The outcomes.
    pub journal: Journal,
    /// The span at every path that no invalidation covers.
    pub paths: HashMap<String, SpanId>,
    /// How often each path ran.
    pub tries: HashMap<String, u32>,
}

impl Recorded {
    /// Reads from a run's log what was not gathered yet: if that is all of it, this takes seconds for a large run.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn read(mut gathered: Gathered, log: &RunLog) -> Result<Self, StoreError> {
        /// Rows that are in memory at once.
        const ROWS: u64 = 8_192;
        let (recorder, last) = (log.recorder().as_ref(), log.with(|state| state.last));
        let mut after = gathered.last;
        while after < last {
            let upto = last.min(Seq(after.0 + ROWS));
            gathered.take_all(&recorder.events_between(after, upto)?);
            after = upto;
        }
        let texts = Texts::read(gathered.texts(), recorder)?;
        let journal = gathered.journal(&texts)?;
        let (paths, tries) = log.with(surviving);
        Ok(Self { journal, paths, tries })
    }
}

/// True for an end that is the outcome of its call. An agent's end is computed anew, unless the user gave it.
fn has_outcome(end: &SpanEnd, kind: SpanKind) -> bool {
    end.status != SpanStatus::Cancelled && (kind != SpanKind::Agent || end.answered)
}

/// An effect's outcome as its end tells it; a cancelled one has none. An agent's end is computed anew, unless the
/// user gave it.
pub(super) fn stored_outcome(end: &SpanEnd, kind: SpanKind, texts: &Texts) -> Result<Option<Outcome>, StoreError> {
    if !has_outcome(end, kind) {
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
        (true, _) if end.is_unanswered() => Err(Halt::Unanswered(text).into()),
        (true, _) => Err(AgentFailure { text, shown: true }.into()),
        (false, SpanKind::Llm) => Ok(Payload::Llm(parse_response(&text)?)),
        (false, SpanKind::Human) => Ok(Payload::Human(text)),
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
    for (span, found) in (0..).map(SpanId).zip(state.trace.spans().iter()).skip(1) {
        let path = state.trace.path(span);
        *tries.entry(path.clone()).or_default() += 1;
        if found.status != SpanStatus::Undone {
            paths.insert(path, span);
        }
    }
    (paths, tries)
}
