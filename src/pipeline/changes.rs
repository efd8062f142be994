//! Compares the pipeline that a run stored with the one in the files today.

use super::spec::Pipeline;

/// Lists the agents that differ: edited, new or gone; in the stored order, new ones last.
#[must_use]
pub fn changed_agents(stored: &Pipeline, today: &Pipeline) -> Vec<String> {
    let changed = stored.agents.iter().filter(|(name, agent)| today.agents.get(*name) != Some(agent));
    let new = today.agents.keys().filter(|name| !stored.agents.contains_key(*name));
    changed.map(|(name, _)| name).chain(new).cloned().collect()
}
