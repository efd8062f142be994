//! Resume and fork on the screen: the questions, the plan, and what is sent.

use tama_tui::app::{Key, Popup};
use tama_tui::model::{
    self, ForkHow, ForkOutlook, ResumeDecision, ResumeDone, ResumePlan, ResumeQuestion, RetryPlan, RunStatus,
    SpanStatus, TraceBody, Update,
};

use crate::support::app_support::{Bench, Spans, run_commands};

fn interrupted() -> (Bench, Spans) {
    let (mut bench, spans) = Bench::paused();
    bench.status(RunStatus::Interrupted);
    (bench, spans)
}

fn plan(spans: &Spans, questions: Vec<ResumeQuestion>) -> ResumePlan {
    ResumePlan {
        upto: model::Seq(7),
        done: vec![ResumeDone { span: spans.llm, result: "written".into() }],
        questions,
        retry: RetryPlan { reruns: vec![spans.call], from_journal: 3, ..RetryPlan::default() },
    }
}

fn question(spans: &Spans) -> ResumeQuestion {
    ResumeQuestion { span: spans.call, what: "./charge 1".into(), why: "nobody knows".into(), actions: Vec::new() }
}

#[test]
fn an_interrupted_run_goes_on_once_its_plan_was_shown() {
    let (mut bench, spans) = interrupted();
    assert_eq!(bench.keys("c"), [model::Command::PlanResume]);
    bench.send(Update::Resume(Box::new(plan(&spans, Vec::new()))));
    let Some(Popup::Ask(ask)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    for wanted in ["its changes are in place", "rerun  ", "reuse  3 recorded calls"] {
        assert!(ask.lines.iter().any(|line| line.contains(wanted)), "{wanted}: {:?}", ask.lines);
    }
    let sent = run_commands(bench.key(Key::Enter));
    assert_eq!(sent, [model::Command::Resume { plan: Box::new(plan(&spans, Vec::new())), decisions: Vec::new() }]);
}

#[test]
fn a_call_of_which_nobody_knows_is_decided_first() {
    let (mut bench, spans) = interrupted();
    bench.keys("c");
    let asked = plan(&spans, vec![question(&spans)]);
    bench.send(Update::Resume(Box::new(asked.clone())));
    let Some(Popup::Menu(menu)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    assert!(menu.title.contains("1 of 1") && menu.lines.iter().any(|line| line.contains("./charge 1")), "{menu:?}");
    assert_eq!(bench.keys("a"), []);
    let Some(Popup::Ask(ask)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    assert!(ask.lines.iter().any(|line| line.contains("as you say")), "{:?}", ask.lines);
    let sent = run_commands(bench.key(Key::Enter));
    let decisions = vec![(spans.call, ResumeDecision::Again)];
    assert_eq!(sent, [model::Command::Resume { plan: Box::new(asked), decisions }]);
}

#[test]
fn a_fork_asks_what_to_do_about_a_workspace_that_is_not_as_it_was_there() {
    let (mut bench, spans) = Bench::paused();
    assert_eq!(bench.keys("F"), [], "a run under way is not forked");
    assert!(bench.message().contains("under way"), "{}", bench.message());
    for span in [spans.call, spans.writer, spans.editor] {
        bench.end(span, SpanStatus::Ok);
    }
    bench.event(TraceBody::RunStatus { status: RunStatus::Ok, text: None });
    bench.state.tree.select(spans.writer, 20);
    bench.keys("");
    let span = spans.writer;
    assert_eq!(bench.keys("F"), [model::Command::PlanFork { span, edits: Box::default() }]);
    let outlook = |moved: &[&str]| {
        let moved = moved.iter().map(|moved| (*moved).to_owned()).collect();
        Update::Fork(Box::new(ForkOutlook { span, moved, ..ForkOutlook::default() }))
    };
    bench.send(outlook(&[]));
    let sent = run_commands(bench.key(Key::Enter));
    assert_eq!(sent, [model::Command::Fork { span, how: ForkHow::AsItWas, edits: Box::default() }]);
    for (key, how) in [("r", ForkHow::Restore), ("c", ForkHow::Copy), ("a", ForkHow::AsItIs)] {
        bench.send(outlook(&["NOTES.md 4 B"]));
        let Some(Popup::Menu(menu)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
        assert!(menu.lines.iter().any(|line| line.contains("NOTES.md 4 B")), "{menu:?}");
        assert_eq!(bench.keys(key), [model::Command::Fork { span, how, edits: Box::default() }]);
    }
}
