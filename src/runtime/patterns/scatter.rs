//! `scatter`: map to items, one worker per item concurrently, reduce.

use super::super::ask::{AgentKey, Failure, Output};
use super::super::pattern_scope::PatternScope;
use super::parallel::result_text;
use crate::pipeline::Agent;

/// The name of the map step.
pub(super) const MAP: &str = "map";

/// The map step's finish key that fans out.
const FAN_OUT: &str = "parallel";

/// Map with key "parallel" and a JSON array of strings fans out; any other key returns directly.
pub(super) async fn run(scope: &PatternScope, agent: &Agent, worker: &str, input: &str) -> Result<Output, Failure> {
    let mapped = scope.agent(&step(agent, MAP), input).await?;
    if mapped.key.to_lowercase() != FAN_OUT {
        return Ok(mapped);
    }
    let items: Vec<String> = serde_json::from_str(&mapped.value).map_err(|error| {
        Failure::new(format!(
            "the map step of {} must finish with a JSON array of strings ({error}); it finished with: {}",
            agent.name, mapped.value
        ))
    })?;
    let branches = items.iter().map(|item| (AgentKey::agent(worker), item.clone())).collect();
    let results = scope.fan_out(branches).await;
    let parts: Vec<String> =
        items.iter().zip(results).map(|(item, result)| format!("## {item}\n\n{}", result_text(result))).collect();
    scope.agent(&step(agent, "reduce"), &format!("Task: {input}\n\n{}", parts.join("\n\n"))).await
}

fn step(agent: &Agent, name: &str) -> AgentKey {
    AgentKey { agent: agent.name.clone(), step: Some(name.to_owned()) }
}
