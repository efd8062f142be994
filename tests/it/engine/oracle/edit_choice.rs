//! The edit of a retry or a fork, chosen at random.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use tama_tui::model::{RetryPlan, RunState, SpanId, SpanKind, SpanStatus};

use super::case::{Case, NEW, Place, SpotKind};
use super::edit::{Edit, EditKind, Origin, call_of};
use super::retry::arguments_of;
use super::rng::Rng;
use super::run::Run;
use super::tools::{Calls, text};

/// Calls that are made until one has the tool that is looked for.
const TURNS: usize = 400;

/// An edit that the span of a plan can have; the run's change of this number.
pub fn choose_edit(rng: &mut Rng, case: &Case, run: &Run, plan: &RetryPlan, number: usize) -> Edit {
    let path = run.state.trace.path(plan.span);
    let kind = run.state.trace.get(plan.span).map(|found| found.kind);
    let by_hand = text(&format!("{path} by hand"), true);
    let mut fit = vec![EditKind::Model(0.25)];
    match kind {
        Some(SpanKind::Agent) => fit.extend(of_agent(rng, case, run, plan, &by_hand)),
        Some(SpanKind::Llm) => {
            let answer = EditKind::Answer(by_hand.clone());
            fit.extend([EditKind::Message(by_hand), answer]);
        }
        Some(SpanKind::Tool) => {
            fit.extend(other_args(rng, case, run, plan.span, number).map(EditKind::Args));
            fit.push(EditKind::ToolAnswer(by_hand));
        }
        _ => {}
    }
    let kind = if fit.len() > 1 && rng.chance(80) { rng.pick(&fit[1..]).clone() } else { fit.swap_remove(0) };
    Edit { path, kind, since: None, asked: BTreeSet::new() }
}

fn of_agent(rng: &mut Rng, case: &Case, run: &Run, plan: &RetryPlan, by_hand: &str) -> Vec<EditKind> {
    let (trace, span) = (&run.state.trace, plan.span);
    let (path, name) = (trace.path(span), trace.name(span).to_owned());
    let spot = case.spots.iter().find(|spot| spot.agent == path && spot.call == 1);
    let is_settled = case.shares || run.has_ended();
    let mut fit = Vec::new();
    let has_prompt = case.agents.iter().any(|agent| agent.name == name && agent.prompt.is_some());
    if has_prompt && is_settled && has_no_others(&run.state, &name, &plan.reruns) {
        fit.push(EditKind::Prompt(name.clone()));
    }
    if spot.is_some() {
        fit.push(EditKind::Answer(by_hand.to_owned()));
    } else if run.has_ended() && is_alone(&run.state, &name) && case.agents.iter().any(|agent| agent.name == name) {
        fit.push(EditKind::AnswerForAll(name, by_hand.to_owned()));
    }
    let origin = match spot {
        _ if trace.get(span).is_some_and(|found| found.parent == SpanId::RUN) => Some(Origin::Task),
        Some(spot) if spot.kind == SpotKind::Oneshot && rng.chance(50) => Some(Origin::Message),
        _ => agent_before(case, run, span),
    };
    fit.extend(origin.map(|origin| EditKind::Input(by_hand.to_owned(), origin)));
    fit
}

/// The agent whose answer is the input of an agent: the state before it in an fsm, where that calls models itself.
fn agent_before(case: &Case, run: &Run, span: SpanId) -> Option<Origin> {
    let trace = &run.state.trace;
    let parent = trace.get(span)?.parent;
    if trace.pattern(parent) != "fsm" {
        return None;
    }
    let stands = |at: &SpanId| trace.get(*at).is_some_and(|found| found.status != SpanStatus::Undone);
    let before = trace.children(parent).take_while(|at| *at != span).filter(stands).last()?;
    let agent = trace.path(before);
    case.spots.iter().find(|spot| spot.agent == agent)?;
    let is_call = |at: &SpanId| trace.get(*at).is_some_and(|found| found.kind == SpanKind::Llm);
    let last = trace.children(before).filter(is_call).filter(stands).last()?;
    let finish =
        trace.finish(before).filter(|_| case.spots.iter().any(|s| s.agent == agent && s.kind == SpotKind::Loop));
    Some(Origin::Before { call: call_of(&trace.path(last)).1, finish: finish.map(str::to_owned), agent })
}

/// True when no agent of a name stands outside of a set.
fn has_no_others(state: &RunState, name: &str, set: &[SpanId]) -> bool {
    of_name(state, name).all(|span| set.contains(&span))
}

/// True when one agent of a name stands.
fn is_alone(state: &RunState, name: &str) -> bool {
    of_name(state, name).count() == 1
}

/// The agents of a name that stand.
fn of_name<'a>(state: &'a RunState, name: &'a str) -> impl Iterator<Item = SpanId> + 'a {
    let all = (1..state.trace.len()).map(|at| SpanId(u32::try_from(at).unwrap()));
    all.filter(move |span| {
        let found = state.trace.get(*span).unwrap();
        found.kind == SpanKind::Agent && found.status != SpanStatus::Undone && state.trace.name(*span) == name
    })
}

/// Other arguments for a tool call: those of another call of the tool at the same place.
fn other_args(rng: &mut Rng, case: &Case, run: &Run, span: SpanId, number: usize) -> Option<Json> {
    let agent = run.state.trace.path(run.state.trace.agent_of(span));
    let place: Place = case.spots.iter().find(|spot| spot.agent == agent)?.place.clone();
    let (name, _) = arguments_of(run, span)?;
    let tag = format!("{agent} by hand");
    let made = (0..TURNS).find_map(|_| {
        let commands = super::case::changed_commands(number).start - 1;
        let mut calls = Calls { shares: case.shares, commands, written: case.written.clone() };
        let (tool, args) = calls.make(rng, &place, &tag, true);
        (tool == name).then_some(args)
    });
    made.or_else(|| Some(json!({ "key": "top.m", "value": NEW })).filter(|_| name == "tama_mem_set"))
}
