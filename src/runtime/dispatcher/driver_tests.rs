//! The waits of the driver: each has a bound, and a cancel and a quit are heard in all of them. The clock is paused.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::calls::{Caller, Job, PendingCall};
use super::fixture::Bench;
use super::reversal::Undoing;
use super::stopping::QUIT_BOUND;
use super::turn::Turn;
use crate::model::{Command, DiffSides, RunState, RunStatus, Seq, SpanId, ToolCall, Update};
use crate::runtime::ask::{SpanPosition, Work};
use crate::runtime::engine::Mode;
use crate::runtime::journal::NO_REQUEST;
use crate::store::RunLog;

fn bench() -> Bench {
    Bench::new(Mode::Debug { step: false, breakpoints: Vec::new() })
}

/// Adds a tool call that never stops.
fn add_stubborn_tool(bench: &mut Bench) {
    let position =
        SpanPosition { path: "main/tool".into(), parent: "main".into(), name: "tool".into(), visit: 1, fan: None };
    let call = ToolCall { name: "tool".into(), args: serde_json::Value::Null };
    let (reply, _) = tokio::sync::oneshot::channel();
    let spans = (SpanId(2), SpanId(1));
    let work = Work::Tool { call, refusal: None };
    let calls = &mut bench.dispatcher.calls;
    calls.insert(PendingCall::of(work, spans, position, Caller::Outcome(reply), NO_REQUEST));
    let handle = tokio::spawn(std::future::pending());
    let (stop, turn) = (Some(CancellationToken::new()), Turn::default());
    calls.start("main/tool", Job { handle, stop, turn, permit: None, so_far: None });
}

fn add_endless_undo(bench: &mut Bench) {
    let task = tokio::spawn(std::future::pending());
    let undoing = Undoing::new(task, CancellationToken::new(), vec![SpanId(1)], None);
    bench.dispatcher.reversal.undo(undoing);
}

/// Runs to the end; returns how long that took, the run's status, and what was refused.
async fn run(bench: Bench, commands: Vec<Command>) -> (Duration, RunStatus, Vec<String>) {
    let log: RunLog = bench.dispatcher.log.clone();
    let began = Instant::now();
    let updates = bench.engine.run_to_end(bench.dispatcher, commands).await;
    let refused = updates.into_iter().filter_map(|update| match update {
        Update::Refused(why) => Some(why),
        _ => None,
    });
    (began.elapsed(), log.with(|state: &RunState| state.status), refused.collect())
}

/// A question that is refused as soon as it is taken.
fn question() -> Command {
    Command::Diff { action: Seq(99), sides: DiffSides::Action }
}

const REFUSED: &str = "there is no action #99";

#[tokio::test(start_paused = true)]
async fn a_quit_waits_for_a_tool_within_a_bound() {
    let mut bench = bench();
    add_stubborn_tool(&mut bench);
    let (took, status, _) = run(bench, vec![Command::Quit]).await;
    assert_eq!((took, status), (QUIT_BOUND, RunStatus::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn a_quit_is_heard_while_a_cancel_waits() {
    let mut bench = bench();
    add_stubborn_tool(&mut bench);
    let (took, status, refused) = run(bench, vec![Command::Cancel, question(), Command::Quit, Command::Quit]).await;
    assert_eq!((took, status), (QUIT_BOUND, RunStatus::Cancelled), "they wait once, and together");
    assert_eq!(refused, Vec::<String>::new(), "the session ended before the question was taken");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_heard_before_what_waits_for_the_check_of_a_retry() {
    let mut bench = bench();
    bench.dispatcher.reversal.check(tokio::spawn(std::future::pending()));
    let (took, status, refused) = run(bench, vec![question(), Command::Cancel, Command::Cancel, Command::Quit]).await;
    assert_eq!((took, status), (Duration::ZERO, RunStatus::Cancelled));
    let cancelled = "the retry was cancelled. Nothing ran and nothing was undone";
    let nothing = "the run has ended; there is nothing to cancel";
    assert_eq!(refused, [cancelled, REFUSED, nothing], "the rest keeps its order");
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_does_not_stop_is_given_up_by_a_cancel_and_left_by_a_quit() {
    let mut bench = bench();
    add_endless_undo(&mut bench);
    let (took, status, refused) = run(bench, vec![Command::Cancel, question(), Command::Quit]).await;
    assert_eq!((took, status), (QUIT_BOUND, RunStatus::Cancelled));
    assert!(refused[0].starts_with("failed to stop this undo within 60 s"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_typed_ahead_waits_for_an_undo_only_so_long() {
    let mut bench = bench();
    add_endless_undo(&mut bench);
    let log = bench.dispatcher.log.clone();
    let inbox = bench.dispatcher.inbox.clone();
    let running = tokio::spawn(run(bench, vec![question()]));
    tokio::time::sleep(Duration::from_millis(101)).await;
    assert_eq!(log.with(|state| state.status), RunStatus::Running);
    assert!(inbox.send(super::Incoming::Command(Command::Quit)).is_ok());
    let (_, _, refused) = running.await.unwrap();
    assert_eq!(refused[0], REFUSED);
}
