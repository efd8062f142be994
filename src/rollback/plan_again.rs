//! Plans a retry in a run of another program's agent. Its program can only begin anew, so all that it did is undone, and
//! its tools run again. The model calls from before the retried span stay: they answer those that it makes again.

use std::collections::{BTreeSet, HashMap};

use crate::model::{Generation, PathSegment, RunState, Seq, SpanId, SpanKind, SpanStatus};

/// Adds what a retry of a span reruns: everything from it on, and the tools before it. Tools that were denied, or that
/// the user answered, have not run, and stay as they are. Returns the tools before it, without the program itself.
pub(super) fn take_again(state: &RunState, span: SpanId, agent: SpanId, taken: &mut BTreeSet<SpanId>) -> Vec<SpanId> {
    let trace = &state.trace;
    let order = Order::of(state, agent);
    let mut again = Vec::new();
    // The program is the agent's first call.
    let from_its_start = span == agent || state.is_agents_program(span);
    let above: BTreeSet<SpanId> = trace.ancestors(span).chain([agent]).collect();
    for at in order.spans() {
        let Some(found) = trace.get(at).filter(|found| found.status != SpanStatus::Undone) else { continue };
        let is_later = order.place(at) >= order.place(span);
        let runs = match found.kind {
            _ if from_its_start => true,
            _ if is_later => !above.contains(&at),
            SpanKind::Tool => !found.is_denied() && !found.answered,
            _ => false,
        };
        if runs {
            taken.insert(at);
            again.extend((!from_its_start && !is_later && !state.is_agents_program(at)).then_some(at));
        }
    }
    again
}

/// The order in which an agent did things. A tool that ran again on the way to a retried span has the place of its earlier
/// try: the model calls around it did not run again.
struct Order(Vec<(SpanId, Seq)>);

impl Order {
    fn of(state: &RunState, agent: SpanId) -> Self {
        let trace = &state.trace;
        let spans = (0..).map(SpanId).zip(trace.spans().iter());
        let below: Vec<SpanId> =
            spans.map(|(at, _)| at).filter(|at| trace.ancestors(*at).any(|above| above == agent)).collect();
        // From the first model call of a try on, the agent is beyond what the record answers.
        let mut first_calls: HashMap<Generation, Seq> = HashMap::new();
        for found in
            below.iter().filter(|at| trace.name(**at) != PathSegment::aux().as_str()).filter_map(|at| trace.get(*at))
        {
            if found.kind == SpanKind::Llm {
                let first = first_calls.entry(found.generation).or_insert(found.started);
                *first = found.started.min(*first);
            }
        }
        let mut places: HashMap<String, Seq> = HashMap::new();
        let place = |at: SpanId| {
            let found = trace.get(at)?;
            let path = trace.path(at);
            let is_on_the_way = found.kind == SpanKind::Tool
                && first_calls.get(&found.generation).is_none_or(|first| found.started < *first);
            let place = places.get(&path).copied().filter(|_| is_on_the_way).unwrap_or(found.started);
            places.insert(path, place);
            Some((at, place))
        };
        Self(below.into_iter().filter_map(place).collect())
    }

    /// Every span below the agent.
    fn spans(&self) -> impl Iterator<Item = SpanId> {
        self.0.iter().map(|(span, _)| *span)
    }

    /// The place of a span; the agent itself is before all.
    fn place(&self, span: SpanId) -> Seq {
        let found = self.0.binary_search_by_key(&span, |(span, _)| *span);
        found.ok().and_then(|at| self.0.get(at)).map_or(Seq(0), |(_, place)| *place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RetryPlan, TraceBody};
    use crate::rollback::fixture::Tree;
    use crate::rollback::plan_retry;

    /// An agent with a program that lasts, and two turns of a call and a tool.
    fn agent(tree: &Tree) -> (SpanId, SpanId, [SpanId; 2], [SpanId; 2]) {
        let agent = tree.wrapped(SpanId::RUN, "agent");
        let program = tree.called(agent, "program");
        let (first, second) = (tree.turn(agent), tree.turn(agent));
        tree.end(&[program, agent]);
        (agent, program, [first[0], first[1]], [second[0], second[1]])
    }

    fn plan(tree: &Tree, span: SpanId) -> RetryPlan {
        tree.log.with(|state| plan_retry(state, span, true)).unwrap()
    }

    #[test]
    fn calls_before_the_span_stay_and_tools_run_again() {
        let tree = Tree::new();
        let (agent, program, first, second) = agent(&tree);
        let of_call = plan(&tree, second[0]);
        assert_eq!(of_call.reruns, [program, first[1], second[0], second[1]]);
        assert_eq!((of_call.again, of_call.reopens), (vec![first[1]], vec![agent]));
        let of_tool = plan(&tree, second[1]);
        assert_eq!(of_tool.reruns, [program, first[1], second[1]]);
        assert_eq!(plan(&tree, agent).reruns, [program, first[0], first[1], second[0], second[1]]);
        assert_eq!(plan(&tree, program).again, []);
    }

    #[test]
    fn a_tool_that_ran_again_on_the_way_has_its_old_place() {
        let tree = Tree::new();
        let (agent, program, first, second) = agent(&tree);
        let planned = plan(&tree, second[1]);
        tree.log.append(vec![TraceBody::Invalidated {
            generation: Generation(2),
            cause: planned.span,
            spans: planned.reruns.clone(),
            paths: Vec::new(),
            reopened: planned.reopens.clone(),
            stale: Vec::new(),
        }]);
        let program_again = tree.called(agent, "program");
        let again = [tree.tool(agent), tree.tool(agent)];
        let last = tree.llm(agent);
        tree.end(&[again[0], again[1], last, program_again, agent]);
        // The first tool came before the second call, which did not run again.
        let of_first = plan(&tree, again[0]);
        assert_eq!(of_first.reruns, [second[0], program_again, again[0], again[1], last]);
        assert_eq!(plan(&tree, again[1]).reruns, [program_again, again[0], again[1], last]);
        assert!(!of_first.reruns.contains(&first[0]) && !of_first.reruns.contains(&program));
    }
}
