//! The reversal as tables: (state, step) → actions. The five races of a retry are among them.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use super::super::fixture::{NoModel, pipeline};
use super::check::check_holder;
use super::undoing::SOON;
use super::*;
use crate::model::{Generation, Key, RunState, Seq, SpanSpec, SpanStart, TextHash, TraceBody, TraceEvent, Try};
use crate::world::{Scope, World};

/// A plan that reruns spans and undoes actions.
fn plan(reruns: &[u32], undoes: &[u64]) -> RetryPlan {
    RetryPlan {
        span: SpanId(1),
        undoes: undoes.iter().copied().map(Seq).collect(),
        leaves: Vec::new(),
        reruns: reruns.iter().copied().map(SpanId).collect(),
        rerun_names: Vec::new(),
        reopens: Vec::new(),
        readers: Vec::new(),
        from_journal: 0,
        saved_tokens: 0,
        saved_cost: 0,
        calls: 0,
        tokens: 0,
        cost: 0,
        changed: Vec::new(),
        authority: Vec::new(),
        cancels: 0,
        undone_outside: Vec::new(),
        again: Vec::new(),
    }
}

fn ready(plan: RetryPlan) -> Ready {
    Ready {
        plan,
        with_readers: true,
        today: Err(TodayError::NoFile),
        models: Arc::new(NoModel),
        record: None,
        recorded: None,
    }
}

fn paths(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// Calls that were under way, and the tools among them.
fn halted(under_way: &[&str], tools: &[&str]) -> Halted {
    Halted { paths: paths(under_way), waiting: paths(tools).into_iter().collect() }
}

/// Describes the actions.
fn words(actions: &[ReversalAction]) -> Vec<String> {
    let word = |action: &ReversalAction| match action {
        ReversalAction::Halt(_) => "halt".into(),
        ReversalAction::Hold(_) => "hold".into(),
        ReversalAction::Undo(retrying, _) => format!("undo {:?}", retrying.plan.undoes),
        ReversalAction::RunOn(_) => "run on".into(),
        ReversalAction::Resume { halted, requeued } => format!("resume {halted:?} {requeued:?}"),
        ReversalAction::Judge(..) => "judge".into(),
        ReversalAction::ShowPlan(span) => format!("show the plan of {span}"),
        ReversalAction::Send(_) => "send".into(),
        ReversalAction::RefuseRetry(why) => why.to_string(),
        ReversalAction::RefuseUndo(why) => why.to_string(),
    };
    actions.iter().map(word).collect()
}

fn world() -> (World, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (World::open(folder.path(), None).unwrap(), folder)
}

fn held(world: &World, plan: Result<(RetryPlan, bool), RetryRefusal>) -> ReversalStep {
    let guard = world.try_lock(&Scope::All, "retry").unwrap();
    ReversalStep::Held(Some(Box::new(Held { guard, plan })))
}

/// A retry that waits for the locks.
fn holding(plan: RetryPlan, set: Halted, queued: Halted) -> Reversal {
    let mut reversal = Reversal::default();
    let actions = reversal.halt(ready(plan), set, queued);
    let Some(ReversalAction::Hold(retrying)) = actions.into_iter().next() else { panic!("it is not halted") };
    reversal.hold(retrying, tokio::spawn(std::future::pending()));
    reversal
}

fn undoing(retry: Option<Box<Retrying>>) -> Undoing {
    let task = tokio::spawn(std::future::pending());
    Undoing::new(task, CancellationToken::new(), vec![SpanId(1)], retry)
}

/// The snapshot of a run with one agent, `main`.
fn planner() -> Planner {
    let mut state = RunState::default();
    let spec = SpanSpec::Agent { pattern: "oneshot".into(), input: TextHash([0; 16]), prompt: None, prompt_file: None };
    let start = SpanStart {
        span: SpanId(1),
        parent: SpanId::RUN,
        path: "main".into(),
        name: "main".into(),
        visit: 1,
        attempt: Try(1),
        generation: Generation(1),
        fan: None,
        spec,
        step: None,
        attributes: std::collections::BTreeMap::new(),
    };
    let body = TraceBody::SpanStarted(start);
    state.apply(&TraceEvent { seq: Seq(1), at: crate::model::Millis(0), happened: None, body });
    let names = Arc::new(HashMap::from([(SpanId(1), "main".to_owned())]));
    Planner { state, names, edited: Vec::new(), newest: Arc::new(pipeline("speak")), resumes: None }
}

#[test]
fn a_tool_outside_of_the_set_is_found_whichever_call_it_is_and_one_of_the_set_is_no_obstacle() {
    let holder = |span: Option<u32>| Some(Holder { span: span.map(SpanId), name: "#7 tama_bash".into() });
    for (holder, plan, is_refused) in [
        (None, plan(&[1, 2], &[5]), false),
        (holder(Some(7)), plan(&[1, 2], &[5]), true),
        // The retry stops it.
        (holder(Some(7)), plan(&[1, 7], &[5]), false),
        // Nothing is undone, so nobody is in the way.
        (holder(Some(7)), plan(&[1, 2], &[]), false),
        // No call of this run: the locks are waited for.
        (holder(None), plan(&[1, 2], &[5]), false),
    ] {
        assert_eq!(check_holder(&plan, holder.as_ref()).is_err(), is_refused, "{holder:?} {plan:?}");
    }
}

#[test]
fn an_agent_that_is_gone_from_todays_file_is_found_before_anything_is_stopped() {
    let planner = planner();
    let gone = Pipeline::default();
    let refused = planner.check_agents(&plan(&[1], &[5]), Some(&gone)).unwrap_err();
    assert!(matches!(&refused, RetryRefusal::AgentGone { name } if name == "main"), "{refused}");
    assert!(planner.check_agents(&plan(&[1], &[5]), Some(&pipeline("louder"))).is_ok());
    assert!(planner.check_agents(&plan(&[1], &[5]), None).is_ok(), "without a file it runs by the stored one");

    let mut reversal = Reversal::default();
    let actions = reversal.step(ReversalStep::Checked(Some(Err(refused.into()))), "");
    let expected = "failed to retry: main is not in the pipeline's file any more; put it back. Nothing was undone";
    assert_eq!(words(&actions), [expected]);
    assert!(reversal.is_idle());
}

#[tokio::test]
async fn a_command_of_the_set_is_waited_for_and_then_the_locks_are_taken() {
    let mut reversal = Reversal::default();
    let actions = reversal.step(ReversalStep::Checked(Some(Ok(Box::new(ready(plan(&[1], &[5])))))), "");
    assert_eq!(words(&actions), ["halt"]);
    let set = halted(&["lead/a/llm", "lead/a/tama_bash"], &["lead/a/tama_bash"]);
    let queued = halted(&["lead/b/tama_bash"], &["lead/b/tama_bash"]);
    assert!(reversal.halt(ready(plan(&[1], &[5])), set, queued).is_empty());
    assert_eq!(reversal.spans(), [SpanId(1)], "what it will undo can't continue meanwhile");
    assert!(reversal.stopped("lead/c").is_none(), "it was not asked to stop");
    assert_eq!(words(&reversal.stopped("lead/a/tama_bash").unwrap()), Vec::<String>::new());
    assert_eq!(words(&reversal.stopped("lead/b/tama_bash").unwrap()), ["hold"]);
}

#[tokio::test]
async fn a_reader_that_slips_in_shows_the_larger_plan_and_nothing_is_undone() {
    let (world, _folder) = world();
    let set = || halted(&["lead/a/llm"], &[]);
    let mut reversal = holding(plan(&[1], &[5]), set(), halted(&["lead/b/tama_bash"], &[]));
    let grown = held(&world, Ok((plan(&[1, 2], &[5]), true)));
    assert_eq!(
        words(&reversal.step(grown, "")),
        [
            "resume [\"lead/a/llm\"] [\"lead/b/tama_bash\"]",
            "show the plan of s1",
            "failed to retry: more depends on it than the plan showed; look at the new plan",
        ]
    );
    assert!(reversal.is_idle());
    assert!(world.try_lock(&Scope::All, "another").is_some(), "the locks are let go");

    let mut reversal = holding(plan(&[1], &[5]), set(), Halted::default());
    assert_eq!(words(&reversal.step(held(&world, Ok((plan(&[1], &[5, 4]), false))), "")), ["undo [Seq(5), Seq(4)]"]);
    let mut reversal = holding(plan(&[1], &[]), set(), Halted::default());
    assert_eq!(words(&reversal.step(held(&world, Ok((plan(&[1], &[]), false))), "")), ["run on"]);
}

#[test]
fn a_plan_is_larger_by_a_span_a_reader_or_an_action_that_no_stopped_call_made() {
    let planner = planner();
    let shown = plan(&[1], &[5]);
    let larger = |now: &RetryPlan| planner.is_larger(&shown, now, &[SpanId(9)]);
    assert!(!larger(&plan(&[1], &[5])));
    assert!(!larger(&plan(&[1], &[])), "a smaller one is no surprise");
    assert!(larger(&plan(&[1, 2], &[5])));
    assert!(larger(&RetryPlan { readers: vec![SpanId(3)], ..plan(&[1], &[5]) }));
}

#[tokio::test]
async fn a_retry_that_cannot_go_on_throws_nothing_away_outside_of_its_set() {
    // A tool does not stop: it and what is queued behind it keep their tasks, and end by themselves.
    let mut reversal = Reversal::default();
    let set = halted(&["lead/a/llm", "lead/a/tama_bash"], &["lead/a/tama_bash"]);
    let queued = halted(&["lead/b/tama_bash", "lead/c/tama_bash"], &["lead/b/tama_bash"]);
    assert!(reversal.halt(ready(plan(&[1], &[5])), set, queued).is_empty());
    let actions = words(&reversal.step(ReversalStep::HaltTimedOut, ""));
    assert_eq!(actions[0], "resume [\"lead/a/llm\"] [\"lead/c/tama_bash\"]");
    assert!(actions[1].contains("did not stop within 60 s. Nothing ran"), "{actions:?}");
    assert!(reversal.is_idle());

    let stopped = || (halted(&["lead/a/llm"], &[]), halted(&["lead/b/tama_bash"], &[]));
    let all_again = "resume [\"lead/a/llm\"] [\"lead/b/tama_bash\"]";
    let (set, queued) = stopped();
    let mut reversal = holding(plan(&[1], &[5]), set, queued);
    let actions = words(&reversal.step(ReversalStep::Held(None), "#9 tama_bash"));
    assert_eq!(actions[0], all_again);
    assert!(actions[1].contains("#9 tama_bash is using the workspace. Nothing ran"), "{actions:?}");

    // What the undo could not do stops it too.
    let (set, queued) = stopped();
    let mut reversal = holding(plan(&[1], &[5]), set, queued);
    let State::Holding { retrying, .. } = std::mem::take(&mut reversal.state) else { panic!() };
    let conflict = RetryStopped::Conflict { action: Seq(5), key: Key::memory("k").to_string() };
    let actions = words(&Reversal::judged(retrying, Err(conflict)));
    assert_eq!(actions[0], all_again);
    assert!(actions[1].ends_with("Nothing ran"), "{actions:?}");
}

#[tokio::test(start_paused = true)]
async fn every_wait_has_a_bound() {
    async fn waited(reversal: &mut Reversal) -> (Duration, ReversalStep) {
        let began = Instant::now();
        let step = reversal.next().await;
        (began.elapsed(), step)
    }
    let mut reversal = Reversal::default();
    reversal.check(tokio::spawn(std::future::pending()));
    assert!(reversal.is_alone());
    let (took, step) = waited(&mut reversal).await;
    assert!(took == CHECK_BOUND && matches!(step, ReversalStep::CheckTimedOut));
    assert!(words(&reversal.step(step, ""))[0].contains("not checked within 60 s"));

    assert!(reversal.halt(ready(plan(&[1], &[5])), halted(&["t"], &["t"]), Halted::default()).is_empty());
    assert!(!reversal.is_alone(), "the run goes on beside it");
    let (took, step) = waited(&mut reversal).await;
    assert!(took == STOP_BOUND && matches!(step, ReversalStep::HaltTimedOut));

    reversal.undo(undoing(None));
    assert!(reversal.is_alone(), "what was typed ahead finds it done");
    let (took, step) = waited(&mut reversal).await;
    assert!(took == SOON && matches!(step, ReversalStep::UndoLasts));
    assert_eq!(words(&reversal.step(step, "")), Vec::<String>::new());
    assert!(!reversal.is_alone(), "a long one does not hold up the run");

    assert_eq!(reversal.cancel(), Cancelled::Stopping);
    assert!(reversal.is_alone());
    let (took, step) = waited(&mut reversal).await;
    assert!(took == STOP_BOUND && matches!(step, ReversalStep::UndoLasts));
    assert!(words(&reversal.step(step, ""))[0].contains("failed to stop this undo within 60 s"));
    assert!(!reversal.is_idle(), "it goes on");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_drops_what_has_undone_nothing_and_stops_what_has() {
    let mut reversal = Reversal::default();
    assert_eq!(reversal.cancel(), Cancelled::Nothing);
    reversal.check(tokio::spawn(std::future::pending()));
    assert_eq!((reversal.cancel(), reversal.is_idle()), (Cancelled::Dropped, true));
    assert!(reversal.halt(ready(plan(&[1], &[5])), halted(&["t"], &["t"]), Halted::default()).is_empty());
    assert_eq!((reversal.cancel(), reversal.is_idle()), (Cancelled::Dropped, true));
    let mut reversal = holding(plan(&[1], &[5]), Halted::default(), Halted::default());
    let (held, dropped) = tokio::sync::oneshot::channel::<()>();
    let State::Holding { task, .. } = &mut reversal.state else { panic!() };
    *task = tokio::spawn(async move {
        let _held = held;
        std::future::pending().await
    });
    assert_eq!((reversal.cancel(), reversal.is_idle()), (Cancelled::Dropped, true));
    let gone = tokio::time::timeout(SOON, dropped).await;
    assert!(matches!(gone, Ok(Err(_))), "nothing waits for the locks any more");
    reversal.undo(undoing(None));
    assert_eq!((reversal.cancel(), reversal.is_idle()), (Cancelled::Stopping, false));
    assert_eq!(words(&reversal.step(ReversalStep::Undone(None), "")), [UndoRefusal::NotFinished.to_string()]);
    assert!(reversal.is_idle());
}
