//! A fork against the oracle: a run that is forked at random with a changed outcome comes to what a run with that outcome
//! from the start comes to, and only what the plan says is done again.

use std::collections::BTreeSet;

use tama_tui::model::{Command, RetryEdits, RunState, SpanKind, TraceBody};
use tama_tui::runtime::{self, ForkWorkspace, Parent};
use tama_tui::store::Access;
use tama_tui::world::World;

use super::case::{Case, Change, Size};
use super::choose::choose;
use super::generate::generate;
use super::outcome::Outcome;
use super::play::{play_from_start, verify};
use super::retry::{change, plan};
use super::rng::Rng;
use super::run::Run;
use super::seeds::{has, new_runtime};
use crate::support::program::set_helper;

/// Seeds that are played; `TAMA_TUI_SOAK` says another number.
const SHORT: u64 = 12;
const SIZE: Size = Size { depth: 3, width: 3, steps: 3 };

#[test]
fn a_fork_comes_to_what_a_run_with_its_outcome_from_the_start_comes_to() {
    set_helper();
    let runtime = new_runtime();
    let seeds = std::env::var("TAMA_TUI_SOAK").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SHORT);
    let mut played = 0;
    for seed in 1..=seeds {
        let case = generate(seed, SIZE);
        if case.shares || !runtime.block_on(has(case.capture)) {
            continue;
        }
        if let Err(why) = runtime.block_on(play(&case)) {
            panic!("seed {seed}: {why}\n{}\n{}", case.pipeline(&[], true), case.script(&[], true));
        }
        played += 1;
    }
    assert!(played > 0 || seeds == 0, "no seed was played");
}

async fn play(case: &Case) -> Result<(), String> {
    let mut rng = Rng::new(case.seed);
    let mut run = Run::start(case, &[], false, false);
    run.until("the end", Run::has_ended).await?;
    let span = choose(&mut rng, &run.state, None, false);
    let shown = plan(&mut run, span).await?;
    let changes: Vec<Change> = match change(&mut rng, case, &run, &shown, 1) {
        // A fork's own prompt is of the span's agent; any other stands in its file.
        Some(Change::PromptEdit(name)) => vec![Change::PromptFile(name)],
        change => change.into_iter().collect(),
    };
    let told = format!(
        "fork at {}, {:?}",
        run.state.trace.path(span),
        changes.iter().map(Change::describe).collect::<Vec<_>>()
    );
    case.write_changes(run.folder.path(), &changes, false);
    let before = run.state.clone();
    run.quit().await?;
    let played = fork(&mut run, span, &before).await;
    played.map_err(|why| format!("{told}: {why}"))?;
    let found = Outcome::of(&run);
    let expected = play_from_start(case, &changes, &run).await.map_err(|why| format!("{told}: {why}"))?;
    let differences = found.differences(&expected);
    if !differences.is_empty() {
        return Err(format!("{told}: the fork / from the start:\n  {}", differences.join("\n  ")));
    }
    run.quit().await?;
    verify(&run).map_err(|why| format!("{told}: {why}"))
}

/// Forks the closed run, and follows the fork to its end.
async fn fork(run: &mut Run, span: tama_tui::model::SpanId, before: &RunState) -> Result<(), String> {
    let folder = run.session.folder.clone().ok_or("it has no folder")?;
    let opened = folder.open(Box::new(|_| {}), Access::ReadOnly).map_err(|error| error.to_string())?;
    let world = World::open(&run.work(), Some(run.data.path())).map_err(|error| error.to_string())?;
    let source = run.folder.path().join("pipeline.toml");
    let parent =
        Parent { folder: &folder, log: &opened.log, events: &opened.events, world: &world, source: Some(&source) };
    let edits = RetryEdits::default();
    let plan = runtime::plan_fork(&parent, span, &edits).map_err(|why| why.to_string())?;
    let forked = runtime::fork(&run.data, &parent, &plan, &ForkWorkspace::Restore).await;
    let forked = forked.map_err(|why| why.to_string())?;
    drop((opened, world));
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
    if !run.refused.is_empty() {
        return Err(run.refused.join("; "));
    }
    let set: BTreeSet<String> = plan.retry.reruns.iter().map(|span| before.trace.path(*span)).collect();
    check_done(run, before, &set)
}

/// Only calls of the set are made in the fork, and calls that the parent never made.
fn check_done(run: &Run, before: &RunState, set: &BTreeSet<String>) -> Result<(), String> {
    for event in run.events.iter().filter(|event| event.seq > before.last) {
        if let TraceBody::SpanStarted(start) = &event.body {
            let is_call = start.spec.kind() != SpanKind::Agent;
            if is_call && before.trace.find(&start.path).is_some() && !set.contains(&start.path) {
                return Err(format!("{} is made again, and the plan reuses it", start.path));
            }
        }
    }
    Ok(())
}
