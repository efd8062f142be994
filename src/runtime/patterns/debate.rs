//! `debate`: agents argue in rounds, then one judges.

use super::super::ask::{AgentKey, Output};
use super::super::failure::Failure;
use super::super::pattern_scope::PatternScope;
use super::parallel::result_text;
use super::primitives::sequence;
use super::steps::parts;

/// The agents of a round argue at once; each sees all earlier rounds.
pub(super) async fn run(
    scope: &PatternScope,
    agents: &[String],
    rounds: u32,
    judge: &str,
    input: &str,
) -> Result<Output, Failure> {
    let arguments = sequence(1..=rounds, Vec::new(), |mut arguments, round| async move {
        let seen = so_far(input, &arguments);
        let branches = agents.iter().map(|agent| (AgentKey::agent(agent), seen.clone())).collect();
        let results = agents.iter().zip(scope.fan_out(branches).await?);
        arguments
            .extend(results.map(|(agent, result)| format!("## round {round}, {agent}\n\n{}", result_text(result))));
        Ok(arguments)
    });
    let arguments = arguments.await?;
    scope.agent(&AgentKey::agent(judge), &so_far(input, &arguments)).await
}

fn so_far(input: &str, arguments: &[String]) -> String {
    let all = arguments.join("\n\n");
    if all.is_empty() { input.to_owned() } else { parts(&[("Topic", input), ("Arguments so far", &all)]) }
}
