//! `scatter`: map to items, one worker per item concurrently, reduce.

use super::super::ask::{AgentKey, Output};
use super::super::failure::Failure;
use super::super::pattern_scope::PatternScope;
use super::parallel::result_text;
use super::steps::Steps;

/// The name of the map step.
pub(super) const MAP: &str = "map";

/// The map step's finish key that fans out.
const FAN_OUT: &str = "parallel";

/// Map with key "parallel" and a JSON array of strings fans out; any other key returns directly.
pub(super) async fn run(scope: &PatternScope, steps: &Steps<'_>, worker: &str, input: &str) -> Result<Output, Failure> {
    let mapped = steps.run(MAP, input).await?;
    if mapped.key.to_lowercase() != FAN_OUT {
        return Ok(mapped);
    }
    let items: Vec<String> = serde_json::from_str(&mapped.value).map_err(|error| {
        Failure::new(format!(
            "the map step of {} must finish with a JSON array of strings ({error}); it finished with: {}",
            steps.agent_name(),
            mapped.value
        ))
    })?;
    let branches = items.iter().map(|item| (AgentKey::agent(worker), item.clone())).collect();
    let results = scope.fan_out(branches).await?;
    let results = items.iter().zip(results.into_iter().map(result_text));
    steps.run("reduce", &scope.wording().reduce(input, results)).await
}
