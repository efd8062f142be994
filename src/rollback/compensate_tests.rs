//! Actions that have a compensation.

use std::sync::Mutex;

use serde_json::json;

use super::fixture::{Fixture, set, write};
use super::{
    Compensate, CompensationCommand, CompensationRun, Origin, compensation_record, plan_retry, predict_not_applied,
    preview, redo, resolve_interrupted_actions, undo, undo_list,
};
use crate::model::{ActionChange, ActionEvent, ActionStatus, Compensation, KeyState, Seq, SpanId, Standing, TraceBody};
use crate::store::RunLog;

/// Notes what it runs, and answers.
struct Runner {
    /// From how many on it runs no more.
    most: usize,
    answer: Result<String, String>,
    ran: Mutex<Vec<Vec<String>>>,
}

impl Runner {
    fn new(answer: Result<&str, &str>) -> Self {
        let answer = answer.map(str::to_owned).map_err(str::to_owned);
        Self { most: usize::MAX, answer, ran: Mutex::default() }
    }

    fn ran(&self) -> Vec<Vec<String>> {
        self.ran.lock().unwrap().clone()
    }
}

impl Compensate for Runner {
    fn compensate<'a>(&'a self, amends: &'a CompensationCommand) -> CompensationRun<'a> {
        self.ran.lock().unwrap().push(amends.argv.clone());
        Box::pin(std::future::ready(self.answer.clone()))
    }

    fn is_stopped(&self) -> bool {
        self.ran.lock().unwrap().len() >= self.most
    }
}

fn start(run: &Fixture, undo: &[&str]) -> Seq {
    let origin = Origin { span: SpanId(1), tool_span: SpanId(2), tool_name: "deploy".into() };
    let undo = undo.iter().map(ToString::to_string).collect();
    let args = json!({"tag": "v2"}).as_object().unwrap().clone();
    let compensation =
        Compensation { before: None, undo, args, network: false, local_sockets: false, timeout_seconds: 9, tool: None };
    run.log.append(vec![TraceBody::Action(
        compensation_record(&origin, "deploy v2", Some("v1".into()), &compensation).unwrap(),
    )])
}

fn deployed(run: &Fixture) -> Seq {
    let action = start(run, &["./deploy", "{before}", "{tag}", "{result.id}"]);
    done(&run.log, action, Ok(r#"{"id": 7}"#.into()));
    action
}

fn status(run: &Fixture, action: Seq) -> ActionStatus {
    run.log.with(|state| state.ledger.get(action).unwrap().status)
}

#[tokio::test]
async fn a_compensation_runs_in_its_turn_and_is_counted_apart() {
    let run = Fixture::new();
    let file = run.act(2, write("a", "1")).await;
    let action = deployed(&run);
    let memory = run.act(2, set("deploy v2", "memory of the same name")).await;
    assert!(run.log.with(|state| state.ledger.blockers(action).is_empty()));
    let by = Runner::new(Ok("rolled back"));
    let order = [memory, action, file];
    assert_eq!(preview(&run.log, &run.world, &order, false).undone, order);
    let report = undo_list(&run.log, &run.world, &by, &order, false).await;
    assert_eq!((report.undone, report.compensated), (vec![memory, action, file], vec![action]));
    assert_eq!((report.read_back.restored, report.read_back.total), (2, 2));
    assert_eq!(by.ran(), [["./deploy", "v1", "v2", "7"]]);
    let events = run.log.recorder().events(Seq(0), 100).unwrap();
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| match &event.body {
            TraceBody::ActionEvent(ActionEvent { action: of, change }) if *of == action => Some(change.name()),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["applied", "undo_started", "compensated", "undone"]);
    run.assert_folds();
    let again = redo(&run.log, &run.world, action).await;
    assert_eq!(again.left[0].why, "its undo command has run; retry the call to run it again");
}

#[tokio::test]
async fn one_that_fails_stays_applied_and_stops_nothing_else() {
    let run = Fixture::new();
    let file = run.act(2, write("a", "1")).await;
    let action = deployed(&run);
    let report = undo_list(&run.log, &run.world, &Runner::new(Err("no route")), &[action, file], false).await;
    assert_eq!((report.undone, report.compensated), (vec![file], vec![]));
    assert_eq!(report.left[0].why, "its undo command failed, so the action stays: no route");
    assert_eq!((status(&run, action), run.text("a")), (ActionStatus::Applied, None));
    assert!(run.log.with(|state| !state.ledger.get(action).unwrap().half_done));
    // A retry leaves it from now on, and says so; asked for by itself, it is tried again.
    assert_eq!(
        run.log.with(|state| state.ledger.get(action).unwrap().check_undoable()),
        Err("its undo command failed".into())
    );
    let report = undo(&run.log, &run.world, &Runner::new(Ok("")), action, false).await;
    assert_eq!((report.undone, status(&run, action)), (vec![action], ActionStatus::Undone));
}

#[tokio::test]
async fn what_was_not_tried_when_the_undo_was_stopped_can_still_be_taken_back() {
    let run = Fixture::new();
    let file = run.act(2, write("a", "1")).await;
    let (older, newer) = (deployed(&run), deployed(&run));
    let actions = [newer, older, file];
    let by = Runner { most: 1, ..Runner::new(Ok("")) };
    let report = undo_list(&run.log, &run.world, &by, &actions, false).await;
    assert_eq!((report.undone, by.ran().len()), (vec![actions[0], file], 1));
    assert_eq!(report.left[0].why, "the undo was stopped before it");
    assert_eq!(run.log.with(|state| state.ledger.get(actions[1]).unwrap().check_undoable()), Ok(()));
}

#[tokio::test]
async fn what_cannot_be_filled_in_is_not_run() {
    let run = Fixture::new();
    let action = start(&run, &["./deploy", "{result.id}"]);
    done(&run.log, action, Ok("not JSON".into()));
    let by = Runner::new(Ok(""));
    assert!(preview(&run.log, &run.world, &[action], false).left[0].why.contains("the result is not JSON"));
    let report = undo(&run.log, &run.world, &by, action, false).await;
    assert!(report.left[0].why.contains("nothing fills {result.id}"), "{:?}", report.left);
    assert!(by.ran().is_empty());
    assert_eq!(status(&run, action), ActionStatus::Applied);
}

#[tokio::test]
async fn a_crash_half_way_through_a_compensation_assumes_nothing() {
    let run = Fixture::new();
    let action = deployed(&run);
    run.log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change: ActionChange::UndoStarted })]);
    assert!(predict_not_applied(&run.log, &run.world).is_empty());
    let lines = resolve_interrupted_actions(&run.log, &run.world).await;
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("its undo command was started, and its outcome is not known"), "{lines:?}");
    assert_eq!(status(&run, action), ActionStatus::Applied);
    assert!(resolve_interrupted_actions(&run.log, &run.world).await.is_empty(), "reported once");
}

#[tokio::test]
async fn a_call_without_an_outcome_is_compensated_only_by_force() {
    let run = Fixture::new();
    let action = start(&run, &["./deploy", "{before}"]);
    assert!(resolve_interrupted_actions(&run.log, &run.world).await[0].contains("its outcome is not known"));
    let by = Runner::new(Ok(""));
    let report = undo(&run.log, &run.world, &by, action, false).await;
    assert!(report.left[0].why.contains("its outcome is not known"), "{:?}", report.left);
    assert!(by.ran().is_empty());
    let report = undo(&run.log, &run.world, &by, action, true).await;
    assert_eq!((report.undone, by.ran()), (vec![action], vec![vec!["./deploy".to_owned(), "v1".into()]]));
}

#[tokio::test]
async fn one_that_never_started_did_nothing() {
    let run = Fixture::new();
    let action = start(&run, &["./deploy", "{before}"]);
    done(&run.log, action, Err("no such program".into()));
    assert_eq!(run.log.with(|state| state.ledger.standing(action)), Standing::NotApplied);
    assert_eq!(undo(&run.log, &run.world, &Runner::new(Ok("")), action, false).await.undone, []);
    assert_eq!(run.memory("deploy v2"), KeyState::Absent);
}

#[tokio::test]
async fn a_plan_leaves_what_cannot_be_taken_back_for_sure() {
    let tree = super::fixture::Tree::new();
    let agent = tree.agent(SpanId::RUN, "a");
    let tool = tree.tool(agent);
    let origin = Origin { span: agent, tool_span: tool, tool_name: "deploy".into() };
    let undo = vec!["./deploy".into()];
    let compensation = Compensation {
        before: None,
        undo,
        args: serde_json::Map::default(),
        network: false,
        local_sockets: false,
        timeout_seconds: 9,
        tool: None,
    };
    let action =
        tree.log.append(vec![TraceBody::Action(compensation_record(&origin, "deploy", None, &compensation).unwrap())]);
    let plan = || tree.log.with(|state| plan_retry(state, agent, true)).unwrap();
    assert_eq!(plan().leaves[0].why, "whether it was done is not known");
    done(&tree.log, action, Ok(String::new()));
    assert_eq!(plan().undoes, [action]);
    let change = ActionChange::Refused { why: "no".into() };
    tree.log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change })]);
    assert_eq!((plan().undoes, plan().leaves[0].why.as_str()), (vec![], "its undo command failed"));
}

fn done(log: &RunLog, action: Seq, result: Result<String, String>) {
    let change = match result {
        Ok(text) => ActionChange::Applied { after: KeyState::Text { text }, kept: false },
        Err(error) => ActionChange::Failed { error },
    };
    log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change })]);
}
