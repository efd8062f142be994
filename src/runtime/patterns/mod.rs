//! The patterns: small compositions over a few primitives (call, tool loop, sequence, fan-out, route,
//! loop, human).
//!
//! Pattern code is deterministic given the outcomes of its effects. It is dropped and run again from the journal
//! whenever a retry needs it. The meaning of each pattern is tama's.

mod best_of_n;
mod chain_of_verification;
mod constitutional;
mod critic;
mod debate;
mod fsm;
mod human;
mod parallel;
mod plan_execute;
mod primitives;
mod read_plan;
mod reflexion;
mod scatter;
mod servers;
mod steps;
mod wrapped;

use std::borrow::Cow;

use primitives::{ToolLoop, call, tool_loop};
use steps::Steps;

use super::ask::{AgentKey, Output};
use super::failure::Failure;
use super::pattern_scope::PatternScope;
use crate::pipeline::{Agent, Model, Pattern, Skill, Step};

/// Runs an agent, or one step of one.
pub(super) async fn run(scope: &PatternScope, key: &AgentKey, input: &str) -> Result<Output, Failure> {
    let pipeline = scope.pipeline().clone();
    let agent = pipeline
        .agents
        .get(&key.agent)
        .ok_or_else(|| Failure::new(format!("no agent is named \"{}\" in the pipeline", key.agent)))?;
    if let Some(name) = &key.step {
        return match agent.steps.get(name) {
            Some(step) => run_step(scope, agent, (name, step), input).await,
            None if agent.pattern == Pattern::Wrapped => wrapped::run_subagent(scope).await,
            // As in tama, a scatter's own prompt is its map step's.
            None if name == scatter::MAP => {
                let own = own_loop(agent)?;
                let prompt = scope.wording().map(own.prompt);
                tool_loop(scope, &ToolLoop { prompt: &prompt, ..own }, input).await
            }
            None => Err(Failure::new(format!("{} has no step \"{name}\"", key.agent))),
        };
    }
    let steps = Steps::new(scope, agent);
    match &agent.pattern {
        Pattern::Oneshot => call(scope, model(agent, None)?, prompt(agent)?, input, "result").await,
        Pattern::React => tool_loop(scope, &own_loop(agent)?, input).await,
        Pattern::Fsm { initial, states } => fsm::run(scope, initial, states, input).await,
        Pattern::Parallel { workers } => parallel::run(scope, workers, input).await,
        Pattern::Scatter { worker } => scatter::run(scope, &steps, worker, input).await,
        Pattern::Critic => critic::run(&steps, input).await,
        Pattern::Reflexion { rounds } => reflexion::run(&steps, *rounds, input).await,
        Pattern::Constitutional => constitutional::run(&steps, input).await,
        Pattern::ChainOfVerification => chain_of_verification::run(&steps, input).await,
        Pattern::PlanExecute => plan_execute::run(&steps, input).await,
        Pattern::Debate { agents, rounds, judge } => debate::run(scope, agents, *rounds, judge, input).await,
        Pattern::BestOfN { n } => best_of_n::run(scope, &steps, *n, input).await,
        Pattern::Human => human::run(scope, &steps, input).await,
        Pattern::Wrapped => wrapped::run(scope).await,
    }
}

async fn run_step(
    scope: &PatternScope,
    agent: &Agent,
    (name, step): (&str, &Step),
    input: &str,
) -> Result<Output, Failure> {
    let (model, prompt) = (model(agent, step.model.as_ref())?, &step.prompt.text);
    if !step.react {
        return call(scope, model, prompt, input, scope.wording().step_key()).await;
    }
    let maps = matches!(agent.pattern, Pattern::Scatter { .. }) && name == scatter::MAP;
    let prompt = if maps { scope.wording().map(prompt) } else { Cow::from(prompt) };
    let resumes = agent.pattern == Pattern::Human && name == human::RESUME;
    let shared = if resumes { &[][..] } else { &agent.skills };
    let skills: Vec<Skill> = shared.iter().chain(&step.skills).cloned().collect();
    let max_iter = step.max_iter.unwrap_or(agent.max_iter);
    let spec = ToolLoop { model, prompt: &prompt, tools: &step.tools, skills: &skills, max_iter };
    tool_loop(scope, &spec, input).await
}

/// The tool loop that an agent runs by its own prompt.
fn own_loop(agent: &Agent) -> Result<ToolLoop<'_>, Failure> {
    Ok(ToolLoop {
        model: model(agent, None)?,
        prompt: prompt(agent)?,
        tools: &agent.tools,
        skills: &agent.skills,
        max_iter: agent.max_iter,
    })
}

fn model<'a>(agent: &'a Agent, step: Option<&'a Model>) -> Result<&'a Model, Failure> {
    step.or(agent.model.as_ref()).ok_or_else(|| Failure::new(format!("{} has no model", agent.name)))
}

fn prompt(agent: &Agent) -> Result<&str, Failure> {
    let prompt = agent.prompt.as_ref().map(|prompt| prompt.text.as_str());
    prompt.ok_or_else(|| Failure::new(format!("{} has no prompt", agent.name)))
}
