//! The prompt of an agent, by its edit name: `agent`, or `agent.step`.

use super::edit_history::EditHistory;
use super::refusal::PromptError;
use crate::pipeline::{Pipeline, Prompt};

/// The prompt that an agent of this edit name is sent: the edited one, or the pipeline's.
pub(super) fn prompt_now(edits: &EditHistory, pipeline: &Pipeline, name: &str) -> Result<String, PromptError> {
    if let Some(text) = edits.prompt_of(name) {
        return Ok(text.to_owned());
    }
    stored_prompt(pipeline, name)
        .map(|prompt| prompt.text.clone())
        .ok_or_else(|| PromptError::NoPrompt { agent: name.to_owned() })
}

/// The prompt of an edit name in a pipeline.
pub(super) fn stored_prompt<'a>(pipeline: &'a Pipeline, name: &str) -> Option<&'a Prompt> {
    let (agent, step) = split_edit_name(name);
    let spec = pipeline.agents.get(agent)?;
    let step = step.and_then(|step| spec.steps.get(step)).map(|step| &step.prompt);
    step.or(spec.prompt.as_ref())
}

/// True when a pipeline has the agent, and the step, of an edit name.
pub(super) fn has_agent(pipeline: &Pipeline, name: &str) -> bool {
    let (agent, step) = split_edit_name(name);
    let found = pipeline.agents.get(agent);
    found.is_some_and(|agent| step.is_none_or(|step| agent.steps.contains_key(step)))
}

fn split_edit_name(name: &str) -> (&str, Option<&str>) {
    name.split_once('.').map_or((name, None), |(agent, step)| (agent, Some(step)))
}
