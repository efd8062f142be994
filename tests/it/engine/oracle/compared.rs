//! Runs compared: a run with itself, with one that did the same in another order, and with one that wrote one file more.

use serde_json::json;
use tama_tui::model::{RunState, compare_runs};

use super::case::{Answer, Case, Change, Reply, Size, SpotKind};
use super::generate::generate;
use super::rng::Rng;
use super::run::Run;
use super::seeds::{has, new_runtime};
use crate::support::program::set_helper;
use crate::support::say::say;

/// Seeds that are played; `TAMA_TUI_SOAK` says another number.
const SHORT: u64 = 10;
const SIZE: Size = Size { depth: 3, width: 3, steps: 3 };
/// A file that no other call touches.
const PLANTED: &str = "planted.txt";

#[test]
fn runs_that_differ_in_one_write_have_one_difference_in_the_world() {
    set_helper();
    let runtime = new_runtime();
    let seeds = std::env::var("TAMA_TUI_SOAK").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SHORT);
    let mut played = 0;
    // Where keys are shared, another order may leave something else.
    for seed in (1..=2 * seeds).filter(|seed| seed % 2 == 0) {
        let case = generate(seed, SIZE);
        if case.shares || !runtime.block_on(has(case.capture)) {
            continue;
        }
        if let Err(why) = runtime.block_on(play(&case)) {
            panic!("seed {seed}: {why}\n{}\n{}", case.pipeline(&[], true), case.script(&[], true, &[]));
        }
        played += 1;
    }
    say(&format!("compared: {played} seeds"));
}

async fn play(case: &Case) -> Result<(), String> {
    let plain = ran(case, &[]).await?;
    // At most so many calls at once, as the case has it, and in the plain run all.
    let other = ran_as_tested(case).await?;
    let alike = |_, _| false;
    for (left, right) in [(&plain, &plain), (&plain, &other), (&other, &plain)] {
        let found = compare_runs(left, right, alike);
        if !found.is_empty() {
            return Err(format!("the same in another order: {found:?}"));
        }
    }
    let Some(planted) = plant(case, &plain) else { return Ok(()) };
    let more = ran(case, &[Change::Reply(planted)]).await?;
    for (left, right) in [(&plain, &more), (&more, &plain)] {
        let world = compare_runs(left, right, alike).world;
        let names: Vec<&str> = world.iter().map(|difference| difference.key.name.as_str()).collect();
        if names != [PLANTED] {
            return Err(format!("one planted write: {world:?}"));
        }
    }
    Ok(())
}

/// One of the replies that the run got, with one write more.
fn plant(case: &Case, state: &RunState) -> Option<Reply> {
    let is_asked = |reply: &&Reply| {
        let number = if reply.call > 1 { format!("#{}", reply.call) } else { String::new() };
        let path = format!("{}/llm{number}", reply.agent);
        let is_loop = |kind: SpotKind| kind != SpotKind::Oneshot;
        let spot = case.spots.iter().find(|spot| spot.agent == reply.agent && spot.call == reply.call);
        spot.is_some_and(|spot| is_loop(spot.kind)) && state.trace.find(&path).is_some()
    };
    let plain = case.replies.iter().filter(|reply| reply.contains.is_none()).filter(is_asked);
    let calls = plain.filter_map(|reply| match &reply.answer {
        Answer::Calls(calls) if calls.iter().all(|(name, _)| name != "finish") => Some((reply, calls.clone())),
        _ => None,
    });
    let calls: Vec<(&Reply, Vec<_>)> = calls.collect();
    let (reply, mut calls) = calls.get(Rng::new(case.seed).below(calls.len()))?.clone();
    calls.push(("tama_files_write".to_owned(), json!({ "path": PLANTED, "content": "planted\n" })));
    Some(Reply { answer: Answer::Calls(calls), ..reply.clone() })
}

/// The state of a run of a case with its changes from the start.
async fn ran(case: &Case, changes: &[Change]) -> Result<RunState, String> {
    finished(Run::start(case, changes, false, false)).await
}

/// The state of a run as the test has it; nothing is held in it.
async fn ran_as_tested(case: &Case) -> Result<RunState, String> {
    let width = case.max_parallel.unwrap_or(1);
    let narrow = Case { max_parallel: Some(width), held: None, ..generate(case.seed, case.size) };
    finished(Run::start(&narrow, &[], true, false)).await
}

async fn finished(mut run: Run) -> Result<RunState, String> {
    run.until("the end", Run::has_ended).await?;
    let state = run.state.clone();
    run.quit().await?;
    Ok(state)
}
