//! The journal: the outcome of every effect under its path, with the hash of the request that the code made; and each
//! agent's input and end, which are compared when its code computes them anew.

use std::collections::HashMap;

use super::ask::{Outcome, Output, Payload};
use super::compare::{self, AgentEnd};
use super::failure::Failure;
use super::request::HashVersion;
use crate::model::{SpanEnd, SpanId, TextHash};

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
    /// The input that the user gave in the place of the code's.
    given: Option<String>,
    end: Option<AgentEnd>,
    /// Its output, where it is known.
    output: Option<Output>,
}

/// The journal's answer to a request.
pub(super) enum Lookup<'a> {
    /// It was answered.
    Hit(&'a Outcome),
    /// The path was answered for another request: nothing may go on from here.
    Diverged(SpanId),
    /// It was not asked.
    Miss,
}

impl Journal {
    /// An empty one of a run whose requests are hashed in this way.
    pub fn hashed(hash: HashVersion) -> Self {
        Self { hash, ..Self::default() }
    }

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

    /// Sets the way in which the run's requests are hashed.
    pub fn set_hash(&mut self, hash: HashVersion) {
        self.hash = hash;
    }

    /// Stores an agent's input.
    pub fn start_agent(&mut self, path: String, input: TextHash) {
        self.agents.insert(path, AgentRecord { input, given: None, end: None, output: None });
    }

    /// Stores the input that the user gave an agent.
    pub fn give_input(&mut self, path: &str, input: String) {
        if let Some(agent) = self.agents.get_mut(path) {
            agent.given = Some(input);
        }
    }

    /// The input that the user gave an agent in the place of the code's.
    pub fn given_input(&self, path: &str) -> Option<&String> {
        self.agents.get(path)?.given.as_ref()
    }

    /// Stores an agent's end, unless the run was stopped in it.
    pub fn end_agent(&mut self, path: &str, end: &SpanEnd) {
        if let Some(agent) = self.agents.get_mut(path) {
            (agent.end, agent.output) = (end.is_own().then(|| end.into()), None);
        }
    }

    /// Stores an agent's output.
    pub fn finish_agent(&mut self, path: &str, output: Output) {
        if let Some(agent) = self.agents.get_mut(path) {
            agent.output = Some(output);
        }
    }

    /// An agent's recorded end.
    pub fn end_of(&self, path: &str) -> Option<&AgentEnd> {
        self.agents.get(path)?.end.as_ref()
    }

    /// Has an earlier try of an agent stand again.
    pub fn stand_again(&mut self, path: String, input: TextHash, end: Option<AgentEnd>) {
        self.agents.insert(path, AgentRecord { input, given: None, end, output: None });
    }

    /// The recorded ends of all agents.
    pub fn ends(&self) -> impl Iterator<Item = &AgentEnd> {
        self.agents.values().filter_map(|agent| agent.end.as_ref())
    }

    /// Stores the outputs of all agents, as `read` says them of their ends.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn finish_agents<E>(&mut self, read: impl Fn(&AgentEnd) -> Result<Option<Output>, E>) -> Result<(), E> {
        for agent in self.agents.values_mut() {
            agent.output = agent.end.as_ref().map(&read).transpose()?.flatten();
        }
        Ok(())
    }

    /// The output of an agent that ended well, which its code need not compute anew. The user's answer in its place comes
    /// first.
    pub fn finished(&self, path: &str) -> Option<&Output> {
        match self.answered_end(path) {
            Some(Ok(Payload::Agent(output))) => Some(output),
            Some(_) => None,
            None => self.agents.get(path).and_then(|agent| agent.end.as_ref().and(agent.output.as_ref())),
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
                (agent.end, agent.output) = (None, None);
            }
        }
    }
}
