//! Plays a case: a run, a retry of it, live or from disk, and the same run with the change from its start.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use tama_tui::model::{Command, SpanId, SpanStatus, TraceBody};
use tama_tui::runtime;
use tama_tui::store::{Access, DataDir};

use super::case::{Case, Change};
use super::edit::{Edit, note_asked};
use super::order;
use super::outcome::{Outcome, files, memory};
use super::retry::{Retried, retry};
use super::rng::Rng;
use super::run::Run;
use crate::support::manifest::{Manifest, differences};

/// How a case is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Live,
    FromDisk,
}

/// How many retries there were, and of what kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub retries: usize,
    /// While the run went on.
    pub live: usize,
    /// With concurrent spans that had read what was undone.
    pub with_readers: usize,
    /// With an edit.
    pub edited: usize,
    /// Refused for a later change that stays.
    pub refused: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.retries += other.retries;
        self.live += other.live;
        self.with_readers += other.with_readers;
        self.edited += other.edited;
        self.refused += other.refused;
    }
}

/// The number of retries of one run, at most.
const MOST_TURNS: usize = 2;

/// Plays a case in one way. `is_edited`: one of its retries has an edit.
pub async fn play(case: &Case, way: Way, is_edited: bool) -> Result<Tally, String> {
    let mut rng = Rng::new(case.seed.wrapping_mul(2).wrapping_add(u64::from(way == Way::Live)));
    let mut run = Run::start(case, &[], true, case.shares);
    let start = files(&run);
    let mut changes = Vec::new();
    let mut tally = Tally::default();
    let turns = if rng.chance(30) { MOST_TURNS } else { 1 };
    let edited = is_edited.then(|| rng.below(turns));
    let turns = Turns { way, count: turns, edited };
    let played = play_on(&mut run, case, turns, &mut rng, &mut changes, &mut tally).await;
    let told = describe(&run, &changes);
    if !played.map_err(|why| format!("{why}\n{told}"))? {
        run.quit().await?;
        verify(&run)?;
        return Ok(tally);
    }
    note_asked(&run, &mut changes);
    let expected = play_from_start(case, &changes, &run).await.map_err(|why| format!("{why}\n{told}"))?;
    let differences = differences_without(Outcome::of(&run), expected, &changes);
    if !differences.is_empty() {
        return Err(format!("after the retry / from the start:\n  {}\n{told}", differences.join("\n  ")));
    }
    end(run, &start).await.map_err(|why| format!("{why}\n{told}"))?;
    Ok(tally)
}

/// The differences of a run to one that had its changes from the start.
pub fn differences_without(found: Outcome, expected: Outcome, changes: &[Change]) -> Vec<String> {
    let edits = || changes.iter().filter_map(Change::edit);
    let found = edits().fold(found, Outcome::without);
    found.differences(&edits().fold(expected, Outcome::without))
}

/// The retries of a run.
#[derive(Clone, Copy)]
struct Turns {
    way: Way,
    count: usize,
    /// The retry that has an edit.
    edited: Option<usize>,
}

/// Runs to a moment, retries, and goes on to the end; some runs a second time. Returns false when it
/// refused one, and can't come to its end without.
async fn play_on(
    run: &mut Run,
    case: &Case,
    Turns { way, count, edited }: Turns,
    rng: &mut Rng,
    changes: &mut Vec<Change>,
    tally: &mut Tally,
) -> Result<bool, String> {
    for turn in 0..count {
        if changes.iter().any(|change| change.edit().is_some_and(Edit::is_only_for_one)) {
            break;
        }
        let early = rng.chance(if case.shares { 40 } else { 60 });
        if turn == 0 {
            let moment = if early { rng.below(12) } else { usize::MAX };
            go_on(run, case, rng, moment, true).await?;
        }
        if way == Way::FromDisk && (turn == 0 || early) {
            run.reopen().await?;
        }
        if let Some(retried) = retry(run, case, rng, changes, edited == Some(turn)).await? {
            tally.retries += 1;
            tally.edited += usize::from(edited == Some(turn));
            tally.live += usize::from(!retried.at_end);
            tally.with_readers += usize::from(!retried.plan.readers.is_empty());
            restarted(run, &retried).await?;
            go_on(run, case, rng, usize::MAX, false).await?;
            retried.check_calls(run)?;
            changes.iter().filter_map(Change::edit).try_for_each(|edit| edit.check(run))?;
        } else if run.state.status.name() == "cancelled" || run.held(case).is_some() {
            tally.refused += 1;
            return Ok(false);
        } else {
            tally.refused += 1;
            go_on(run, case, rng, usize::MAX, false).await?;
        }
    }
    check_commands(run)?;
    Ok(true)
}

/// Goes on until so many calls have ended, or the run has; or (`holds`) the held call is under way.
async fn go_on(run: &mut Run, case: &Case, rng: &mut Rng, moment: usize, holds: bool) -> Result<(), String> {
    run.until("a first agent", |run| run.has_ended() || run.state.trace.len() > 1).await?;
    if !case.shares {
        // The held call may begin at any time, and the retry must end it.
        let waits = holds && case.held.is_some();
        let is_moment = |run: &Run| if waits { run.held(case).is_some() } else { run.ended_calls() >= moment };
        let come = |run: &Run| run.has_ended() || is_moment(run);
        return run.until("the moment of the retry", come).await;
    }
    loop {
        run.until_quiet(case).await?;
        let stopped = run.stopped_tools();
        let now = run.ended_calls() >= moment || (holds && run.held(case).is_some());
        if run.has_ended() || now || stopped.is_empty() {
            return Ok(());
        }
        run.let_go(case, rng.pick(&stopped).1).await?;
    }
}

/// Waits until the retried span runs again.
async fn restarted(run: &mut Run, retried: &Retried) -> Result<(), String> {
    let path = run.state.trace.path(retried.plan.span);
    run.until(&format!("{path} runs again"), |run| {
        let newest = run.state.trace.find(&path).and_then(|span| run.state.trace.get(span));
        run.has_ended() || newest.is_some_and(|found| found.status != SpanStatus::Undone)
    })
    .await
}

/// Runs a case with its changes from the start. Where branches share keys, the tools do their work in the order in
/// which those of the other run did.
pub async fn play_from_start(case: &Case, changes: &[Change], like: &Run) -> Result<Outcome, String> {
    let mut run = Run::start(case, changes, false, case.shares);
    if case.shares {
        for path in order::of_tools(&like.events) {
            run.until_quiet(case).await?;
            let stopped = run.stopped_tools();
            let Some((_, span)) = stopped.iter().find(|(at, _)| *at == path) else {
                let others: Vec<&String> = stopped.iter().map(|(at, _)| at).collect();
                return Err(format!("from the start, {path} does not come now; these do: {others:?}"));
            };
            run.let_go(case, *span).await?;
        }
        run.until_quiet(case).await?;
        if !run.has_ended() {
            return Err(format!("from the start, there are more tools: {:?}", run.stopped_tools()));
        }
    } else {
        run.until("the end", Run::has_ended).await?;
    }
    let outcome = Outcome::of(&run);
    if case.shares {
        run.quit().await?;
    }
    Ok(outcome)
}

/// Undoes all, and closes: the workspace is as at the start, and the run verifies.
async fn end(mut run: Run, start: &Manifest) -> Result<(), String> {
    run.report = None;
    run.refused.clear();
    run.send(Command::UndoSpan { span: SpanId::RUN, deep: true, skip: Vec::new() });
    run.until("the undo of everything", |run| run.report.is_some() || !run.refused.is_empty()).await?;
    if let Some(report) = &run.report {
        let inside = |seq| {
            let state = &run.state;
            let key = state.ledger.get(seq).map(|entry| entry.record.key.name.clone()).unwrap_or_default();
            key.starts_with(super::case::RAN)
        };
        let left: Vec<_> = report.left.iter().filter(|left| !inside(left.action)).collect();
        if report.conflict.is_some() || !left.is_empty() || !report.read_back.differs.is_empty() {
            return Err(format!("undo of everything: {report:?}"));
        }
    } else if !run.refused.iter().all(|why| why.contains("nothing to undo")) {
        return Err(format!("undo of everything: {:?}", run.refused));
    }
    let (now, memory) = (files(&run), memory(&run));
    let differing = differences(&now, start);
    if !differing.is_empty() || !memory.is_empty() {
        return Err(format!("after the undo of everything: {differing:?}, memory {memory:?}"));
    }
    run.quit().await?;
    verify(&run)
}

/// The closed run does the same when it is executed from its record.
pub fn verify(run: &Run) -> Result<(), String> {
    verify_run(&run.data, &run.session.run.0)
}

/// A closed run does the same when it is executed from its record.
pub fn verify_run(data: &DataDir, id: &str) -> Result<(), String> {
    let opened = data.find(id).and_then(|folder| folder.open(Box::new(|_| {}), Access::ReadOnly));
    let opened = opened.map_err(|error| error.to_string())?;
    let found = runtime::verify(&opened.log, &opened.events, None).map_err(|error| error.to_string())?;
    found.divergence.map_or(Ok(()), |divergence| Err(format!("{id} does not verify: {divergence:?}")))
}

/// A command that came to its end ran once, and none ran that was not started.
fn check_commands(run: &Run) -> Result<(), String> {
    let count = |numbers: Vec<usize>| {
        let mut counted: BTreeMap<usize, usize> = BTreeMap::new();
        for number in numbers {
            *counted.entry(number).or_default() += 1;
        }
        counted
    };
    let started = run.commands_started();
    let own = |span: SpanId| {
        run.events.iter().any(|event| match &event.body {
            TraceBody::SpanEnded(end) => end.span == span && end.is_own() && end.status == SpanStatus::Ok,
            _ => false,
        })
    };
    let least = count(started.iter().filter(|(_, span)| own(*span)).map(|(number, _)| *number).collect());
    let most = count(started.iter().map(|(number, _)| *number).collect());
    let ran = count(run.commands_run());
    let wrong = ran.iter().any(|(number, times)| most.get(number).is_none_or(|most| times > most))
        || least.iter().any(|(number, least)| ran.get(number).is_none_or(|times| times < least));
    if wrong { Err(format!("commands ran {ran:?} times, started {most:?}, ended {least:?}")) } else { Ok(()) }
}

/// The tree and what was changed, for a failure.
fn describe(run: &Run, changes: &[Change]) -> String {
    let trace = &run.state.trace;
    let mut lines: Vec<String> = changes.iter().map(Change::describe).collect();
    lines.extend((0..trace.len()).map(|at| {
        let span = SpanId(u32::try_from(at).unwrap());
        let found = trace.get(span).unwrap();
        let pause = trace.pause(span).map(|pause| format!(" {pause:?}")).unwrap_or_default();
        format!("{span} {}~{} {}{pause}", trace.path(span), found.attempt.0, found.status.name())
    }));
    lines.push(format!("status {}, refused {:?}", run.state.status.name(), run.refused));
    for event in &run.events {
        let shown = match &event.body {
            TraceBody::Action(record) => format!("{} by {}: {:?}", record.key, record.tool_span, record.op),
            TraceBody::ActionEvent(change) => format!("{}: {:?}", change.action, change.change),
            TraceBody::Read { span, key, action } => format!("{span} read {key} of {action:?}"),
            TraceBody::Invalidated { cause, paths, .. } => format!("retry of {cause}: {paths:?}"),
            TraceBody::Note { text, .. } => text.clone(),
            _ => continue,
        };
        lines.push(format!("{} {shown}", event.seq));
    }
    lines.join("\n")
}
