//! Makes retry plans from a snapshot of the run: no lock is held, and nothing is read from disk.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::model::{RetryPlan, RunState, Seq, SpanId};
use crate::pipeline::{Pipeline, authority_changes};
use crate::rollback;
use crate::runtime::foresee::changed;
use crate::runtime::prompt::{has_agent, stored_prompt};
use crate::runtime::refusal::RetryRefusal;

/// A snapshot of the run, and the words that its agents run by.
pub(in super::super::super) struct Planner {
    /// The folded state.
    pub state: RunState,
    /// Edit names of agents, by span.
    pub names: Arc<HashMap<SpanId, String>>,
    /// Edit names with an edited prompt.
    pub edited: Vec<String>,
    /// The newest pipeline of the run.
    pub newest: Arc<Pipeline>,
    /// Set while a resume begins: its calls that run again over what they left.
    pub resumes: Option<BTreeSet<SpanId>>,
}

impl Planner {
    /// Plans the retry of a span. `today`: the pipeline as its file has it now.
    ///
    /// # Errors
    /// When the span can't be retried.
    pub fn plan(&self, span: SpanId, with_readers: bool, today: Option<&Pipeline>) -> Result<RetryPlan, RetryRefusal> {
        let mut plan = match &self.resumes {
            Some(again) if span == SpanId::RUN => rollback::plan_resume(&self.state, again),
            _ => rollback::plan_retry(&self.state, span, with_readers)?,
        };
        let names: Vec<String> = plan.reruns.iter().filter_map(|at| self.names.get(at).cloned()).collect();
        let changed = changed(&names, &self.newest, today, &self.edited);
        plan.changed = changed.into_iter().map(|line| with_file(line, &self.newest)).collect();
        plan.authority = today.map(|today| authority_changes(&self.newest, today)).unwrap_or_default();
        Ok(plan)
    }

    /// Finds an agent that would run again by today's file, and is gone from it.
    ///
    /// # Errors
    /// With the agent.
    pub fn check_agents(&self, plan: &RetryPlan, today: Option<&Pipeline>) -> Result<(), RetryRefusal> {
        let Some(today) = today else { return Ok(()) };
        let is_first = |span: &&SpanId| {
            let parent = self.state.trace.get(**span).map(|found| found.parent);
            parent.is_some_and(|parent| !plan.reruns.contains(&parent))
        };
        let mut names = plan.reruns.iter().filter(is_first).filter_map(|span| self.names.get(span));
        match names.find(|name| !has_agent(today, name)) {
            Some(name) => Err(RetryRefusal::AgentGone { name: name.clone() }),
            None => Ok(()),
        }
    }

    /// True when a plan undoes or reruns more than the one that was shown. The actions of `halted`, calls that were
    /// stopped, are in it: the user saw that they would be.
    pub fn is_larger(&self, shown: &RetryPlan, now: &RetryPlan, halted: &[SpanId]) -> bool {
        let is_new = |action: &Seq| {
            let by = self.state.ledger.get(*action).map(|entry| entry.record.tool_span);
            !shown.undoes.contains(action) && by.is_some_and(|span| !halted.contains(&span))
        };
        now.reruns.iter().any(|span| !shown.reruns.contains(span))
            || now.readers.iter().any(|span| !shown.readers.contains(span))
            || now.undoes.iter().any(is_new)
    }
}

/// Names the file of a changed prompt: `writer (edited): prompts/writer.md`.
fn with_file(line: String, pipeline: &Pipeline) -> String {
    let name = line.split(' ').next().unwrap_or_default();
    let file = stored_prompt(pipeline, name).and_then(|prompt| prompt.file.as_ref());
    match file {
        Some(file) => format!("{line}: {file}"),
        None => line,
    }
}
