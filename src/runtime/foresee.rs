//! What a retry of a stored run would meet besides its undo, found without opening the run to go on.

use std::path::Path;

use super::past::Past;
use super::prompt::prompt_now;
use super::refusal::PromptError;
use super::session::providers;
use crate::effects::llm::LlmError;
use crate::model::{RetryPlan, TraceEvent};
use crate::pipeline::{Pipeline, authority_changes, changed_agents, check};
use crate::store::{RunLog, StoreError};

/// What a retry would meet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Agents that run again by other words than the last time, and why.
    pub changed: Vec<String>,
    /// Changes since the run in what it may do.
    pub authority: Vec<String>,
    /// What would be told on the way.
    pub notes: Vec<String>,
}

/// The reason why a planned retry would be refused.
#[derive(Debug, thiserror::Error)]
pub enum ForeseeError {
    /// The run can't be read.
    #[error("failed to {0}")]
    Store(#[from] StoreError),
    /// The span has no prompt that another one could be tried for.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The models are not usable.
    #[error(transparent)]
    Models(#[from] LlmError),
}

/// Says what a planned retry would meet. `source`: the pipeline's file; `prompt`: what to try instead.
///
/// # Errors
/// With why the retry would be refused.
pub fn foresee(
    log: &RunLog,
    events: &[TraceEvent],
    source: Option<&Path>,
    plan: &RetryPlan,
    prompt: Option<&str>,
) -> Result<Outlook, ForeseeError> {
    let past = Past::rebuild(events, log)?;
    let newest = past.versions.last().map(|(_, pipeline)| pipeline.clone()).unwrap_or_default();
    let mut edited = past.edits.edited();
    if let Some(prompt) = prompt {
        let agent = log.with(|state| state.trace.agent_of(plan.span));
        let name = past.agent_names.get(&agent).ok_or(PromptError::NoAgent)?;
        if prompt_now(&past.edits, &newest, name)? != prompt && !edited.contains(name) {
            edited.push(name.clone());
        }
    }
    let today = match source.map(check) {
        Some(Ok(loaded)) => Ok(loaded.pipeline),
        Some(Err(faults)) => Err(faults.to_string()),
        None => Err("its file is not known".to_owned()),
    };
    let base = source.and_then(Path::parent).unwrap_or(Path::new("."));
    providers(base.to_owned())(today.as_ref().unwrap_or(&newest))?;
    let names: Vec<String> = plan.reruns.iter().filter_map(|at| past.agent_names.get(at).cloned()).collect();
    let changed = changed(&names, &newest, today.as_ref().ok(), &edited);
    let authority = today.as_ref().map(|today| authority_changes(&newest, today)).unwrap_or_default();
    let notes = today.err().map(|why| format!("the retry uses the stored pipeline: {why}"));
    Ok(Outlook { changed, authority, notes: notes.into_iter().collect() })
}

/// Which of the agents that run again (by edit name) have other words today: those of a file, or of an edit.
pub(super) fn changed(
    reruns: &[String],
    newest: &Pipeline,
    today: Option<&Pipeline>,
    edited: &[String],
) -> Vec<String> {
    let is_rerun =
        |changed: &String| reruns.iter().any(|name| name == changed || name.split('.').next() == Some(changed));
    let files = today.map(|today| changed_agents(newest, today)).unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    for name in files.iter().filter(|name| is_rerun(name)) {
        let how = if edited.contains(name) { "file, edited" } else { "file" };
        lines.push(format!("{name} ({how})"));
    }
    let edits = edited.iter().filter(|name| is_rerun(name) && !files.contains(name));
    lines.extend(edits.map(|name| format!("{name} (edited)")));
    lines
}
