//! A fork against the oracle: a run that is forked at random with a changed outcome comes to what a run with that outcome
//! from the start comes to, and only what the plan says is done again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tama_tui::model::{Command, RetryEdits, RunState, SpanId, SpanKind, SpanStatus, TraceBody};
use tama_tui::runtime::{self, ForkPlan, ForkWorkspace, Parent};
use tama_tui::store::Access;
use tama_tui::world::World;

use super::case::{Case, Change, RAN, Size};
use super::choose::choose;
use super::edit::{Edit, end_edits, note_asked};
use super::edit_choice::choose_edit;
use super::generate::generate;
use super::outcome::Outcome;
use super::play::{differences_without, play_from_start, verify_run};
use super::retry::{change, plan, retry};
use super::rng::Rng;
use super::run::Run;
use super::seeds::{has, new_runtime};
use crate::support::program::set_helper;
use crate::support::say::say;

/// Seeds that are played; `TAMA_TUI_SOAK` says another number.
const SHORT: u64 = 16;
const SIZE: Size = Size { depth: 3, width: 3, steps: 3 };
/// Forks of forks, at most.
const MOST_FORKS: usize = 2;

#[test]
fn a_fork_comes_to_what_a_run_with_its_outcome_from_the_start_comes_to() {
    set_helper();
    let runtime = new_runtime();
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let (first, seeds) = (number("TAMA_TUI_ORACLE_SEED").unwrap_or(1), number("TAMA_TUI_SOAK").unwrap_or(SHORT));
    let mut tally = Tally::default();
    for seed in first..first + seeds {
        let case = generate(seed, SIZE);
        if case.shares || !runtime.block_on(has(case.capture)) {
            continue;
        }
        if let Err(why) = runtime.block_on(play(&case, &mut tally)) {
            panic!("seed {seed}: {why}\n{}\n{}", case.pipeline(&[], true), case.script(&[], true, &[]));
        }
        tally.runs += 1;
    }
    say(&format!("forks: seeds {first}..{}: {tally:?}", first + seeds));
    assert!(tally.runs > 0 || seeds < 2, "no seed was played");
    assert!(seeds < SHORT || (tally.edited > 0 && tally.of_forks > 0), "{tally:?}");
}

/// How much was played.
#[derive(Debug, Default)]
struct Tally {
    runs: usize,
    forks: usize,
    edited: usize,
    of_forks: usize,
    of_retried: usize,
}

async fn play(case: &Case, tally: &mut Tally) -> Result<(), String> {
    let mut rng = Rng::new(case.seed);
    let mut run = Run::start(case, &[], false, false);
    run.until("the end", Run::has_ended).await?;
    let mut changes = Vec::new();
    let mut told = Vec::new();
    let played = play_on(case, &mut run, &mut rng, &mut changes, &mut told, tally).await;
    let why = |why: String| format!("{}: {why}", told.join("; "));
    let ids = played.map_err(why)?;
    note_asked(&run, &mut changes);
    let found = Outcome::of(&run);
    let expected = play_from_start(case, &changes, &run).await.map_err(why)?;
    let differences = differences_without(found, expected, &changes);
    if !differences.is_empty() {
        return Err(why(format!("the fork / from the start:\n  {}", differences.join("\n  "))));
    }
    run.quit().await?;
    ids.iter().try_for_each(|id| verify_run(&run.data, id)).map_err(why)
}

/// Retries the run, or not, and forks it and its fork; returns all of the runs.
async fn play_on(
    case: &Case,
    run: &mut Run,
    rng: &mut Rng,
    changes: &mut Vec<Change>,
    told: &mut Vec<String>,
    tally: &mut Tally,
) -> Result<Vec<String>, String> {
    if rng.chance(40)
        && let Some(retried) = retry(run, case, rng, changes, false).await?
    {
        told.push(format!("retry of {}", run.state.trace.path(retried.plan.span)));
        run.until("the end of the retry", Run::has_ended).await?;
        tally.of_retried += 1;
    }
    let mut ids = vec![run.session.run.0.clone()];
    let forks = if rng.chance(40) { MOST_FORKS } else { 1 };
    for number in 0..forks {
        fork_once(case, run, rng, changes, told, tally).await?;
        tally.of_forks += number;
        ids.push(run.session.run.0.clone());
    }
    Ok(ids)
}

/// Forks a run that has ended, at random and with a change, and follows the fork to its end.
async fn fork_once(
    case: &Case,
    run: &mut Run,
    rng: &mut Rng,
    changes: &mut Vec<Change>,
    told: &mut Vec<String>,
    tally: &mut Tally,
) -> Result<(), String> {
    let span = choose(rng, &run.state, None, false);
    let shown = plan(run, span).await?;
    let number = changes.len() + 1;
    let has_edit = changes.iter().any(|change| change.edit().is_some());
    let change = if !has_edit && rng.chance(60) {
        Some(Change::Edit(choose_edit(rng, case, run, &shown, number)))
    } else {
        match change(rng, case, run, &shown, number) {
            // A fork's own prompt is of the span's agent; any other stands in its file.
            Some(Change::PromptEdit(name)) => Some(Change::PromptFile(name)),
            change => change,
        }
    };
    let described = change.as_ref().map(Change::describe);
    told.push(format!("fork at {}, {described:?}", run.state.trace.path(span)));
    let earlier = changes.len();
    changes.extend(change);
    case.write_changes(run.folder.path(), changes, true);
    if let Some(copy) = &run.elsewhere {
        let flags = |work: &Path| work.join(RAN).join("flags");
        fs::copy(flags(&run.folder.path().join("work")), flags(copy)).map_err(|error| error.to_string())?;
    }
    let before = run.state.clone();
    run.quit().await?;
    let edits = changes[earlier..].iter().find_map(Change::edit).map(Edit::for_retry).unwrap_or_default();
    tally.edited += usize::from(!edits.is_empty());
    tally.forks += 1;
    let is_copy = rng.chance(40);
    let plan = fork(run, span, &before, edits, is_copy).await?;
    let set: BTreeSet<String> = plan.retry.reruns.iter().map(|span| before.trace.path(*span)).collect();
    check_done(run, &before, &set)?;
    end_edits(changes, &set, earlier, run.state.generation);
    changes.iter().filter_map(Change::edit).try_for_each(|edit| edit.check(run))
}

/// Forks the closed run, and follows the fork to its end.
async fn fork(
    run: &mut Run,
    span: SpanId,
    before: &RunState,
    edits: RetryEdits,
    is_copy: bool,
) -> Result<ForkPlan, String> {
    let folder = run.session.folder.clone().ok_or("it has no folder")?;
    let opened = folder.open(Box::new(|_| {}), Access::ReadOnly).map_err(|error| error.to_string())?;
    let world = World::open(&run.work(), Some(run.data.path())).map_err(|error| error.to_string())?;
    let source = run.folder.path().join("pipeline.toml");
    let parent =
        Parent { folder: &folder, log: &opened.log, events: &opened.events, world: &world, source: Some(&source) };
    let plan = runtime::plan_fork(&parent, span, &edits).map_err(|why| why.to_string())?;
    let copy = run.folder.path().join(format!("copy-{}", before.last));
    let place = if is_copy { ForkWorkspace::Copy(copy.clone()) } else { ForkWorkspace::Restore };
    let forked = runtime::fork(&run.data, &parent, &plan, &place).await.map_err(|why| why.to_string())?;
    drop((opened, world));
    run.elsewhere = if is_copy { Some(copy) } else { run.elsewhere.take() };
    run.open(forked).await?;
    run.send(Command::PlanResume);
    run.until("the plan of the resume", |run| run.resume.is_some() || !run.refused.is_empty()).await?;
    let resume = run.resume.take().ok_or_else(|| run.refused.join("; "))?;
    if !resume.questions.is_empty() {
        return Err(format!("a fork asks: {:?}", resume.questions));
    }
    run.send(Command::Resume { plan: Box::new(resume), decisions: Vec::new() });
    let cut = before.last;
    run.until("the end of the fork", |run| {
        let began = run.events.iter().any(|event| event.seq > cut && matches!(event.body, TraceBody::Note { .. }));
        (began && run.has_ended() && run.state.status.name() != "interrupted") || !run.refused.is_empty()
    })
    .await?;
    if run.refused.is_empty() { Ok(plan) } else { Err(run.refused.join("; ")) }
}

/// Only calls of the set are made in the fork, and calls that the parent never made.
fn check_done(run: &Run, before: &RunState, set: &BTreeSet<String>) -> Result<(), String> {
    for event in run.events.iter().filter(|event| event.seq > before.last) {
        if let TraceBody::SpanStarted(start) = &event.body {
            let is_call = start.spec.kind() != SpanKind::Agent;
            let stands = before.trace.find(&start.path).and_then(|span| before.trace.get(span));
            let stands = stands.is_some_and(|found| found.status != SpanStatus::Undone);
            if is_call && stands && !set.contains(&start.path) {
                return Err(format!("{} is made again, and the plan reuses it", start.path));
            }
        }
    }
    Ok(())
}
