//! Edits by hand of spans that ran: made from the tree and from the plan of a retry or fork, and taken by it.

use serde_json::json;
use tama_tui::app::{Command, Key, Msg, Popup, update};
use tama_tui::model::{
    self, EditPart, EditScope, Editable, ForkHow, ForkOutlook, MomentAsked, RetryEdits, RetryPlan, RunStatus, SpanId,
    SpanStatus, TraceBody, Update,
};

use crate::support::app_support::{Bench, Spans, run_commands};

/// A run that has ended.
fn ended() -> (Bench, Spans) {
    let (mut bench, spans) = Bench::paused();
    for span in [spans.call, spans.writer, spans.editor] {
        bench.end(span, SpanStatus::Ok);
    }
    bench.event(TraceBody::RunStatus { status: RunStatus::Ok, text: None });
    (bench, spans)
}

fn select(bench: &mut Bench, span: SpanId) {
    bench.state.tree.follow = false;
    bench.state.tree.select(span, 20);
}

/// The run's answer with a part of a span as it was.
fn part(bench: &mut Bench, (span, part): (SpanId, EditPart), text: &str) {
    let scopes = vec![EditScope::Retry];
    let editable =
        Editable { span, title: String::new(), text: text.into(), scopes, extension: "md", part: Some(part) };
    bench.send(Update::Editable(editable));
    assert!(matches!(bench.state.popup, Some(Popup::Editor(_))), "{:?}", bench.state.popup);
}

/// Types a text in the place of what the editor has.
fn typed(bench: &mut Bench, text: &str) -> Vec<model::Command> {
    bench.key(Key::Char('x'));
    assert_eq!(bench.key(Key::Ctrl('s')), [Command::EditorTake]);
    run_commands(update(&mut bench.state, Msg::EditorDone { text: text.into() }))
}

fn menu(bench: &Bench) -> Vec<String> {
    let Some(Popup::Menu(menu)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    menu.items.iter().map(|item| format!("{} {}", item.key, item.label)).collect()
}

#[test]
fn a_call_that_has_ended_is_edited_and_its_retry_takes_the_edits() {
    let (mut bench, spans) = ended();
    let span = spans.tool;
    select(&mut bench, span);
    assert_eq!(bench.keys("e"), []);
    let offered = menu(&bench);
    assert_eq!(offered[0], "g its arguments");
    assert_eq!(offered[1], "p the prompt of writer, from its next call on");
    assert_eq!(bench.keys("g"), [model::Command::EditPart { span, part: EditPart::Arguments }]);
    part(&mut bench, (span, EditPart::Arguments), "{\n  \"path\": \"a\"\n}");
    assert_eq!(typed(&mut bench, "{ \"path\""), [], "no JSON");
    assert!(bench.message().contains("no JSON"), "{}", bench.message());
    assert!(matches!(bench.state.popup, Some(Popup::Editor(_))), "the text is not lost");
    assert_eq!(typed(&mut bench, "{ \"path\": \"b\" }"), []);
    assert!(bench.message().contains("edited (arguments): r retries with it, F forks"), "{}", bench.message());
    // The plan shows it, and more can be edited from there.
    assert_eq!(bench.keys("r"), [model::Command::Plan { span }]);
    let plan = RetryPlan { span, reruns: vec![span], ..RetryPlan::default() };
    bench.send(Update::Plan(plan.clone()));
    assert_eq!(bench.keys("e"), []);
    assert!(menu(&bench).iter().any(|item| item == "x discard these edits: arguments"), "{:?}", menu(&bench));
    assert_eq!(bench.keys("t"), [model::Command::EditPart { span, part: EditPart::Temperature }]);
    part(&mut bench, (span, EditPart::Temperature), "");
    assert_eq!(typed(&mut bench, "0.5"), [model::Command::Plan { span }], "the plan is shown again");
    bench.send(Update::Plan(plan.clone()));
    let sent = run_commands(bench.key(Key::Enter));
    let edits = RetryEdits { args: Some(json!({ "path": "b" })), temperature: Some(0.5), ..RetryEdits::default() };
    let plan = Box::new(plan);
    assert_eq!(sent, [model::Command::RetryEdited { plan, edits: Box::new(edits.clone()), with_readers: false }]);
    assert_eq!(bench.state.by_hand().of(span), edits, "they are kept until the retry begins");
    bench.event(TraceBody::Invalidated {
        generation: model::Generation(2),
        cause: span,
        spans: vec![span],
        paths: vec!["editor/writer/tama_files_write".into()],
        reopened: Vec::new(),
        stale: Vec::new(),
    });
    assert!(bench.state.by_hand().of(span).is_empty(), "the retry has taken them");
}

#[test]
fn an_answer_by_hand_stands_in_for_a_span_that_ended() {
    let (mut bench, spans) = ended();
    select(&mut bench, spans.llm);
    assert_eq!(bench.keys("a"), [model::Command::EditPart { span: spans.llm, part: EditPart::Answer }]);
    part(&mut bench, (spans.llm, EditPart::Answer), "as it was");
    // An answer that is what came is one all the same: nothing is sent for it.
    assert_eq!(bench.key(Key::Ctrl('s')), [Command::EditorTake]);
    update(&mut bench.state, Msg::EditorDone { text: "as it was".into() });
    assert_eq!(bench.state.by_hand().of(spans.llm).answer.as_deref(), Some("as it was"));
    // The edits of a span can be dropped.
    bench.keys("e");
    bench.keys("x");
    assert!(bench.state.by_hand().of(spans.llm).is_empty());
    assert!(bench.message().contains("no edits by hand"), "{}", bench.message());
}

#[test]
fn a_prompt_is_edited_for_all_that_follows_or_for_one_retry() {
    let (mut bench, spans) = ended();
    let span = spans.writer;
    select(&mut bench, span);
    assert_eq!(bench.keys("e"), [model::Command::Edit { span }]);
    let prompt = || Editable {
        span,
        title: "prompt of writer, from its next call on".into(),
        text: "be kind".into(),
        scopes: vec![EditScope::Agent, EditScope::Retry],
        extension: "md",
        part: None,
    };
    bench.send(Update::Editable(prompt()));
    let sent = typed(&mut bench, "be brief");
    assert_eq!(sent, [model::Command::SaveEdit { span, text: "be brief".into(), scope: EditScope::Agent }]);
    bench.keys("e");
    bench.send(Update::Editable(prompt()));
    bench.key(Key::Ctrl('t'));
    let Some(Popup::Editor(editor)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    assert_eq!(editor.full_title(), "prompt of writer, for the next retry or fork only");
    assert_eq!(typed(&mut bench, "be brief"), []);
    assert_eq!(bench.state.by_hand().of(span).prompt.as_deref(), Some("be brief"));
}

#[test]
fn a_fork_is_made_with_edits_also_from_a_moment_of_the_past() {
    let (mut bench, spans) = ended();
    let span = spans.llm;
    let began = bench.state.run.trace.get(span).unwrap().started;
    bench.scrub(MomentAsked { from: began, by: 0 });
    assert!(bench.state.timeline.is_past());
    select(&mut bench, span);
    assert_eq!(bench.keys("F"), [model::Command::PlanFork { span, edits: Box::default() }]);
    let outlook = || {
        let plan = RetryPlan { span, ..RetryPlan::default() };
        Update::Fork(Box::new(ForkOutlook { span, plan, ..ForkOutlook::default() }))
    };
    bench.send(outlook());
    assert!(bench.state.timeline.is_past(), "the moment stays in view");
    assert_eq!(menu(&bench), ["f fork: it stops right before the span", "e edit first"]);
    bench.keys("e");
    assert_eq!(bench.keys("p"), [model::Command::EditPart { span, part: EditPart::Prompt }]);
    part(&mut bench, (span, EditPart::Prompt), "be kind");
    let edits = Box::new(RetryEdits { prompt: Some("be brief".into()), ..RetryEdits::default() });
    assert_eq!(typed(&mut bench, "be brief"), [model::Command::PlanFork { span, edits: edits.clone() }]);
    bench.send(outlook());
    let Some(Popup::Menu(shown)) = &bench.state.popup else { panic!("{:?}", bench.state.popup) };
    assert!(shown.lines.iter().any(|line| line == "edited prompt: be brief"), "{:?}", shown.lines);
    let sent = run_commands(bench.key(Key::Enter));
    assert_eq!(sent, [model::Command::Fork { span, how: ForkHow::AsItWas, edits }]);
    // The fork is shown as it is now.
    bench.send(Update::OpenedAnew);
    assert!(!bench.state.timeline.is_past());
    assert!(bench.state.by_hand().of(span).is_empty());
}

#[test]
fn a_fork_that_may_do_other_things_wants_the_letter() {
    let (mut bench, spans) = ended();
    let span = spans.writer;
    select(&mut bench, span);
    bench.keys("F");
    let plan = RetryPlan { span, authority: vec!["policy: allow = [\"tama_bash\"]".into()], ..RetryPlan::default() };
    bench.send(Update::Fork(Box::new(ForkOutlook { span, plan, ..ForkOutlook::default() })));
    assert_eq!(bench.key(Key::Enter), []);
    assert!(bench.message().contains("choose by the letter"), "{}", bench.message());
    assert_eq!(bench.keys("f"), [model::Command::Fork { span, how: ForkHow::AsItWas, edits: Box::default() }]);
}

#[test]
fn esc_in_the_edits_of_a_plan_goes_back_to_the_plan() {
    let (mut bench, spans) = ended();
    let span = spans.writer;
    select(&mut bench, span);
    bench.keys("r");
    bench.send(Update::Plan(RetryPlan { span, ..RetryPlan::default() }));
    bench.keys("e");
    assert_eq!(menu(&bench)[1], "i its input");
    assert_eq!(run_commands(bench.key(Key::Esc)), [model::Command::Plan { span }]);
    bench.send(Update::Plan(RetryPlan { span, ..RetryPlan::default() }));
    assert!(matches!(bench.state.popup, Some(Popup::Plan(_))));
    bench.keys("e");
    bench.keys("i");
    part(&mut bench, (span, EditPart::Input), "do it");
    assert_eq!(run_commands(bench.key(Key::Esc)), [model::Command::Plan { span }]);
    assert!(bench.state.by_hand().of(span).is_empty());
}
