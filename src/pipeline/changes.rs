//! What became different between the pipeline that a run stored and the one in the files today.

use super::spec::Pipeline;

/// Names of the agents that are not the same in both: edited, new or gone; in the stored order, new ones last.
#[must_use]
pub fn changed_agents(stored: &Pipeline, today: &Pipeline) -> Vec<String> {
    let changed = stored.agents.iter().filter(|(name, agent)| today.agents.get(*name) != Some(agent));
    let new = today.agents.keys().filter(|name| !stored.agents.contains_key(*name));
    changed.map(|(name, _)| name).chain(new).cloned().collect()
}
