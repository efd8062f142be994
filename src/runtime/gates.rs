//! The stops of a run: breakpoints, steps, and pauses that the user asked for. No I/O.

use globset::{Glob, GlobMatcher};

use crate::model::{Breakpoint, ConditionFacts, Gate, PROGRAM, PathSegment, PauseReason};

/// A span's arrival at a gate.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    /// The gate.
    pub gate: Gate,
    /// The span's path.
    pub path: String,
    /// The agent's name.
    pub agent: String,
    /// The tool's name.
    pub tool: Option<String>,
    /// `provider:model`.
    pub model: Option<String>,
    /// The memory key that a tool is about to write.
    pub writes: Option<String>,
    /// The facts that conditions ask about; empty while no breakpoint has one.
    pub facts: ConditionFacts,
}

impl Arrival {
    /// True for a side call of another program's agent: a title, a quota probe.
    pub fn is_side_call(&self) -> bool {
        let own = self.path.rsplit('/').next().unwrap_or_default();
        let aux = PathSegment::aux();
        self.model.is_some() && own.split('#').next() == Some(aux.as_str())
    }
}

/// How far a branch goes before it stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Until {
    /// To the next gate.
    Next,
    /// To the next gate at this depth or above.
    Depth(usize),
    /// To the end of the agent at this path.
    EndOf(String),
}

#[derive(Debug, Clone)]
struct Stop {
    /// Path of the branch, which includes everything below it; empty for the whole run.
    branch: String,
    until: Until,
    reason: PauseReason,
}

struct Matcher {
    breakpoint: Breakpoint,
    agent: Option<GlobMatcher>,
    tool: Option<GlobMatcher>,
    model: Option<GlobMatcher>,
    /// How often it fitted, but for what its condition says of hits.
    hits: u64,
}

/// A glob over names that can't be read; the error names it.
#[derive(Debug, thiserror::Error)]
#[error("bad glob: {0}")]
pub(super) struct BadGlob(#[from] globset::Error);

/// Decides whether a span stops at a gate.
#[derive(Default)]
pub(super) struct Gates {
    breakpoints: Vec<Matcher>,
    stops: Vec<Stop>,
}

impl Gates {
    /// Replaces the breakpoints; a bad glob is an error that names it.
    pub fn set_breakpoints(&mut self, breakpoints: &[Breakpoint]) -> Result<(), BadGlob> {
        let mut matchers: Vec<Matcher> =
            breakpoints.iter().filter(|point| point.enabled).map(matcher).collect::<Result<_, _>>()?;
        // One that stays goes on counting.
        for matcher in &mut matchers {
            let before = self.breakpoints.iter().find(|known| known.breakpoint == matcher.breakpoint);
            matcher.hits = before.map_or(0, |known| known.hits);
        }
        self.breakpoints = matchers;
        Ok(())
    }

    /// True while a breakpoint has a condition.
    pub fn have_conditions(&self) -> bool {
        self.breakpoints.iter().any(|point| point.breakpoint.when.is_some())
    }

    /// Registers a stop of a branch at the end of a step.
    pub fn step(&mut self, branch: &str, until: Until) {
        self.stops.push(Stop { branch: branch.to_owned(), until, reason: PauseReason::Step });
    }

    /// Registers a stop of a branch at its next gate, because the user asked for a pause.
    pub fn pause(&mut self, branch: &str) {
        let waiting = |stop: &Stop| stop.branch == branch && stop.reason == PauseReason::Asked;
        if !self.stops.iter().any(waiting) {
            self.stops.push(Stop { branch: branch.to_owned(), until: Until::Next, reason: PauseReason::Asked });
        }
    }

    /// True while a branch that `is_under_way` has yet to stop for a pause that the user asked for.
    pub fn is_pausing(&self, is_under_way: impl Fn(&str) -> bool) -> bool {
        self.stops.iter().any(|stop| stop.reason == PauseReason::Asked && is_under_way(&stop.branch))
    }

    /// Removes the stops that no branch has reached yet.
    pub fn forget_stops(&mut self) {
        self.stops.clear();
    }

    /// True when a span stops at a gate.
    pub fn would_stop(&self, at: &Arrival) -> bool {
        let would_hit = |point: &Matcher| point.fits(at) && point.holds(at, point.hits + 1);
        self.stops.iter().any(|stop| stop.matches(at)) || self.breakpoints.iter().any(would_hit)
    }

    /// Returns the reason why a span stops at a gate; `None`: it does not stop. Removes the step or pause that stops
    /// it.
    pub fn arrive(&mut self, at: &Arrival) -> Option<PauseReason> {
        if let Some(found) = self.stops.iter().position(|stop| stop.matches(at)) {
            return Some(self.stops.remove(found).reason);
        }
        let mut hit = None;
        for point in self.breakpoints.iter_mut().filter(|point| point.fits(at)) {
            point.hits += 1;
            if hit.is_none() && point.holds(at, point.hits) {
                hit = Some(point.breakpoint.label());
            }
        }
        hit.map(|breakpoint| PauseReason::Breakpoint { breakpoint })
    }
}

impl Stop {
    fn matches(&self, at: &Arrival) -> bool {
        is_within(&at.path, &self.branch)
            && match &self.until {
                Until::Next => true,
                Until::Depth(depth) => depth_of(&at.path) <= *depth,
                Until::EndOf(agent) => at.gate == Gate::AfterAgent && at.path == *agent,
            }
    }
}

impl Matcher {
    /// True when all of it fits but what its condition says of hits.
    fn fits(&self, at: &Arrival) -> bool {
        let fits = |glob: &Option<GlobMatcher>, name: Option<&str>| {
            glob.as_ref().is_none_or(|glob| name.is_some_and(|name| glob.is_match(name)))
        };
        // The program of a wrapped agent is a tool in form only.
        let is_program = at.tool.as_deref() == Some(PROGRAM) && self.tool.is_none();
        self.breakpoint.at == at.gate
            && !is_program
            && fits(&self.agent, Some(&at.agent))
            && fits(&self.tool, at.tool.as_deref())
            && fits(&self.model, at.model.as_deref())
            && self.breakpoint.writes.as_ref().is_none_or(|key| at.writes.as_ref() == Some(key))
            && self.breakpoint.when.as_ref().is_none_or(|when| when.fits(&at.facts))
    }

    /// True when its condition holds with so many hits.
    fn holds(&self, at: &Arrival, hits: u64) -> bool {
        let when = self.breakpoint.when.as_ref();
        when.is_none_or(|when| when.holds(&ConditionFacts { hits, ..at.facts.clone() }))
    }
}

/// The depth of a path: the number of spans in it.
pub(super) fn depth_of(path: &str) -> usize {
    path.split('/').count()
}

/// True if a path is the path `above`, or below it. Every path is below the empty one.
pub(super) fn is_within(path: &str, above: &str) -> bool {
    above.is_empty() || path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn matcher(breakpoint: &Breakpoint) -> Result<Matcher, BadGlob> {
    let glob = |pattern: &Option<String>| pattern.as_deref().map(compile).transpose();
    Ok(Matcher {
        agent: glob(&breakpoint.agent)?,
        tool: glob(&breakpoint.tool)?,
        model: glob(&breakpoint.model)?,
        breakpoint: breakpoint.clone(),
        hits: 0,
    })
}

/// Compiles a glob over names; `*` matches anything, also `/`.
pub(super) fn compile(pattern: &str) -> Result<GlobMatcher, BadGlob> {
    Ok(Glob::new(pattern)?.compile_matcher())
}

/// True if a glob over names matches. One that is a plain name, or the beginning of one, needs no compiling, which takes
/// longer than a whole call of a tool.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let is_plain = |part: &str| !part.contains(['*', '?', '[', ']', '{', '}', '\\']);
    match pattern.strip_suffix('*') {
        Some(beginning) if is_plain(beginning) => text.starts_with(beginning),
        None if is_plain(pattern) => text == pattern,
        _ => compile(pattern).is_ok_and(|glob| glob.is_match(text)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(gate: Gate, path: &str, tool: Option<&str>) -> Arrival {
        Arrival {
            gate,
            path: path.into(),
            agent: "writer".into(),
            tool: tool.map(str::to_owned),
            model: None,
            writes: None,
            facts: ConditionFacts::default(),
        }
    }

    #[test]
    fn a_step_stops_once_in_its_branch() {
        let mut gates = Gates::default();
        gates.step("editor/writer", Until::Next);
        assert_eq!(gates.arrive(&at(Gate::BeforeLlm, "editor/writer#2/llm", None)), None);
        assert_eq!(gates.arrive(&at(Gate::BeforeLlm, "editor/writer/llm", None)), Some(PauseReason::Step));
        assert_eq!(gates.arrive(&at(Gate::BeforeLlm, "editor/writer/llm#2", None)), None);
    }

    #[test]
    fn step_over_stops_at_this_depth_or_above_and_out_at_the_agents_end() {
        let mut gates = Gates::default();
        gates.step("", Until::Depth(2));
        assert_eq!(gates.arrive(&at(Gate::BeforeTool, "editor/writer/tool", Some("x"))), None);
        assert_eq!(gates.arrive(&at(Gate::AfterAgent, "editor/writer", None)), Some(PauseReason::Step));
        gates.step("", Until::EndOf("editor".into()));
        assert_eq!(gates.arrive(&at(Gate::AfterAgent, "editor/writer", None)), None);
        assert_eq!(gates.arrive(&at(Gate::AfterAgent, "editor", None)), Some(PauseReason::Step));
    }

    #[test]
    fn a_breakpoint_matches_by_gate_and_globs_until_it_is_cleared() {
        let mut gates = Gates::default();
        let mut point = Breakpoint {
            agent: Some("wri*".into()),
            tool: Some("tama_files_*".into()),
            ..Breakpoint::new(Gate::BeforeTool)
        };
        gates.set_breakpoints(std::slice::from_ref(&point)).unwrap();
        assert!(gates.arrive(&at(Gate::BeforeTool, "w/t", Some("tama_files_write"))).is_some());
        assert!(gates.arrive(&at(Gate::AfterTool, "w/t", Some("tama_files_write"))).is_none());
        assert!(gates.arrive(&at(Gate::BeforeTool, "w/t", Some("tama_bash"))).is_none());
        point.enabled = false;
        gates.set_breakpoints(&[point]).unwrap();
        assert!(gates.arrive(&at(Gate::BeforeTool, "w/t", Some("tama_files_write"))).is_none());
    }

    #[test]
    fn a_condition_stops_only_while_it_holds_and_counts_what_fits() {
        let mut gates = Gates::default();
        let when = |text: &str| Some(crate::model::Condition::parse(text).unwrap());
        let many = Breakpoint { when: when("tokens > 4000 and hits >= 2"), ..Breakpoint::new(Gate::AfterLlm) };
        gates.set_breakpoints(std::slice::from_ref(&many)).unwrap();
        assert!(gates.have_conditions());
        let arrive = |gates: &mut Gates, tokens| {
            let facts = ConditionFacts { tokens, ..ConditionFacts::default() };
            gates.arrive(&Arrival { facts, ..at(Gate::AfterLlm, "w/llm", None) }).is_some()
        };
        assert!(!arrive(&mut gates, 5000), "the first one that fits");
        assert!(!arrive(&mut gates, 100), "this one doesn't count");
        gates.set_breakpoints(&[many]).unwrap();
        assert!(arrive(&mut gates, 5000) && arrive(&mut gates, 4001));
    }

    #[test]
    fn a_write_of_one_key_is_stopped_and_no_other() {
        let mut gates = Gates::default();
        let point = Breakpoint { writes: Some("outline".into()), ..Breakpoint::new(Gate::BeforeTool) };
        gates.set_breakpoints(&[point]).unwrap();
        let writes =
            |key: &str| Arrival { writes: Some(key.into()), ..at(Gate::BeforeTool, "w/t", Some("tama_mem_set")) };
        assert!(gates.arrive(&writes("outline")).is_some());
        assert!(gates.arrive(&writes("draft")).is_none());
        assert!(gates.arrive(&at(Gate::BeforeTool, "w/t", Some("tama_bash"))).is_none());
    }

    proptest! {
        #[test]
        fn a_glob_that_is_not_compiled_matches_as_if_it_were(
            pattern in "[ab*?/.\\\\\\[\\]{},!\n ä-]{0,6}",
            text in "[ab/.\n ä-]{0,8}",
        ) {
            let compiled = compile(&pattern).is_ok_and(|glob| glob.is_match(&text));
            prop_assert_eq!(fits(&pattern, &text), compiled);
        }
    }
}
