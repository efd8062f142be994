//! The series as a table: facts in, actions out.

use std::sync::Arc;

use super::facts::{Began, Facts};
use super::judge::Judged;
use super::prepare::Prepared;
use super::series::{Choices, ChoicesAction, ChoicesStep};
use super::standing::Standing;
use crate::model::{
    Generation, Millis, RetryPlan, RunStatus, Seq, SpanId, TriesReport, TriesStep, TrySettings, TryVerdict, Update,
};
use crate::pipeline::Pipeline;
use crate::runtime::refusal::TriesRefusal;

fn standing(span: u32, actions: &[u64]) -> Standing {
    let actions = actions.iter().copied().map(Seq).collect();
    Standing { span: SpanId(span), spans: vec![SpanId(span)], actions, ends: Vec::new(), status: (RunStatus::Ok, None) }
}

fn facts(span: u32, status: RunStatus) -> Facts {
    Facts {
        span: Some(SpanId(span)),
        spans: vec![SpanId(span)],
        actions: vec![Seq(u64::from(span) * 10)],
        stays: None,
        not_keepable: None,
        limit: None,
        status,
        failure: (status == RunStatus::Failed).then(|| "HTTP 529".to_owned()),
        span_failed: false,
        finish: None,
        tokens: 7,
        cost: 0,
        ms: 1,
        changes: Vec::new(),
    }
}

fn judged(span: u32, verdict: TryVerdict) -> ChoicesStep {
    let standing = Ok(standing(span, &[u64::from(span) * 10]));
    ChoicesStep::Judged(Some(Judged { standing, failure: None, verdict }))
}

/// A series of two tries that is prepared; the original did actions 2 and 1.
fn begun() -> Choices {
    let mut choices = Choices::default();
    let settings = TrySettings { models: Vec::new(), times: 2 };
    choices.begin(RetryPlan { span: SpanId(1), ..RetryPlan::default() }, "writer".into(), &settings);
    let pipeline = Arc::new(Pipeline::default());
    let prepared = Prepared {
        plan: RetryPlan { span: SpanId(1), ..RetryPlan::default() },
        original: standing(1, &[2, 1]),
        queue: vec![(None, pipeline.clone()), (None, pipeline.clone())],
        newest: pipeline,
        verify: None,
        note: None,
    };
    let actions = choices.step(ChoicesStep::Prepared(Some(Ok(Box::new(prepared)))));
    assert_eq!(names(&actions), ["attend false", "tell trying", "retry"]);
    choices
}

/// A word or two for each action.
fn names(actions: &[ChoicesAction]) -> Vec<String> {
    let name = |action: &ChoicesAction| match action {
        ChoicesAction::Attend(attended) => format!("attend {attended}"),
        ChoicesAction::Retry(..) => "retry".into(),
        ChoicesAction::Judge { .. } => "judge".into(),
        ChoicesAction::Exchange(asked) => format!("undo {:?} redo {:?}", numbers(&asked.undo), numbers(&asked.redo)),
        ChoicesAction::Stand { replaced, again, .. } => format!("{} for {}", again.span, replaced[0]),
        ChoicesAction::Record(group) => format!("won {:?}", group.winner.map(|span| span.0)),
        ChoicesAction::Note(_) => "note".into(),
        ChoicesAction::Send(update) => match &**update {
            Update::Tries(report) => format!("tell {:?}", report.step).to_lowercase(),
            other => format!("{other:?}"),
        },
        ChoicesAction::Refuse(why) => format!("refuse {why}"),
        ChoicesAction::Quit => "quit".into(),
    };
    actions.iter().map(name).collect()
}

fn numbers(actions: &[Seq]) -> Vec<u64> {
    actions.iter().map(|seq| seq.0).collect()
}

/// The report that is told last.
fn told(actions: &[ChoicesAction]) -> TriesReport {
    let reports = actions.iter().rev().find_map(|action| match action {
        ChoicesAction::Send(update) => match &**update {
            Update::Tries(report) => Some((**report).clone()),
            _ => None,
        },
        _ => None,
    });
    reports.unwrap()
}

fn run_try(choices: &mut Choices, span: u32) -> Vec<ChoicesAction> {
    choices.try_began(Began { generation: Generation(span), at: Millis(0) });
    let actions = choices.try_ended(facts(span, RunStatus::Ok));
    assert_eq!(names(&actions), ["tell takingback", "judge"]);
    let actions = choices.step(judged(span, TryVerdict::Pass));
    assert_eq!(names(&actions), ["tell takingback".to_owned(), format!("undo [{}] redo [2, 1]", span * 10)]);
    choices.step(ChoicesStep::Exchanged(Ok(())))
}

#[test]
fn each_try_is_taken_back_before_the_next_and_one_is_kept() {
    let mut choices = begun();
    assert_eq!(names(&run_try(&mut choices, 5)), ["s1 for s5", "attend false", "tell trying", "retry"]);
    assert_eq!(names(&run_try(&mut choices, 6)), ["s1 for s6", "attend true", "tell choosing"]);
    assert!(choices.is_open() && !choices.is_busy());
    assert_eq!(names(&choices.keep(Some(9))), ["refuse there is no try 9"]);
    assert_eq!(names(&choices.keep(Some(2))), ["tell keeping", "undo [2, 1] redo [60]"]);
    let actions = choices.step(ChoicesStep::Exchanged(Ok(())));
    assert_eq!(names(&actions), ["s6 for s1", "won Some(6)", "attend true", "tell over"]);
    assert_eq!(told(&actions).kept, Some(2));
    assert!(!choices.is_open());
    assert_eq!(names(&choices.keep(None)), ["refuse there are no tries to choose from"]);
}

#[test]
fn none_is_kept_and_the_run_is_as_it_was() {
    let mut choices = begun();
    run_try(&mut choices, 5);
    assert_eq!(names(&choices.keep(None)), ["refuse the tries are not over yet; wait, or cancel them with X"]);
    run_try(&mut choices, 6);
    let actions = choices.keep(None);
    assert_eq!(names(&actions), ["won None", "attend true", "tell over"]);
    assert_eq!((told(&actions).kept, told(&actions).is_left), (None, false));
}

#[test]
fn a_try_that_cant_be_put_in_place_leaves_the_choice_open() {
    let mut choices = begun();
    run_try(&mut choices, 5);
    run_try(&mut choices, 6);
    choices.keep(Some(1));
    let actions = choices.step(ChoicesStep::Exchanged(Err("a.txt was changed".into())));
    let refusal = "refuse failed to keep try 1: a.txt was changed. The run is as it was before the tries";
    assert_eq!(names(&actions), [refusal, "tell choosing"]);
    assert_eq!(names(&choices.keep(Some(2))), ["tell keeping", "undo [2, 1] redo [60]"]);
}

#[test]
fn a_try_that_cant_be_taken_back_stays_and_is_told() {
    let mut choices = begun();
    choices.try_began(Began { generation: Generation(5), at: Millis(0) });
    let stays = Some("#50 send can't be undone: declared irreversible".to_owned());
    let actions = choices.try_ended(Facts { stays, ..facts(5, RunStatus::Ok) });
    assert_eq!(names(&actions), ["won Some(5)", "note", "attend true", "tell over"]);
    let report = told(&actions);
    assert!(report.is_left && report.stopped.unwrap().contains("#50 send"), "{:?}", report.kept);

    let mut choices = begun();
    choices.try_began(Began { generation: Generation(5), at: Millis(0) });
    choices.try_ended(facts(5, RunStatus::Ok));
    choices.step(judged(5, TryVerdict::NotAsked));
    let actions = choices.step(ChoicesStep::Exchanged(Err("a.txt was changed by another program".into())));
    assert_eq!(names(&actions), ["won Some(5)", "note", "attend true", "tell over"]);
    assert!(told(&actions).is_left);
}

#[test]
fn a_cancel_takes_the_try_under_way_back_and_makes_no_other() {
    let mut choices = begun();
    choices.try_began(Began { generation: Generation(5), at: Millis(0) });
    choices.cancel();
    choices.try_ended(facts(5, RunStatus::Cancelled));
    choices.step(judged(5, TryVerdict::NotAsked));
    let actions = choices.step(ChoicesStep::Exchanged(Ok(())));
    assert_eq!(names(&actions), ["s1 for s5", "attend true", "tell choosing"]);
    let report = told(&actions);
    assert!(report.cancelled && report.tries[0].not_keepable.is_some());
    // Quitting meanwhile ends the session when it is undone.
    let mut choices = begun();
    choices.try_began(Began { generation: Generation(5), at: Millis(0) });
    assert!(choices.ask_to_quit() && !choices.ask_to_quit());
    choices.cancel();
    choices.try_ended(facts(5, RunStatus::Cancelled));
    choices.step(judged(5, TryVerdict::NotAsked));
    let actions = choices.step(ChoicesStep::Exchanged(Ok(())));
    assert_eq!(names(&actions), ["s1 for s5", "won None", "attend true", "tell over", "quit"]);
}

#[test]
fn a_retry_that_is_refused_ends_the_tries_with_the_run_as_it_was() {
    let mut choices = begun();
    let actions = choices.retry_refused("a.txt was changed since".into());
    assert_eq!(names(&actions), ["tell takingback", "undo [] redo [2, 1]"]);
    let actions = choices.step(ChoicesStep::Exchanged(Ok(())));
    assert_eq!(names(&actions), ["attend true", "tell over"]);
    assert_eq!(told(&actions).stopped.as_deref(), Some("a.txt was changed since"));
    // One that had begun is no refusal of it.
    let mut choices = begun();
    choices.try_began(Began { generation: Generation(5), at: Millis(0) });
    assert!(choices.retry_refused("later".into()).is_empty());
}

#[test]
fn a_limit_ends_the_tries_after_that_one() {
    let mut choices = begun();
    choices.try_began(Began { generation: Generation(5), at: Millis(0) });
    choices.try_ended(Facts { limit: Some("700 tokens are used".into()), ..facts(5, RunStatus::Failed) });
    choices.step(judged(5, TryVerdict::NotAsked));
    let actions = choices.step(ChoicesStep::Exchanged(Ok(())));
    let report = told(&actions);
    assert_eq!((report.step, report.tries.len()), (TriesStep::Choosing, 1));
    assert!(report.stopped.unwrap().contains("700 tokens"));
}

#[test]
fn tries_that_are_refused_are_over() {
    let mut choices = Choices::default();
    let settings = TrySettings { models: Vec::new(), times: 2 };
    choices.begin(RetryPlan::default(), "writer".into(), &settings);
    let why = TriesRefusal::Stays { action: Seq(3), key: "send".into(), why: "declared irreversible".into() };
    let text = why.to_string();
    let actions = choices.step(ChoicesStep::Prepared(Some(Err(why.into()))));
    assert_eq!(names(&actions), [format!("refuse {text}"), "attend true".into(), "tell over".into()]);
    assert!(!choices.is_open());
}
