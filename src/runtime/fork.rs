//! Fork: a new run that goes on from a span of another one. It has a copy of the parent's record. The span, what is below
//! it, and what followed from it run anew, as in a retry; all else is answered from the copy.
//!
//! The parent's changes of files stay its own: the fork undoes none of them. So the workspace is compared with what it
//! was before the span, and the user says what to do where it differs. The new run is prepared as one that was
//! interrupted right before the span; a resume goes on from there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::by_hand::{Given, Lent};
use super::choices::copy_workspace;
use super::foresee::changed;
use super::past::Past;
use super::prompt::prompt_now;
use super::refusal::{ForkError, PromptError};
use super::request::json;
use super::session::providers;
use crate::model::{
    ActionChange, ActionEvent, EditReach, Generation, Key, Lineage, Provenance, RetryEdits, RetryPlan, RunState,
    RunStatus, Seq, SpanId, SpanKind, SpanStatus, TraceBody, TraceEvent,
};
use crate::pipeline::{Pipeline, authority_changes, changed_agents, check};
use crate::rollback::{self, Moved, Origin};
use crate::store::{Access, DataDir, NewRun, Opened, RunFolder, RunLog};
use crate::world::{Scope, World};

/// The choice where the workspace is not as it was before the span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForkWorkspace {
    /// Nothing differs, or the fork does not begin.
    AsItWas,
    /// The fork goes on in it as it is.
    AsItIs,
    /// It is put back. Each change of that is an action of the fork, and can be undone.
    Restore,
    /// The fork has a copy of it, in this new folder, which is put back.
    Copy(PathBuf),
}

/// The run that is forked, opened to read.
pub struct Parent<'a> {
    /// Its folder.
    pub folder: &'a RunFolder,
    /// Its log.
    pub log: &'a RunLog,
    /// All of its events.
    pub events: &'a [TraceEvent],
    /// Its workspace.
    pub world: &'a World,
    /// The file of today's pipeline; a run that was made elsewhere names none.
    pub source: Option<&'a Path>,
}

/// The plan of a fork, shown before it happens.
pub struct ForkPlan {
    /// The spans that run anew, and the calls that are reused; its actions are the parent's, and stay.
    pub retry: RetryPlan,
    /// The paths of the workspace that are not as they were before the span.
    pub moved: Vec<Moved>,
    /// Remarks of its making.
    pub notes: Vec<String>,
    /// The pipeline that the new spans run by.
    pipeline: Pipeline,
    /// The pipeline that the parent ran by last.
    newest: Pipeline,
    /// The edited prompt, and its agent's edit name.
    prompt: Option<(String, String)>,
    /// The other edits.
    edits: RetryEdits,
    /// The prompt that the parent edited for one retry only, and its text before.
    lent: Option<Lent>,
}

/// Plans a fork. Reads files and the store; changes nothing.
///
/// # Errors
/// With the reason why the run can't be forked there.
pub fn plan_fork(parent: &Parent<'_>, span: SpanId, edits: &RetryEdits) -> Result<ForkPlan, ForkError> {
    let state = parent.log.with(RunState::clone);
    let mut retry = rollback::plan_retry(&state, span, true)?;
    let kind = state.trace.get(span).map_or(SpanKind::Run, |found| found.kind);
    if let Some((what, of)) = edits.misfit(kind) {
        return Err(ForkError::NoEdit { what, span, kind: kind.name(), of: of.name() });
    }
    add_cut_off(&state, &mut retry);
    let mut past = Past::rebuild(parent.events, parent.log)?;
    let lent = past.by_hand.take_lent();
    past.record.hash().check()?;
    let newest = past.versions.last().map(|(_, pipeline)| (**pipeline).clone()).ok_or(ForkError::NoPipeline)?;
    if newest.wrapped.is_some() {
        return Err(ForkError::Wrapped);
    }
    let today = match parent.source.map(check) {
        Some(Ok(loaded)) => Ok(loaded.pipeline),
        Some(Err(faults)) => Err(faults.to_string()),
        None => Err("its file is not known".to_owned()),
    };
    let names: Vec<String> = retry.reruns.iter().filter_map(|at| past.agent_names.get(at).cloned()).collect();
    retry.changed = changed(&names, &newest, today.as_ref().ok(), &past.edits.edited());
    retry.authority = today.as_ref().map(|today| authority_changes(&newest, today)).unwrap_or_default();
    let notes = today.as_ref().err().map(|why| format!("the fork uses the stored pipeline: {why}"));
    let pipeline = with_edits(today.unwrap_or_else(|_| newest.clone()), edits)?;
    let prompt = edits.prompt.clone().map(|text| {
        let agent = state.trace.agent_of(span);
        let name = past.agent_names.get(&agent).cloned().ok_or(PromptError::NoAgent)?;
        prompt_now(&past.edits, &pipeline, &name)?;
        Ok::<_, ForkError>((name, text))
    });
    let base = parent.source.and_then(Path::parent).unwrap_or(Path::new("."));
    providers(base.to_owned())(&pipeline)?;
    let set: BTreeSet<SpanId> = retry.reruns.iter().copied().collect();
    let moved = rollback::moved_since(&state, parent.world, &set);
    let notes = notes.into_iter().collect();
    // The prompt is recorded as an edit of the fork.
    let edits = RetryEdits { prompt: None, ..edits.clone() };
    Ok(ForkPlan { retry, moved, notes, pipeline, newest, prompt: prompt.transpose()?, edits, lent })
}

/// Adds the calls that are under way in a parent that runs: the fork can't wait for them.
fn add_cut_off(state: &RunState, plan: &mut RetryPlan) {
    let spans = (0..).map(SpanId).zip(state.trace.spans().iter());
    let live: Vec<(SpanId, SpanKind)> =
        spans.filter(|(_, found)| found.status.is_live()).map(|(span, found)| (span, found.kind)).collect();
    for (span, kind) in live.iter().copied().filter(|(span, _)| *span != SpanId::RUN) {
        let known = if kind == SpanKind::Agent { &mut plan.reopens } else { &mut plan.reruns };
        if !known.contains(&span) {
            known.push(span);
        }
    }
    plan.reopens.retain(|span| !plan.reruns.contains(span));
}

/// The pipeline with the model and the temperature of the edits. An agent that goes on has them by its calls.
fn with_edits(base: Pipeline, edits: &RetryEdits) -> Result<Pipeline, ForkError> {
    let base = match &edits.model {
        Some(model) => base.with_model(model)?,
        None => base,
    };
    Ok(edits.temperature.map_or_else(|| base.clone(), |temperature| base.with_temperature(temperature)))
}

/// Makes the new run, ready to be resumed. The parent is only read.
///
/// # Errors
/// With the reason; where the workspace could not be restored as a whole, what was restored can be undone in the new run.
pub async fn fork(
    data: &DataDir,
    parent: &Parent<'_>,
    plan: &ForkPlan,
    workspace: &ForkWorkspace,
) -> Result<RunFolder, ForkError> {
    if !plan.moved.is_empty() && *workspace == ForkWorkspace::AsItWas {
        return Err(ForkError::Moved);
    }
    let copy = match workspace {
        ForkWorkspace::Copy(to) => Some(copy_put_back(data, parent, plan, to)?),
        _ => None,
    };
    let root = copy.as_deref().unwrap_or(parent.world.root());
    let manifest = parent.folder.manifest()?;
    let lineage = Lineage { parent: parent.folder.id().clone(), cut: parent.log.with(|state| state.last) };
    let new = NewRun {
        name: manifest.name,
        task: manifest.task,
        entrypoint: manifest.entrypoint,
        workspace: root.display().to_string(),
        pipeline_file: parent.source.map(|file| file.display().to_string()),
        provenance: Provenance { lineage: Some(lineage), ..manifest.provenance },
    };
    let folder = data.copy_run(parent.folder, parent.log, new)?;
    let Opened { log, damage, .. } = folder.open(Box::new(|_| {}), Access::ReadWrite)?;
    if !damage.is_empty() {
        return Err(ForkError::Damaged(damage.join("; ")));
    }
    let restored = match workspace {
        ForkWorkspace::Restore => restore(parent, &log, plan).await,
        _ => Ok(()),
    };
    prepare(parent, &log, plan, workspace);
    let state = log.durable_state().await?;
    let followed = folder.update_manifest(|manifest| manifest.follow(&state));
    log.close()?;
    followed?;
    restored.map(|()| folder)
}

/// Copies the workspace, and puts the copy back to the moment before the span.
fn copy_put_back(data: &DataDir, parent: &Parent<'_>, plan: &ForkPlan, to: &Path) -> Result<PathBuf, ForkError> {
    let failed = |why: String| ForkError::NotCopied { to: to.display().to_string(), why };
    let from = parent.world.root();
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|error| failed(error.to_string()))?;
    if folder.starts_with(from) {
        return Err(failed("it lies in the workspace; name a folder outside of it".to_owned()));
    }
    if to.symlink_metadata().is_ok() {
        return Err(failed("it is there already; name a new folder".to_owned()));
    }
    let data_folder = data.path().canonicalize().unwrap_or_else(|_| data.path().to_owned());
    copy_workspace(from, to, Some(&data_folder)).map_err(|error| failed(error.to_string()))?;
    let copy = World::open(to, Some(data.path()))?;
    for change in rollback::changes_back(parent.log, &copy, &plan.moved).map_err(&failed)? {
        copy.put(&change.key, &change.new).map_err(|error| failed(error.to_string()))?;
    }
    Ok(copy.root().to_owned())
}

/// Puts the workspace back to the moment before the span; each change is an action of the fork.
async fn restore(parent: &Parent<'_>, log: &RunLog, plan: &ForkPlan) -> Result<(), ForkError> {
    let changes = rollback::changes_back(parent.log, parent.world, &plan.moved).map_err(ForkError::NotRestored)?;
    let _guard = parent.world.lock(&Scope::All, "fork").await;
    let origin = Origin { span: SpanId::RUN, tool_span: SpanId::RUN, tool_name: "restore".to_owned() };
    let done = rollback::perform(log, parent.world, &origin, changes).await;
    done.map(drop).map_err(|error| ForkError::NotRestored(format!("failed to {error}")))
}

/// Records that the span and what followed from it run anew, and by what.
fn prepare(parent: &Parent<'_>, log: &RunLog, plan: &ForkPlan, workspace: &ForkWorkspace) {
    let state = log.with(RunState::clone);
    let set: BTreeSet<SpanId> = plan.retry.reruns.iter().copied().collect();
    let stays: BTreeSet<&Key> = match workspace {
        ForkWorkspace::AsItIs => plan.moved.iter().map(|moved| &moved.key).collect(),
        _ => BTreeSet::new(),
    };
    let is_gone = |action: &Seq| {
        let key = state.ledger.get(*action).map(|entry| &entry.record.key);
        key.is_some_and(|key| !stays.iter().any(|stays| stays.same_place(key)))
    };
    let dropped = rollback::actions_to_drop(&state, &set).into_iter().filter(is_gone);
    let undone =
        |action| TraceBody::ActionEvent(ActionEvent { action, change: ActionChange::Undone { forced: false } });
    let mut events: Vec<TraceBody> = dropped.rev().map(undone).collect();
    let generation = Generation(state.generation.0 + 1);
    let path = state.trace.path(plan.retry.span);
    events.push(TraceBody::Invalidated {
        generation,
        cause: plan.retry.span,
        spans: plan.retry.reruns.clone(),
        paths: plan.retry.reruns.iter().map(|span| state.trace.path(*span)).collect(),
        reopened: plan.retry.reopens.clone(),
        stale: Vec::new(),
    });
    if plan.pipeline != plan.newest {
        let pipeline = log.text(&json(&plan.pipeline));
        let changed = changed_agents(&plan.newest, &plan.pipeline);
        events.push(TraceBody::PipelineChanged { generation, pipeline, changed });
    }
    if let Some(lent) = &plan.lent {
        let reach = EditReach::Agent { name: lent.name.clone() };
        let text = lent.before.as_ref().map(|text| log.text(text));
        events.push(TraceBody::PromptEdited { reach, generation, text });
    }
    if !plan.edits.is_empty() {
        // A resume takes them up.
        let given = Given { generation, path: path.clone(), edits: plan.edits.clone(), prompted: None };
        events.push(given.event(log));
    }
    if let Some((name, text)) = &plan.prompt {
        let reach = EditReach::Agent { name: name.clone() };
        events.push(TraceBody::PromptEdited { reach, generation, text: Some(log.text(text)) });
    }
    let text = format!("forked from run {} at {path}: reused {}", parent.folder.id(), plan.retry.from_journal);
    events.push(TraceBody::Note { span: Some(plan.retry.span), error: false, text });
    // It goes on as a run does whose process died right here.
    events.push(TraceBody::RunStatus { status: RunStatus::Interrupted, text: None });
    log.append(events);
    debug_assert!(
        log.with(|state| state.trace.get(plan.retry.span).map(|found| found.status)) == Some(SpanStatus::Undone)
    );
}
