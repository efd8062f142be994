//! The agents that an agent runs, and those that a run reaches.

use std::collections::HashSet;

use super::spec::{Pattern, Pipeline, Target};

/// An agent that another one runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callee<'a> {
    /// Its name.
    pub agent: &'a str,
    /// Its part in the pattern: `state`, `worker`, `debater`, `judge`.
    pub part: &'static str,
    /// The way on from it, for a state: finish key (`*`: any other) and the next state; `None` stops.
    pub next: Vec<(&'a str, Option<&'a str>)>,
}

impl Pattern {
    /// Lists the agents that it runs, in the order in which the pipeline names them; one that is named twice is there
    /// twice.
    #[must_use]
    pub fn callees(&self) -> Vec<Callee<'_>> {
        let plain = |agent, part| Callee { agent, part, next: Vec::new() };
        match self {
            Self::Fsm { initial, states } => {
                let state = |(agent, routes)| {
                    let routes: &'_ indexmap::IndexMap<String, Target> = routes;
                    let next = routes.iter().map(|(key, target)| (key.as_str(), target.agent())).collect();
                    Callee { agent: String::as_str(agent), part: "state", next }
                };
                let mut callees: Vec<Callee<'_>> = states.iter().map(state).collect();
                // A state without a way on is known only by those that lead to it.
                let last = states.values().flat_map(|routes| routes.values()).filter_map(Target::agent);
                for agent in last.chain([initial.as_str()]) {
                    if !callees.iter().any(|callee| callee.agent == agent) {
                        callees.push(plain(agent, "state"));
                    }
                }
                callees
            }
            Self::Parallel { workers } => workers.iter().map(|agent| plain(agent, "worker")).collect(),
            Self::Scatter { worker } => vec![plain(worker, "worker")],
            Self::Debate { agents, judge, .. } => {
                let debaters = agents.iter().map(|agent| plain(agent, "debater"));
                debaters.chain([plain(judge, "judge")]).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Pipeline {
    /// Returns the names of the agents that a run reaches from the entrypoint.
    #[must_use]
    pub fn reached(&self) -> HashSet<&str> {
        let mut found = HashSet::new();
        let mut open = vec![self.entrypoint.as_str()];
        while let Some(name) = open.pop() {
            if let Some(agent) = self.agents.get(name).filter(|_| found.insert(name)) {
                open.extend(agent.pattern.callees().into_iter().map(|callee| callee.agent));
            }
        }
        found
    }
}

impl Target {
    /// The agent that comes next; `None` at the end.
    fn agent(&self) -> Option<&str> {
        match self {
            Self::End => None,
            Self::Agent(name) => Some(name),
        }
    }
}
