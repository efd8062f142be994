//! A retry as the dispatcher carries it out: what it stops, waits for, and lets go on.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::calls::{Caller, Job, PendingCall};
use super::exec::{Done, ToolRun, fault};
use super::fixture::NoModel;
use super::permits::{HeldPermit, Permits};
use super::reversal::{HOLD_BOUND, Ready, Retrying, ReversalAction};
use super::scene::{BESIDE, Scene, TOOL};
use super::turn::Turn;
use crate::effects::tools::ToolError;
use crate::model::{ActionStatus, Command, Gate, RetryPlan, SpanId, SpanStatus, ToolCall, TraceBody, Update, WaitFor};
use crate::rollback::Origin;
use crate::runtime::ask::{SpanPosition, Work};
use crate::runtime::journal::NO_REQUEST;
use crate::runtime::refusal::TodayError;
use crate::world::{Guard, Scope};

impl Scene {
    fn lock(&self) -> Option<Guard> {
        self.bench.dispatcher.services.world.try_lock(&Scope::All, "s5 tool")
    }

    fn hold(&mut self) {
        let plan = self.plan(TOOL);
        let (models, today) = (Arc::new(NoModel), Err(TodayError::NoFile));
        let (halted, requeued) = (Vec::new(), Vec::new());
        let retrying = Retrying { plan, with_readers: true, halted, requeued, today, models, recorded: None };
        self.bench.dispatcher.carry_out_reversal(vec![ReversalAction::Hold(Box::new(retrying))]);
    }

    /// Takes the next step of the retry.
    async fn step(&mut self) {
        let step = self.bench.dispatcher.reversal.next().await;
        self.bench.dispatcher.step_reversal(step);
    }

    /// True while the key that the first tool set is as it left it.
    fn is_set(&self) -> bool {
        self.log().with(|state| state.ledger.get(self.set).is_some_and(|entry| entry.status == ActionStatus::Applied))
    }

    /// Adds a tool call with a task that ends when it is told; `waits`: for the workspace.
    fn add_tool(&mut self, span: SpanId, waits: bool) -> CancellationToken {
        self.add_tool_at(span, waits, Turn::default())
    }

    fn add_tool_at(&mut self, span: SpanId, waits: bool, turn: Turn) -> CancellationToken {
        let (path, stop) = (self.path(span), CancellationToken::new());
        let parent = path.rsplit_once('/').unwrap().0.to_owned();
        let position = SpanPosition { path: path.clone(), parent, name: "tool".into(), visit: 1, fan: None };
        let work = Work::Tool { call: ToolCall { name: "tool".into(), args: serde_json::Value::Null }, refusal: None };
        let caller = Caller::Outcome(oneshot::channel().0);
        let calls = &mut self.bench.dispatcher.calls;
        calls.insert(PendingCall::of(work, (span, SpanId(span.0 - 1)), position, caller, NO_REQUEST));
        let handle = tokio::spawn(std::future::pending());
        calls.start(&path, Job { handle, stop: Some(stop.clone()), turn, permit: None, so_far: None });
        if waits {
            self.log().append(vec![TraceBody::SpanWaiting { span, on: Some("s3 tool".into()), why: WaitFor::Lock }]);
        }
        stop
    }

    fn path(&self, span: SpanId) -> String {
        self.log().with(|state| state.trace.path(span))
    }

    fn halt(&mut self, plan: RetryPlan) {
        let today = Err(TodayError::NoFile);
        let ready = Ready { plan, with_readers: true, today, models: Arc::new(NoModel), record: None, recorded: None };
        self.bench.dispatcher.carry_out_reversal(vec![ReversalAction::Halt(Box::new(ready))]);
    }

    /// Ends the task of a call that was asked to stop.
    fn end_task(&mut self, span: SpanId) {
        let path = self.path(span);
        self.bench.dispatcher.task_ended(&path, span, stopped());
    }

    fn has_task(&self, span: SpanId) -> bool {
        self.bench.dispatcher.calls.get(&self.path(span)).is_some_and(PendingCall::has_task)
    }

    /// Quits; returns everything that was refused.
    async fn refused(self) -> Vec<String> {
        let updates = self.bench.engine.run_to_end(self.bench.dispatcher, vec![Command::Quit]).await;
        let refused = updates.into_iter().filter_map(|update| match update {
            Update::Refused(why) => Some(why),
            _ => None,
        });
        refused.collect()
    }
}

fn stopped() -> Done {
    fault(&ToolError("stopped before it began".into()))
}

#[tokio::test(start_paused = true)]
async fn the_locks_are_waited_for_within_a_bound() {
    let mut scene = Scene::new();
    let lock = scene.lock().unwrap();
    let began = Instant::now();
    scene.hold();
    scene.step().await;
    assert_eq!(began.elapsed(), HOLD_BOUND);
    assert!(scene.bench.dispatcher.reversal.is_idle() && scene.is_set());
    drop(lock);
    assert!(scene.lock().is_some(), "nothing waits for them any more");
    let why = "failed to retry: s5 tool is using the workspace. Nothing ran and nothing was undone";
    assert_eq!(scene.refused().await, [why]);
}

#[tokio::test(start_paused = true)]
async fn somebody_who_reads_until_the_locks_are_taken_is_seen_and_nothing_is_undone() {
    let mut scene = Scene::new();
    let lock = scene.lock().unwrap();
    scene.hold();
    tokio::task::yield_now().await;
    scene.read(BESIDE);
    drop(lock);
    scene.step().await;
    assert!(scene.bench.dispatcher.reversal.is_idle() && scene.is_set());
    assert!(scene.lock().is_some(), "the locks are let go");
    assert_eq!(
        scene.refused().await,
        ["failed to retry: more depends on it than the plan showed; look at the new plan"]
    );
}

#[tokio::test(start_paused = true)]
async fn with_the_locks_the_actions_are_undone_and_the_set_runs_on() {
    let mut scene = Scene::new();
    scene.hold();
    scene.step().await;
    assert!(!scene.bench.dispatcher.reversal.is_idle(), "they are being undone");
    assert!(scene.lock().is_none(), "under the locks");
    scene.step().await;
    assert!(scene.bench.dispatcher.reversal.is_idle() && !scene.is_set());
    assert_eq!(scene.log().with(|state| state.generation.0), 2);
    assert!(scene.lock().is_some());
    assert_eq!(scene.refused().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_set_stops_with_what_waits_for_the_workspace_which_runs_afterwards() {
    let mut scene = Scene::new();
    let (set, queued) = (scene.add_tool(TOOL, false), scene.add_tool(BESIDE, true));
    scene.halt(scene.plan(TOOL));
    assert!(set.is_cancelled() && queued.is_cancelled());
    scene.end_task(BESIDE);
    scene.end_task(TOOL);
    assert!(!scene.has_task(BESIDE), "it waits for the retry");
    scene.step().await;
    scene.step().await;
    assert!(scene.bench.dispatcher.reversal.is_idle() && !scene.is_set());
    assert!(scene.has_task(BESIDE), "it waits for the workspace again");
    assert!(scene.bench.dispatcher.calls.get("main/a/tool").is_none(), "the set starts anew");
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_grew_gives_the_workspace_back_to_what_waited_for_it() {
    let mut scene = Scene::new();
    scene.add_tool(TOOL, false);
    scene.add_tool(BESIDE, true);
    scene.halt(scene.plan(TOOL));
    scene.read(BESIDE);
    scene.end_task(TOOL);
    scene.end_task(BESIDE);
    scene.step().await;
    assert!(scene.bench.dispatcher.reversal.is_idle() && scene.is_set());
    assert!(scene.has_task(BESIDE), "it waits for the workspace again");
    let pause = scene.log().with(|state| state.trace.pause(TOOL).map(|(gate, _)| *gate));
    assert_eq!(pause, Some(Gate::Error), "a stopped call of the set has failed");
    assert!(!scene.bench.dispatcher.calls.get("main/a/tool").unwrap().has_task());
}

#[tokio::test(start_paused = true)]
async fn a_tool_outside_of_the_set_that_works_is_not_stopped_nor_one_that_waits_where_nothing_is_undone() {
    let mut scene = Scene::new();
    let (set, beside) = (scene.add_tool(TOOL, false), scene.add_tool(BESIDE, false));
    scene.halt(scene.plan(TOOL));
    assert!(set.is_cancelled() && !beside.is_cancelled());

    let mut scene = Scene::new();
    let (set, beside) = (scene.add_tool(TOOL, false), scene.add_tool(BESIDE, true));
    scene.halt(RetryPlan { undoes: Vec::new(), ..scene.plan(TOOL) });
    assert!(set.is_cancelled() && !beside.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_got_the_workspace_at_that_moment_is_not_run_twice() {
    let mut scene = Scene::new();
    scene.add_tool(TOOL, false);
    let turn = Turn::default();
    // The log does not know yet.
    let beside = scene.add_tool_at(BESIDE, true, turn.clone());
    assert!(turn.begin());
    scene.halt(scene.plan(TOOL));
    assert!(!beside.is_cancelled(), "it has begun");
    let path = scene.path(BESIDE);
    let done = Done::Tool { text: "done".into(), fault: false, cause: None };
    scene.bench.dispatcher.task_ended(&path, BESIDE, done);
    let is_ok = scene.log().with(|state| state.trace.get(BESIDE).is_some_and(|found| found.status == SpanStatus::Ok));
    assert!(is_ok, "its outcome counts");
    scene.end_task(TOOL);
    scene.step().await;
    scene.step().await;
    assert!(scene.bench.dispatcher.reversal.is_idle() && !scene.is_set());
    assert!(!scene.has_task(BESIDE));
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_waits_again_is_started_when_the_retry_gave_up_before_its_end_came() {
    let mut scene = Scene::new();
    scene.add_tool(TOOL, false);
    scene.add_tool(BESIDE, true);
    scene.halt(scene.plan(TOOL));
    scene.step().await;
    assert!(scene.bench.dispatcher.reversal.is_idle() && scene.is_set(), "the tools did not stop in time");
    scene.end_task(BESIDE);
    assert!(scene.has_task(BESIDE), "it is started again");
    let has_ended = |span| scene.log().with(|state| state.trace.get(span).is_some_and(|found| found.ended.is_some()));
    assert!(!has_ended(BESIDE) && !has_ended(TOOL));
    scene.end_task(TOOL);
    let has_ended = |span| scene.log().with(|state| state.trace.get(span).is_some_and(|found| found.ended.is_some()));
    assert!(has_ended(TOOL), "its end comes as if nothing had been asked");
}

#[tokio::test]
async fn a_tool_that_was_withdrawn_changes_nothing_when_it_gets_its_lock() {
    let scene = Scene::new();
    let lock = scene.lock().unwrap();
    let (services, turn) = (scene.bench.dispatcher.services.clone(), Turn::default());
    let permits = Permits::new(1);
    let permit = permits.try_take().unwrap();
    let run = ToolRun {
        own_files: Vec::new(),
        open: None,
        log: scene.log().clone(),
        tools: services.tools.clone(),
        services,
        inbox: scene.bench.dispatcher.inbox.clone(),
        path: "main/b/tool".into(),
        stop: CancellationToken::new(),
        turn: turn.clone(),
        origin: Origin { span: SpanId(4), tool_span: BESIDE, tool_name: "tama_mem_set".into() },
        call: ToolCall { name: "tama_mem_set".into(), args: serde_json::json!({ "key": "l", "value": "x" }) },
        permit: Arc::new(HeldPermit::new(permits, permit, scene.log().clone(), BESIDE)),
    };
    let mut run = Box::pin(run.run());
    assert!(futures::poll!(&mut run).is_pending(), "it waits");
    assert!(turn.withdraw());
    drop(lock);
    assert_eq!(run.await, stopped());
    assert_eq!(scene.log().with(|state| state.ledger.all_memory().len()), 1);
    assert!(scene.lock().is_some(), "it let its lock go");
}
