//! The patterns: small compositions over a few primitives (call, tool loop, fan-out, route).
//!
//! Pattern code is deterministic given the outcomes of its effects. It is dropped and run again from the journal
//! whenever a retry needs it. The meaning of each pattern is tama's.

mod best_of_n;
mod chain_of_verification;
mod constitutional;
mod critic;
mod debate;
mod fsm;
mod parallel;
mod plan_execute;
mod primitives;
mod reflexion;
mod scatter;
mod steps;
mod tool_loop;

use primitives::call;
use steps::Steps;
use tool_loop::{ToolLoop, tool_loop};

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
            Some(step) => run_step(scope, agent, step, input).await,
            // As in tama, a scatter's own prompt is its map step's.
            None if name == scatter::MAP => tool_loop(scope, &own_loop(agent)?, input).await,
            None => Err(Failure::new(format!("{} has no step \"{name}\"", key.agent))),
        };
    }
    let steps = Steps::new(scope, agent);
    match &agent.pattern {
        Pattern::Oneshot => call(scope, model(agent, None)?, prompt(agent)?, input).await,
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
    }
}

async fn run_step(scope: &PatternScope, agent: &Agent, step: &Step, input: &str) -> Result<Output, Failure> {
    let model = model(agent, step.model.as_ref())?;
    if !step.react {
        return call(scope, model, &step.prompt.text, input).await;
    }
    let skills: Vec<Skill> = agent.skills.iter().chain(&step.skills).cloned().collect();
    let max_iter = step.max_iter.unwrap_or(agent.max_iter);
    let spec = ToolLoop { model, prompt: &step.prompt.text, tools: &step.tools, skills: &skills, max_iter };
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
